import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { hub, models, nn, openDevice, random } from "../../mod.ts";
import { openWriter } from "../../experiments/runner/open_writer.ts";
import {
  continuationBatch,
  denoisingBatch,
  hideSpans,
  PROSE_ROWS,
} from "../../experiments/runner/pretrain/prose_batches.ts";
import { Choices } from "../../experiments/suite/random.ts";
import {
  type SuiteLanguageModel,
  suiteLanguageModel,
  TEXT_MODELS,
  type TextModelKind,
  textSuite,
  writeSuiteLanguageModel,
} from "../../experiments/suite/texts/mod.ts";
import { suiteProse } from "../../experiments/suite/texts/prose.ts";
import { TEXT_LENGTH, TEXT_MODEL_FILES } from "../../experiments/suite/texts/text_models.ts";
import { learnTokenizer, SPECIAL_IDS, textTokenizer, tokenizerText } from "../../experiments/suite/texts/tokenizer.ts";
import { GENERATION_TASKS } from "../../lib/data/mod.ts";
import { withFolder } from "../experiment/samples.ts";

const SEED = 2309;
/** Batches by which a loss is estimated. */
const BATCHES = 8;

describe("the tokenizer of the suite's text models", () => {
  it("is what is learned of the prose, with 2,000 pieces at most", async () => {
    const json = learnTokenizer();
    const file = new URL("../../experiments/suite/texts/tokenizer.json", import.meta.url);
    expect(await Deno.readTextFile(file)).toBe(tokenizerText(json));
    for (const kind of TEXT_MODELS) expect((await textTokenizer(kind)).vocabSize).toBeLessThanOrEqual(2000);
  });

  it("gives every text back, also such as the suite does not have", async () => {
    const texts = ["", " a  b\n", "naïve café — ½ €", "雨が降る 🌧️", "name[X], price[£20-25]"];
    for (const task of GENERATION_TASKS) {
      const { splits } = await textSuite(task);
      texts.push(...splits.test!.pairs.flatMap(({ source, target }) => [source, target]));
    }
    for (const kind of TEXT_MODELS) {
      const tokenizer = await textTokenizer(kind);
      for (const text of texts) expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
    }
  });

  it("puts an encoder-decoder's texts between <s> and </s>, and nothing around those of a decoder", async () => {
    const [decoder, other] = [await textTokenizer("decoder"), await textTokenizer("encoder-decoder")];
    const { ids } = decoder.encode("Dogs are welcome.");
    expect(other.encode("Dogs are welcome.").ids).toEqual([SPECIAL_IDS.begin, ...ids, SPECIAL_IDS.end]);
    expect([decoder.eosId, decoder.padId]).toEqual([SPECIAL_IDS.endOfText, SPECIAL_IDS.pad]);
    expect([other.eosId, other.padId, other.encode("<mask>").ids[1]])
      .toEqual([SPECIAL_IDS.end, SPECIAL_IDS.pad, SPECIAL_IDS.mask]);
  });

  it("has room for the texts of all tasks in a model's positions", async () => {
    const [decoder, other] = [await textTokenizer("decoder"), await textTokenizer("encoder-decoder")];
    for (const task of GENERATION_TASKS) {
      const { splits } = await textSuite(task);
      for (const { source, target } of [splits.train, splits.dev, splits.test].flatMap((split) => split!.pairs)) {
        expect(decoder.encode(source).ids.length + decoder.encode(` ${target}`).ids.length + 2)
          .toBeLessThanOrEqual(TEXT_LENGTH);
        expect(other.encode(source).ids.length).toBeLessThanOrEqual(TEXT_LENGTH);
      }
    }
  });
});

describe("prose of pre-training", () => {
  it("is the same in a batch of the same number, and another in the next", async () => {
    const tokenizer = await textTokenizer("decoder");
    const ids = async (index: number) => [...await continuationBatch(index, { seed: 1, tokenizer }).inputIds.data()];
    expect(await ids(3)).toEqual(await ids(3));
    expect(await ids(4)).not.toEqual(await ids(3));
    expect((await ids(3)).length).toBe(PROSE_ROWS.decoder * TEXT_LENGTH);
  });

  it("names no attribute of a house as meanings do, and sums nothing up", () => {
    const prose = suiteProse(new Choices(1).fork("test"));
    for (let i = 0; i < 500; i++) {
      expect(prose.next().value).not.toMatch(/ : | \| |\[|have been saved|are under water|have taken|have beaten/);
    }
  });

  it("hides three of ten tokens, neither the first nor the last, in spans of one mask each", async () => {
    const tokenizer = await textTokenizer("encoder-decoder");
    const prose = suiteProse(new Choices(1).fork("test"));
    const choices = new Choices(2);
    let [whole, hidden] = [0, 0];
    for (let i = 0; i < 300; i++) {
      const { ids } = tokenizer.encode(prose.next().value);
      const source = hideSpans(ids, choices);
      const kept = source.filter((id) => id !== SPECIAL_IDS.mask);
      expect([source[0], source.at(-1)]).toEqual([SPECIAL_IDS.begin, SPECIAL_IDS.end]);
      // What is left stands in its order.
      let at = 0;
      for (const id of ids) if (id === kept[at]) at++;
      expect(at).toBe(kept.length);
      whole += ids.length;
      hidden += ids.length - kept.length;
    }
    expect(hidden / whole).toBeGreaterThan(0.22);
    expect(hidden / whole).toBeLessThan(0.32);
  });
});

/** The loss of a model on a batch of its pre-training. */
function lossOf(
  { config, weights, tokenizer }: SuiteLanguageModel,
  kind: TextModelKind,
): (index: number) => nn.LossTerm {
  const options = { seed: SEED, tokenizer };
  if (kind === "decoder") {
    const model = models.fromConfig(config, { head: "causal-lm" });
    const { params, report } = models.paramsFrom(weights, model, { key: random.key(0) });
    expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
    return (index) => {
      const batch = continuationBatch(index, options);
      return nn.crossEntropy(model.apply(params, batch), batch.labels);
    };
  }
  const model = models.fromConfig(config, { head: "seq2seq-lm" });
  const { params, report } = models.paramsFrom(weights, model, { key: random.key(0) });
  expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
  return (index) => {
    const batch = denoisingBatch(index, options);
    return nn.crossEntropy(model.apply(params, batch), batch.labels);
  };
}

for (const kind of TEXT_MODELS) {
  describe(`the suite's ${kind}`, () => {
    it("has on texts of its pre-training the loss that its settings tell", async () => {
      using _device = await openDevice();
      const about = JSON.parse(await Deno.readTextFile(new URL(`${TEXT_MODEL_FILES[kind]}.json`)));
      const { config, hash } = await suiteLanguageModel(kind);
      expect([about.sha256, about.config]).toEqual([hash, config]);
      const lossAt = lossOf(await suiteLanguageModel(kind), kind);
      let [sum, count] = [0, 0];
      for (let index = about.steps - BATCHES; index < about.steps; index++) {
        const term = lossAt(index);
        sum += await term.sum.item();
        count += await term.count.item();
      }
      expect(Math.abs(sum / count / about.finalLoss - 1)).toBeLessThan(0.1);
    });

    it("is a folder of Hugging Face's, which opens for writing", async () => {
      using _device = await openDevice();
      await withFolder(async (folder) => {
        await writeSuiteLanguageModel(folder, kind);
        const { tensors, config, tokenizer } = await hub.loadPretrained(folder);
        const shipped = await suiteLanguageModel(kind);
        expect(config).toEqual(shipped.config);
        expect(Object.keys(tensors)).toEqual(Object.keys(shipped.weights));
        expect(tokenizer?.encode("Dogs are welcome.")).toEqual(shipped.tokenizer.encode("Dogs are welcome."));
        const { endTokens, model } = await openWriter(folder);
        expect(endTokens).toEqual([shipped.tokenizer.eosId]);
        expect(model.config.maxLength).toBe(TEXT_LENGTH);
      });
    });
  });
}
