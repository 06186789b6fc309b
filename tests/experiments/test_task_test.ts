import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { fileURLToPath } from "node:url";
import { countTests, groups } from "../../tools/test.ts";
import { filesUnder } from "../experiment/samples.ts";
import { ROOT, runTask } from "./run_task.ts";

/** A file whose tests ask nothing of a device. */
const FILE = "tests/tensor/view_test.ts";

describe("deno task test", () => {
  it("ends with a line that counts the tests of all files that were named", async () => {
    const { code, stdout } = await runTask("test", [FILE, "tests/tensor/tree_test.ts"]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d+ passed, 0 failed$/);
    for (const suite of ["a view", "a tree"]) expect(stdout).toContain(`${suite} ... ok`);
  });

  it("tests two groups at once, and prints what they say one after the other", async () => {
    const paths = ["tests/text/", "tests/metrics/", FILE];
    const { stdout, stderr } = await runTask("test", paths);
    const files = Array.from(stdout.matchAll(/^running \d+ tests? from \.\/(.*)$/gm), ([, file]) => file);
    const order = files.map((file) => paths.findIndex((path) => file.startsWith(path)));
    expect(new Set(order)).toEqual(new Set([0, 1, 2]));
    expect(order).toEqual(order.toSorted());
    expect(stderr).toBe("");
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

describe("groups()", () => {
  it("have every file of tests, those in folders of folders, too, and the examples", () => {
    const files = filesUnder(fileURLToPath(new URL("tests/", ROOT))).filter((path) => path.endsWith("_test.ts"));
    const names = groups({}).map(({ name }) => name);
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter((path) => !names.some((name) => `tests/${path}`.startsWith(name)))).toEqual([]);
    expect(names.at(-1)).toBe("examples");
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
