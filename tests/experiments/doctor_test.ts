import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { advice } from "../../experiments/terminal/describe_device.ts";
import { testDevice } from "../support/device.ts";
import { runTask, STACK } from "./run_task.ts";

describe("deno task doctor", () => {
  it("says with --json in one document which device computes, its limits, and how fast", async () => {
    const { report } = await testDevice();
    const { code, stdout } = await runTask("doctor", ["--json"]);
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect([found.device, found.isSoftware, found.subgroupSize])
      .toEqual([report.name, report.isSoftware, report.subgroupSize]);
    expect(found.limits.maxBufferSize).toBe(report.limits.maxBufferSize);
    expect(found.gflopsPerSecond).toBeGreaterThan(0);
    expect(found.gigabytesPerSecond).toBeGreaterThan(0);
    expect(found.faster).toBe(advice(report));
  });

  it("explains itself with --help and measures nothing", async () => {
    const { code, stdout, stderr } = await runTask("doctor", ["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const flag of ["--device NAME", "--json", "--help"]) expect(stdout).toContain(flag);
  });

  const wrong: [args: string[], message: string][] = [
    [["--devise", "x"], "doctor: unknown flag --devise: did you mean --device? See --help\n"],
    [["--device"], "doctor: --device needs a value: see --help\n"],
    [["now"], 'doctor: unexpected argument "now": see --help\n'],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(" ")} in one line, with exit code 1`, async () => {
      expect(await runTask("doctor", args)).toEqual({ code: 1, stdout: "", stderr: message });
    });
  }

  it("says which devices there are where the one that was asked for is missing, with --json on both outputs", async () => {
    const { code, stdout, stderr } = await runTask("doctor", ["--device", "abacus", "--json"]);
    expect(code).toBe(1);
    expect(stderr).toContain('doctor: no device is called "abacus"');
    expect(stderr).not.toMatch(STACK);
    expect(JSON.parse(stdout).error).toContain('no device is called "abacus"');
  });
});

describe("advice()", () => {
  it("points from SwiftShader to lavapipe and from lavapipe to a GPU", async () => {
    const { report } = await testDevice();
    expect(advice({ ...report, isSoftware: false })).toContain("nothing else to install");
    expect(advice({ ...report, isSoftware: true, name: "SwiftShader Device" })).toContain("mesa-vulkan-drivers");
    expect(advice({ ...report, isSoftware: true, name: "llvmpipe" })).toContain("a GPU");
  });
});
