import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadEncoder } from "../../experiments/suite/encoder.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { sha256 } from "../../lib/experiment/mod.ts";
import { filesUnder, withFolder } from "../experiment/samples.ts";
import { runTask, STACK } from "./run_task.ts";

describe("deno task pretrain", () => {
  it("writes the same bytes twice: weights that reproduce loads, and what made them", async () => {
    await withFolder(async (folder) => {
      for (const name of ["a", "b"]) {
        const { code } = await runTask("pretrain", ["--steps", "2", "--seed", "5", "--out", `${folder}/${name}`]);
        expect(code).toBe(0);
      }
      expect(filesUnder(folder)).toEqual(["a", "a.json", "b", "b.json"]);
      const bytes = await Deno.readFile(`${folder}/a`);
      expect(await Deno.readFile(`${folder}/b`)).toEqual(bytes);
      expect(await Deno.readTextFile(`${folder}/b.json`)).toBe(await Deno.readTextFile(`${folder}/a.json`));
      const about = JSON.parse(await Deno.readTextFile(`${folder}/a.json`));
      expect([about.steps, about.seed, about.sha256]).toEqual([2, 5, await sha256(bytes)]);
      const encoder = await loadEncoder(new URL(`file://${folder}/a`), suiteVocabulary().length);
      expect(encoder.hash).toBe(about.sha256);
    });
  });

  it("explains itself with --help", async () => {
    const { code, stdout } = await runTask("pretrain", ["--help"]);
    expect(code).toBe(0);
    for (const flag of ["--steps N", "--seed N", "--out FILE", "--device NAME"]) expect(stdout).toContain(flag);
  });

  const wrong: [args: string[], message: string][] = [
    [["--stepps", "2"], "pretrain: unknown flag --stepps: did you mean --steps?"],
    [["--steps", "none"], 'pretrain: --steps is a whole number from 1, not "none"'],
    [["--seed", "1.5"], 'pretrain: --seed is a whole number from 0, not "1.5"'],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(" ")} with exit code 1`, async () => {
      const { code, stdout, stderr } = await runTask("pretrain", args);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(message);
      expect(stderr).not.toMatch(STACK);
    });
  }

  it("ends with path and reason where the weights cannot be written, and leaves nothing", async () => {
    await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      const { code, stderr } = await runTask("pretrain", ["--steps", "1", "--out", `${folder}/file/weights`]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^pretrain: .+/m);
      expect(stderr).toContain(`${folder}/file`);
      expect(stderr).not.toMatch(STACK);
      expect(filesUnder(folder)).toEqual(["file"]);
    });
  });
});
