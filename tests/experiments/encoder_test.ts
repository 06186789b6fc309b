import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadEncoder, SUITE_ENCODER } from "../../experiments/suite/encoder.ts";
import {
  pretrainCommand,
  sizeOfModel,
  sizeOfName,
  studiedModel,
  SUITE_ENCODERS,
} from "../../experiments/suite/encoders.ts";
import { comparable } from "../../experiments/studies/comparable.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { probeData } from "../../experiments/suite/probe_data.ts";
import { inFlags } from "../../experiments/terminal/in_flags.ts";
import { sha256 } from "../../lib/experiment/mod.ts";
import { formatSafetensors } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { withFolder } from "../experiment/samples.ts";

const CONFIG = { vocabSize: 10, hiddenSize: 4, layers: 1, heads: 1, maxLength: 8 };
const weights = { "bert.pooler.dense.bias": tensor([1, 2, 3]) };

/** Writes a file of weights and gives its address. */
async function written(folder: string, bytes: Uint8Array, about?: string): Promise<URL> {
  await Deno.writeFile(`${folder}/a.safetensors`, bytes);
  if (about !== undefined) await Deno.writeTextFile(`${folder}/a.safetensors.json`, about);
  return new URL(`file://${folder}/a.safetensors`);
}

const whole = () => formatSafetensors(weights, { config: JSON.stringify(CONFIG) });

describe("loadEncoder()", () => {
  it("reads the encoder that ships with the suite, made for its vocabulary", async () => {
    const { weights, config, hash } = await loadEncoder(SUITE_ENCODER, suiteVocabulary().length);
    const words = weights["bert.embeddings.word_embeddings.weight"];
    expect(words.shape).toEqual([suiteVocabulary().length, config.hiddenSize]);
    expect(Object.keys(weights).every((name) => name.startsWith("bert."))).toBe(true);
    expect(hash).toBe(await sha256(await Deno.readFile(SUITE_ENCODER)));
  });

  it("gives weights, configuration and hash of a file, with or without its description", async () => {
    await withFolder(async (folder) => {
      const bytes = await formatSafetensors(weights, { config: JSON.stringify(CONFIG) });
      const hash = await sha256(bytes);
      for (const about of [undefined, JSON.stringify({ sha256: hash })]) {
        const encoder = await loadEncoder(await written(folder, bytes, about), 10);
        expect([encoder.config, encoder.hash]).toEqual([CONFIG, hash]);
        expect(Array.from(await encoder.weights["bert.pooler.dense.bias"].data())).toEqual([1, 2, 3]);
      }
    });
  });

  it("keeps the head that filled masked tokens apart from the weights, and reads halves as f32", async () => {
    await withFolder(async (folder) => {
      const head = { "cls.predictions.bias": tensor([1, 2.5]) };
      const whole = { ...weights, ...head };
      const bytes = await formatSafetensors(whole, { config: JSON.stringify(CONFIG) }, { floats: "F16" });
      const encoder = await loadEncoder(await written(folder, bytes), 10);
      expect(Object.keys(encoder.weights)).toEqual(Object.keys(weights));
      expect(Object.keys(encoder.head ?? {})).toEqual(Object.keys(head));
      const bias = encoder.head!["cls.predictions.bias"];
      expect([bias.dtype, ...await bias.data()]).toEqual(["f32", 1, 2.5]);
    });
  });

  it("refuses a file that is missing", async () => {
    await expect(loadEncoder(new URL("file:///nowhere/a.safetensors"), 10)).rejects
      .toThrow("cannot read file:///nowhere/a.safetensors: No such file");
  });

  it("refuses a file that was cut anywhere", async () => {
    await withFolder(async (folder) => {
      const bytes = await whole();
      for (let length = 0; length < bytes.length; length++) {
        await expect(loadEncoder(await written(folder, bytes.subarray(0, length)), 10)).rejects
          .toThrow(/cannot read .*a\.safetensors: /);
      }
    });
  });

  it("refuses a file that is not the described one by a single bit", async () => {
    await withFolder(async (folder) => {
      const bytes = await whole();
      const about = JSON.stringify({ sha256: await sha256(bytes) });
      bytes[bytes.length - 1] ^= 1;
      await expect(loadEncoder(await written(folder, bytes, about), 10)).rejects
        .toThrow(
          `in the .json beside it; deno task pretrain \`pretrain.out\` ${folder}/a.safetensors \`pretrain.overwrite\` ` +
            "makes it anew",
        );
    });
  });

  it("refuses a description that is no JSON", async () => {
    await withFolder(async (folder) => {
      await expect(loadEncoder(await written(folder, await whole(), "{"), 10)).rejects
        .toThrow("a.safetensors.json: ");
    });
  });

  it("refuses weights for another vocabulary", async () => {
    await withFolder(async (folder) => {
      await expect(loadEncoder(await written(folder, await whole()), 11)).rejects
        .toThrow("it knows 10 tokens, and the vocabulary has 11");
    });
  });

  it("refuses a configuration that is missing or wrong, and says where", async () => {
    await withFolder(async (folder) => {
      const without = await formatSafetensors(weights);
      await expect(loadEncoder(await written(folder, without), 10)).rejects.toThrow("names no configuration");
      const wrong = await formatSafetensors(weights, { config: JSON.stringify({ ...CONFIG, layers: 0 }) });
      await expect(loadEncoder(await written(folder, wrong), 10)).rejects.toThrow("configuration is wrong at layers");
    });
  });
});

describe("encoders of the suite", () => {
  it("are found by what flags and specs call them", () => {
    expect(["suite", "suite-base", "suite-encoder"].map(sizeOfModel)).toEqual(["small", "base", undefined]);
    expect(["suite-encoder", "suite-base-encoder", "suite"].map(sizeOfName)).toEqual(["small", "base", undefined]);
    expect([undefined, "suite", "suite-base", "org/name"].map(studiedModel))
      .toEqual([undefined, undefined, "suite-base-encoder", "org/name"]);
  });

  it("are told apart where tables say what they can be compared with", () => {
    const said = (name: string, source: "suite" | "folder") =>
      comparable({
        data: { source, hash: "", examples: 1 },
        model: { ...SUITE_ENCODERS.base.sizes, name, hash: "", length: 1, vocabSize: 1 },
      });
    expect(said("suite-encoder", "suite")).toContain("and the encoder has two small layers. What can be compared");
    expect(said("suite-base-encoder", "suite")).toContain(
      "and the encoder has four small layers. What can be compared",
    );
    expect(said("suite-base-encoder", "folder")).toContain(
      "but the encoder has four small layers and never saw natural text",
    );
  });

  it("are made by commands that messages name with all flags that it takes", () => {
    const { small, base } = SUITE_ENCODERS;
    const said = (...of: Parameters<typeof pretrainCommand>) => inFlags(pretrainCommand(...of), {});
    expect(said(base.url)).toBe("deno task pretrain --size base");
    expect(said(small.url, { overwrite: true })).toBe("deno task pretrain --size small --overwrite");
    expect(said(base.url, { teach: true, overwrite: true }))
      .toBe("deno task pretrain --teach --size base --overwrite");
    expect(said(new URL("file:///elsewhere/a.safetensors"), { teach: true }))
      .toBe("deno task pretrain --teach --out /elsewhere/a.safetensors");
  });

  it("have probes only where teachers have answered: else a message says which command has them answer", async () => {
    await withFolder(async (folder) => {
      const encoder = new URL(`file://${folder}/a.safetensors`);
      const failure = async (text?: string) => {
        if (text !== undefined) await Deno.writeTextFile(`${folder}/a.safetensors.probes.json`, text);
        return inFlags(await probeData("rank-1", encoder, 0).then(() => "", messageOf), {});
      };
      const teach = `deno task pretrain --teach --out ${folder}/a.safetensors`;
      expect(await failure()).toBe(`cannot read ${encoder}.probes.json: No such file; ${teach} makes it`);
      for (
        const [text, reason] of [
          ["{", "it is no JSON: "],
          ["{}", "it is wrong at encoder: "],
          ['{ "encoder": "a", "probes": {} }', "it has no rank-1; "],
        ]
      ) {
        const message = await failure(text);
        expect(message).toContain(`cannot use ${encoder}.probes.json: ${reason}`);
        expect(message).toMatch(new RegExp(`; ${teach} --overwrite has teachers answer anew$`));
      }
    });
  });
});
