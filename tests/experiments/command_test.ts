import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { duration } from "../../lib/text/duration.ts";
import { checkValues, nameList, refuseUnknown, wholeNumber } from "../../experiments/terminal/flags.ts";
import { isModified, PACKAGE_VERSION, versions } from "../../experiments/runner/versions.ts";

const FLAGS = { boolean: ["force", "dry-run"], string: ["tasks", "seeds"] };

describe("duration()", () => {
  it("says seconds, minutes and hours as people do", () => {
    const words: [number, string][] = [
      [0, "0.0 s"],
      [0.44, "0.4 s"],
      [9.94, "9.9 s"],
      [9.96, "10 s"],
      [59.4, "59 s"],
      [59.6, "1 min 00 s"],
      [185, "3 min 05 s"],
      [3599.4, "59 min 59 s"],
      [3600, "1 h 00 min"],
      [7640, "2 h 07 min"],
      [356_400, "99 h 00 min"],
      [2_692_800, "31 d 4 h"],
      [Infinity, "?"],
      [NaN, "?"],
    ];
    for (const [seconds, text] of words) expect(duration(seconds)).toBe(text);
  });
});

describe("refuseUnknown()", () => {
  it("names the nearest flag and lets words pass", () => {
    const unknown = refuseUnknown(FLAGS);
    expect(unknown("glue")).toBe(true);
    expect(() => unknown("--task", "task")).toThrow("unknown flag --task: did you mean --tasks? See --help");
    expect(() => unknown("--dryrun=1", "dryrun")).toThrow("did you mean --dry-run?");
  });
});

describe("checkValues()", () => {
  it("lets values pass where they belong", () => {
    checkValues(["glue", "--seeds", "2", "--tasks=a,b", "--force", "--seeds=-1"], FLAGS);
  });

  it("refuses a flag without its value, and a value of a flag that takes none", () => {
    for (const args of [["--seeds"], ["--seeds="], ["--seeds", "--force"], ["--seeds", ""], ["--seeds", "-1"]]) {
      expect(() => checkValues(args, FLAGS)).toThrow("--seeds needs a value: see --help");
    }
    expect(() => checkValues(["--force=maybe"], FLAGS)).toThrow("--force takes no value: see --help");
  });
});

describe("wholeNumber()", () => {
  it("reads whole numbers from 1", () => {
    expect(wholeNumber("seeds", "12")).toBe(12);
  });

  it("refuses everything else with the flag's name and what was given", () => {
    for (const text of ["0", "-1", "1.5", "1e3", "two", "", " 2", "0x10", "9007199254740993"]) {
      expect(() => wholeNumber("seeds", text)).toThrow(`--seeds is a whole number from 1, not "${text}"`);
    }
  });
});

describe("nameList()", () => {
  const known = ["cola", "rte", "sst2"] as const;

  it("reads names once each in their order, with spaces after commas, and all of them", () => {
    expect(nameList("task", "rte, cola,rte", known)).toEqual(["rte", "cola"]);
    expect(nameList("task", "all", known)).toEqual(["cola", "rte", "sst2"]);
  });

  it("refuses a name that is not there with the nearest one", () => {
    expect(() => nameList("task", "cola,rtee", known)).toThrow('unknown task "rtee": did you mean "rte"?');
  });
});

describe("ProgressBar", () => {
  const module = new URL("../../experiments/terminal/progress_bar.ts", import.meta.url).href;
  const program = `import { ProgressBar } from "${module}";
    const bar = new ProgressBar("[1/2] cola lora seed 0", 40);
    for (let step = 1; step <= 40; step++) bar.update(step, "loss 0.5");
    bar.end();
    console.error("the end");`;

  it("says a plain line after three quarters where standard error is no terminal", async () => {
    const { stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", program] }).output();
    const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    [10, 20, 30].forEach((done, i) => {
      expect(lines[i]).toMatch(
        new RegExp(`^\\[1/2\\] cola lora seed 0  ${done}/40  loss 0\\.5  [\\d.]+ steps/s  .+ left$`),
      );
    });
  });

  it("draws one line with rate and time left on a terminal, and takes it away in the end", async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, program);
    // script(1) gives the command a terminal.
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", `stty cols 100; "${Deno.execPath()}" run --quiet "${file}"`, "/dev/null"],
      stdin: "null",
    }).output();
    await Deno.remove(file);
    const drawn = new TextDecoder().decode(stdout).split("\r\x1b[2K");
    expect(drawn[0]).toBe("");
    const gone = drawn.at(-2)!.replaceAll("  ", " | ");
    expect(gone).toMatch(
      /^\[1\/2\] cola lora seed 0 \| \[#{10}\] \| 40\/40 \| loss 0\.5 \| [\d.]+ steps\/s \| 0\.0 s left$/,
    );
    expect(drawn.at(-1)).toBe("the end\r\n");
    expect(drawn.slice(0, -1).join("")).not.toContain("\n");
  });
});

describe("versions()", () => {
  it("names this package, the runtime and Dawn", () => {
    expect(versions()).toBe(`delta-lora ${PACKAGE_VERSION}, deno ${Deno.version.deno}, webgpu@0.6.2`);
  });
});

describe("isModified()", () => {
  it("is what git says of tracked files, and unknown where there is no repository", async () => {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["status", "--porcelain", "--untracked-files=no"],
      cwd: new URL("../../", import.meta.url),
      stderr: "null",
    }).output();
    expect(await isModified()).toBe(success ? stdout.length > 0 : undefined);
  });
});
