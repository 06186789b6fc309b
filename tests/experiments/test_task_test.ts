import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { countTests } from "../../tools/test.ts";
import { runTask } from "./run_task.ts";

/** A file whose tests ask nothing of a device. */
const FILE = "tests/tensor/view_test.ts";

describe("deno task test", () => {
  it("ends with a line that counts the tests of all files that were named", async () => {
    const { code, stdout } = await runTask("test", [FILE, "tests/tensor/tree_test.ts"]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d+ passed, 0 failed$/);
    for (const suite of ["a view", "a tree"]) expect(stdout).toContain(`${suite} ... ok`);
  });

  it("computes on the device that --device names, and fails where there is none of that name", async () => {
    const file = "tests/device/device_test.ts";
    const found = await runTask("test", ["--device=swiftshader", file]);
    expect([found.code, found.stdout.trimEnd().split("\n").at(-1)]).toEqual([
      0,
      expect.stringMatching(/^\d+ passed, 0 failed$/),
    ]);
    const missing = await runTask("test", ["--device", "abacus", file]);
    expect(missing.code).toBe(1);
    expect(missing.stdout).toContain('no device is called "abacus"');
    expect(missing.stdout).toMatch(/^0 passed, [1-9]\d* failed$/m);
  });

  it("refuses --device without a name", async () => {
    for (const args of [["--device"], ["--device="], ["--device", "--filter", "x"]]) {
      expect(await runTask("test", args)).toEqual({
        code: 1,
        stdout: "",
        stderr: "test: --device needs a value: the name of a device\n",
      });
    }
  });
});

describe("countTests()", () => {
  it("adds up the suites of a report, errors among the failures", () => {
    const report = `<testsuites>
  <testsuite name="a" tests="5" disabled="1" errors="1" failures="2"></testsuite>
  <testsuite name="b" tests="3" disabled="0" errors="0" failures="0"></testsuite>
</testsuites>`;
    expect(countTests(report)).toEqual({ passed: 4, failed: 3, skipped: 1 });
    expect(countTests("")).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});
