import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadEncoder } from "../../experiments/suite/encoder.ts";
import { encoderJson } from "../../experiments/suite/encoder.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import { key } from "../../lib/ops/random_mod.ts";
import { sha256 } from "../../lib/experiment/mod.ts";
import { filesUnder, withFolder } from "../experiment/samples.ts";
import { runTask, STACK, startTask } from "./run_task.ts";

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

  it("writes all parameters of BertForMaskedLM, those of the larger encoder in half precision", async () => {
    await withFolder(async (folder) => {
      const out = `${folder}/base`;
      const { code, stdout } = await runTask("pretrain", ["--size", "base", "--steps", "1", "--out", out]);
      expect(code).toBe(0);
      expect(stdout).toContain(`${out}: 1.`);
      const { config, weights } = await loadEncoder(new URL(`file://${out}`), suiteVocabulary().length);
      expect([config.layers, config.hiddenSize]).toEqual([4, 128]);
      expect(weights["bert.embeddings.word_embeddings.weight"].dtype).toBe("f32");
      const { tensors, metadata } = await loadSafetensors(out, { halves: "f16" });
      const { shapes } = fromConfig(encoderJson(config), { head: "masked-lm" });
      const byName = (a: string, b: string) => a < b ? -1 : 1;
      expect(Object.keys(tensors).toSorted(byName)).toEqual(shapes.map(([name]) => name).toSorted(byName));
      for (const [name, shape] of shapes) expect([name, tensors[name].shape]).toEqual([name, shape]);
      expect(new Set(Object.values(tensors).map(({ dtype }) => dtype))).toEqual(new Set(["f16"]));
      expect(metadata.format).toBe("pt");
    });
  });

  for (const model of ["decoder", "encoder-decoder"] as const) {
    it(`writes the same bytes twice of a ${model}, whose whole weights they are`, async () => {
      await withFolder(async (folder) => {
        for (const name of ["a", "b"]) {
          const args = ["--model", model, "--steps", "2", "--seed", "5", "--out", `${folder}/${name}`];
          expect((await runTask("pretrain", args)).code).toBe(0);
        }
        expect(filesUnder(folder)).toEqual(["a", "a.json", "b", "b.json"]);
        const bytes = await Deno.readFile(`${folder}/a`);
        expect(await Deno.readFile(`${folder}/b`)).toEqual(bytes);
        const { command, sha256: hash, config } = JSON.parse(await Deno.readTextFile(`${folder}/a.json`));
        expect([command, hash]).toEqual([
          `deno task pretrain --model ${model} --steps 2 --seed 5`,
          await sha256(bytes),
        ]);
        const { tensors } = await loadSafetensors(`${folder}/a`);
        const made = model === "decoder"
          ? fromConfig(config, { head: "causal-lm" })
          : fromConfig(config, { head: "seq2seq-lm" });
        const { report } = paramsFrom(tensors, made, { key: key(0) });
        expect([report.fresh, report.ignored]).toEqual([[], []]);
      });
    });
  }

  it("goes on to the same bytes after it was killed, and refuses the state of another pre-training", async () => {
    await withFolder(async (folder) => {
      const args = (out: string, steps = 40) => [
        ...["--steps", String(steps), "--seed", "5", "--save-every", "7"],
        ...["--out", `${folder}/${out}`],
      ];
      expect((await runTask("pretrain", args("whole"))).code).toBe(0);
      let isKilled = false;
      const { process, result } = startTask("pretrain", args("killed"), {
        isGroup: true,
        onLine(line) {
          if (isKilled || !/10\/40 {2}loss/.test(line)) return;
          isKilled = true;
          Deno.kill(-process.pid, "SIGKILL");
        },
      });
      await result;
      expect(isKilled).toBe(true);
      expect(filesUnder(folder).filter((name) => name.startsWith("killed"))).toEqual(["killed.state"]);

      const other = await runTask("pretrain", args("killed", 41));
      expect(other.code).toBe(1);
      expect(other.stderr).toContain(
        `cannot go on from ${folder}/killed.state: \`steps\` was 40 there, not 41; without that file it begins anew`,
      );
      const { code, stderr } = await runTask("pretrain", args("killed"));
      expect(code).toBe(0);
      expect(stderr).toMatch(/^resumed: (7|14|21|28|35) of 40 steps are done/m);
      for (const end of ["", ".json"]) {
        expect(await Deno.readFile(`${folder}/killed${end}`)).toEqual(await Deno.readFile(`${folder}/whole${end}`));
      }
      expect(filesUnder(folder)).toEqual(["killed", "killed.json", "whole", "whole.json"]);
    });
  });

  it("writes over nothing unasked: neither weights nor what teachers answer", async () => {
    await withFolder(async (folder) => {
      const out = `${folder}/encoder`;
      for (const [path, args] of [[out, []], [`${out}.probes.json`, ["--teach"]]] as const) {
        await Deno.writeTextFile(path, "kept");
        const { code, stderr } = await runTask("pretrain", [...args, "--out", out]);
        expect(code).toBe(1);
        expect(stderr).toContain(
          `pretrain: cannot write ${path} as it is there: --overwrite writes over it, or choose another with --out`,
        );
        expect(await Deno.readTextFile(path)).toBe("kept");
      }
      // What cannot be read of the encoder is heard of behind that.
      const { stderr } = await runTask("pretrain", ["--teach", "--overwrite", "--out", out]);
      expect(stderr).toContain(`encoder: `);
      expect(stderr).not.toContain("as it is there");
    });
  });

  it("explains itself with --help", async () => {
    const { code, stdout } = await runTask("pretrain", ["--help"]);
    expect(code).toBe(0);
    for (
      const flag of [
        "--model encoder|decoder|encoder-decoder",
        "--size small|base",
        "--steps N",
        "--seed N",
        "--save-every N",
        "--out FILE",
        "--device NAME",
      ]
    ) expect(stdout).toContain(flag);
  });

  const wrong: [args: string[], message: string][] = [
    [["--stepps", "2"], "pretrain: unknown flag --stepps: did you mean --steps?"],
    [["--steps", "none"], 'pretrain: --steps is a whole number from 1, not "none"'],
    [["--size", "bas"], 'pretrain: unknown value of --size "bas": did you mean "base"?'],
    [
      ["--model", "decoder", "--size", "base"],
      "pretrain: --size is of the encoder: it says nothing about --model decoder",
    ],
    [["--model", "encoder-decoder", "--teach"], "pretrain: --teach is of the encoder"],
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
