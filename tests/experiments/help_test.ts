import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { ROOT, runTask } from "./run_task.ts";

const { tasks }: { tasks: Record<string, unknown> } = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
);

describe("every task of deno.json", () => {
  for (const name of Object.keys(tasks)) {
    it(`explains itself with -h as with --help: ${name}`, async () => {
      const [short, long] = [await runTask(name, ["-h"]), await runTask(name, ["--help"])];
      expect(long).toEqual({ code: 0, stdout: expect.stringContaining(`deno task ${name}`), stderr: "" });
      expect(short).toEqual(long);
    });
  }

  it("does so behind the name of what is reproduced, too", async () => {
    for (const experiment of ["glue", "ablations"]) {
      const { code, stdout } = await runTask("reproduce", [experiment, "-h"]);
      expect([code, stdout.includes(`deno task reproduce ${experiment}`)]).toEqual([0, true]);
    }
  });
});
