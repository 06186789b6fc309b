import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";

const MODULE = new URL("../../experiments/terminal/write_error.ts", import.meta.url);

describe("writeError()", () => {
  it("writes on standard error, and once that is gone leaves the process at its work", async () => {
    const code = `const { writeError } = await import("${MODULE.href}");
      writeError("before\\n");
      await new Promise((done) => setTimeout(done, 500));
      for (let i = 0; i < 3; i++) writeError("after\\n");
      console.log("done");`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", code],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stderr.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("before\n");
    await reader.cancel();
    expect(await new Response(child.stdout).text()).toBe("done\n");
    expect((await child.status).code).toBe(0);
  });
});
