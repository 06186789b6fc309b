import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";

const ROOT = new URL("../../", import.meta.url);

/** Runs Deno in a process of its own: see tests/support/devices.ts for why. */
async function deno(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** What opening `browser` gives: the device's report, or why there is none. */
async function open(): Promise<string> {
  const program = `import { requestDevice } from "${import.meta.resolve("../../lib/device/mod.ts")}";
    try {
      const device = await requestDevice({ device: "browser" });
      console.log(device.report.source, device.gpu instanceof GPUDevice);
    } catch (error) {
      console.log(error.message);
    }`;
  const { stdout } = await deno(["eval", "--no-check", program]);
  return stdout.trim();
}

describe("the runtime's own WebGPU", () => {
  it("is what `browser` opens, or the message says what it lacks", async () => {
    const opened = await open();
    if (opened.startsWith("navigator.gpu")) expect(opened).toMatch(/is missing|found no adapter/);
    else expect(opened).toBe("browser true");
  });

  it("runs every kernel, gives the same random integers and reports faults alike", async () => {
    if ((await open()).startsWith("navigator.gpu")) return; // the test above says that this is so
    const files = ["tests/kernels/", "tests/ops/random_test.ts", "tests/device/faults_test.ts"];
    const { stdout, stderr } = await deno(["test", "--quiet", "--no-check", "--allow-all", ...files], {
      TEST_DEVICE: "browser",
    });
    // What the tests say counts, and not the exit code: once in a while the driver crashes when all is over.
    if (!/^ok \| \d+ passed .*\| 0 failed/m.test(stdout)) throw new Error(`${stdout}\n${stderr}`);
  });
});
