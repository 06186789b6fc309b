import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { lockFlags } from "../../experiments/runner/locked.ts";
import type { Device } from "../../lib/device/mod.ts";
import { testDevice } from "../support/device.ts";

const ROOT = new URL("../../", import.meta.url);
const [LIBRARY, QUIET] = ["mod.ts", "lib/device/quiet_driver.ts"].map((path) => new URL(path, ROOT).href);

/** What a program says on standard error. */
async function stderrOf(code: string): Promise<{ code: number; stderr: string }> {
  const { code: exit, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", ...lockFlags(), "--ext=ts", code],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  return { code: exit, stderr: new TextDecoder().decode(stderr) };
}

const opening = (options: string) => `
  const { openDevice } = await import(${JSON.stringify(LIBRARY)});
  await openDevice(${options});
  Deno.exit(0);`;

describe("opening a device", () => {
  let device: Device;
  beforeAll(async () => {
    device = await testDevice();
  });

  it("says nothing on standard error, on which native code speaks for itself", async () => {
    const name = JSON.stringify(device.report.source === "browser" ? "browser" : device.report.name);
    expect(await stderrOf(opening(`{ device: ${name} }`))).toEqual({ code: 0, stderr: "" });
  });

  it("lets what Dawn says through where it is asked to be verbose", async () => {
    if (device.report.source === "browser" || !device.report.isSoftware) return; // others get no warning
    const { stderr } = await stderrOf(opening(`{ device: ${JSON.stringify(device.report.name)}, verbose: true }`));
    expect(stderr).toContain("artificially reduced");
  });
});

describe("quietly()", () => {
  /** Writes to standard error as native code does, past JavaScript. */
  const saying = (text: string, rest = "") => `
    import { quietly } from ${JSON.stringify(QUIET)};
    const libc = Deno.dlopen("libc.so.6", { write: { parameters: ["i32", "buffer", "usize"], result: "isize" } });
    const say = (text) => {
      const bytes = new TextEncoder().encode(text);
      libc.symbols.write(2, bytes, BigInt(bytes.length));
    };
    ${rest}
    const given = quietly(() => (say(${JSON.stringify(text)}), 7));
    say("given " + given);`;
  const known =
    "Warning: maxSomething artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n";

  it(
    "leaves the known lines out, and lets all others through in their order",
    { ignore: Deno.build.os !== "linux" },
    async () => {
      const { stderr } = await stderrOf(saying(`first\n${known}second\nWarning: the driver is old\n`));
      expect(stderr).toBe("first\nsecond\nWarning: the driver is old\ngiven 7");
    },
  );

  it("puts standard error back where the call throws", { ignore: Deno.build.os !== "linux" }, async () => {
    const throwing = `try { quietly(() => { say("before\\n"); throw new Error("x"); }); } catch { say("caught\\n"); }`;
    expect((await stderrOf(saying(known, throwing))).stderr).toBe("before\ncaught\ngiven 7");
  });
});
