import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type GenerateOptions, GenerationFailed, makeGenerator } from "../../lib/generate/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import fixture from "../fixtures/generate.json" with { type: "json" };
import { deviceIdle, testDevice } from "../support/device.ts";
import { optionsOf, type PythonCase } from "./cases.ts";
import { tableDecoder, tableParams } from "./table_decoder.ts";

const model = tableDecoder();
const cases: readonly PythonCase[] = fixture.cases;
const greedy: GenerateOptions = { endTokens: 3, maxNewTokens: 12 };

/** Texts of prompts with the fixture's tables. */
async function generate(prompts: readonly (readonly number[])[], options: GenerateOptions) {
  const generator = makeGenerator(model, options);
  try {
    return await generator.generate(tableParams(), prompts);
  } finally {
    generator.dispose();
  }
}

describe("makeGenerator", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const one of cases) {
    it(`writes the texts of transformers: ${one.name}`, async () => {
      const texts = await generate(one.prompts, optionsOf(one));
      expect(texts.map((row) => row.map(({ tokens }) => tokens))).toEqual(
        one.texts.map((row) => row.map(({ tokens }) => tokens)),
      );
      texts.flat().forEach(({ score, tokens, ending }, i) => {
        const wanted = one.texts.flat()[i].score;
        if (wanted === undefined) expect(score).toBeUndefined();
        else expect(score).toBeCloseTo(wanted, 4);
        const ends = one.settings.eos_token_id?.includes(tokens[tokens.length - 1]) ?? false;
        expect(ending).toBe(ends ? "token" : "length");
      });
    });
  }

  it("goes on where the cache has no more slots, with beams and without", async () => {
    const [prompt] = cases[0].prompts;
    const [[whole]] = await generate([prompt], { maxNewTokens: 100 });
    const [[rest]] = await generate([[...prompt, ...whole.tokens.slice(0, 80)]], { maxNewTokens: 20 });
    expect(rest.tokens).toEqual(whole.tokens.slice(80));
    // Scores are those of the tokens by the tables: a cache that lost one would give another sum.
    const [[found]] = await generate([prompt], { maxNewTokens: 100, beamSearch: { beams: 3, lengthPenalty: 0 } });
    const all = [...prompt, ...found.tokens];
    const sum = found.tokens.reduce((total, token, i) => {
      const at = prompt.length + i;
      const before = at > 1 ? fixture.before[all[at - 2]] : undefined;
      const logits = fixture.last[all[at - 1]].map((x, j) => x + (before?.[j] ?? 0));
      return total + logits[token] - Math.log(logits.reduce((exps, x) => exps + Math.exp(x), 0));
    }, 0);
    expect(found.score).toBeCloseTo(sum, 2);
  });

  it("draws the same texts from the same key, others from another, and each row from a key of its own", async () => {
    const sampling = (seed: number): GenerateOptions => ({
      maxNewTokens: 10,
      sampling: { key: random.key(seed), texts: 3, temperature: 1.5 },
    });
    const texts = await generate([[5], [5]], sampling(1));
    expect(await generate([[5], [5]], sampling(1))).toEqual(texts);
    expect(await generate([[5], [5]], sampling(2))).not.toEqual(texts);
    expect(new Set(texts.flat().map(({ tokens }) => tokens.join(" "))).size).toBeGreaterThan(4);
    // The first prompt's draws do not depend on how many others there are, nor on their lengths.
    const [beside] = await generate([[5], [1, 2, 3, 4, 5, 6, 7]], sampling(1));
    expect(beside).toEqual(texts[0]);
  });

  it("draws by a prompt's number, in whichever batch it comes", async () => {
    const options: GenerateOptions = {
      maxNewTokens: 10,
      sampling: { key: random.key(1), texts: 2, temperature: 1.5 },
    };
    const generator = makeGenerator(model, options);
    const params = tableParams();
    const all = await generator.generate(params, [[5], [5], [5], [5]]);
    const parts = [
      ...await generator.generate(params, [[5], [5]]),
      ...await generator.generate(params, [[5]], { firstNumber: 2 }),
      ...await generator.generate(params, [[5]], { firstNumber: 3 }),
    ];
    expect(parts).toEqual(all);
    expect(new Set(all.map((row) => JSON.stringify(row))).size).toBe(4);
    await expect(generator.generate(params, [[5]], { firstNumber: -1 })).rejects.toThrow(
      "firstNumber is a whole number from 0, not -1",
    );
    generator.dispose();
  });

  it("draws tokens as often as the filtered probabilities say", async () => {
    const texts = 4000;
    const [drawn] = await generate([[2, 5]], {
      maxNewTokens: 1,
      sampling: { key: random.key(7), texts, temperature: 0.8, topK: 5, topP: 0.9, minP: 0.02 },
    });
    const scaled = fixture.last[5].map((x, i) => (x + fixture.before[2][i]) / 0.8);
    const order = [...scaled.keys()].sort((a, b) => scaled[b] - scaled[a]).slice(0, 5);
    const weights = order.map((token) => Math.exp(scaled[token] - scaled[order[0]]));
    const total = weights.reduce((a, b) => a + b, 0);
    let mass = 0;
    const kept = order.filter((_, i) => {
      const isKept = mass < 0.9 * total && weights[i] >= 0.02;
      mass += weights[i];
      return isKept;
    });
    const sum = kept.reduce((s, token) => s + weights[order.indexOf(token)], 0);
    const count = (token: number) => drawn.filter(({ tokens: [first] }) => first === token).length;
    expect(kept.reduce((s, token) => s + count(token), 0)).toBe(texts);
    const statistic = kept.reduce((s, token) => {
      const expected = weights[order.indexOf(token)] / sum * texts;
      return s + (count(token) - expected) ** 2 / expected;
    }, 0);
    expect(kept.length).toBeGreaterThan(1);
    expect(statistic).toBeLessThan(18.5); // the 99.9 % quantile of χ² with 4 degrees of freedom
  });

  it("draws the most likely token where topK is 1", async () => {
    const [{ prompts, texts }] = cases;
    const drawn = await generate(prompts, { ...greedy, sampling: { key: random.key(0), topK: 1 } });
    expect(drawn.map(([{ tokens }]) => tokens)).toEqual(texts.map(([{ tokens }]) => tokens));
  });

  it("submits once for each token, and makes no buffer or pipeline in the steady state", async () => {
    const device = await testDevice();
    const generator = makeGenerator(model, { maxNewTokens: 40 });
    const params = tableParams();
    await generator.generate(params, [[1], [2]]);
    const before = device.counters();
    await generator.generate(params, [[1], [2]]);
    const after = device.counters();
    expect(after.pipelines - before.pipelines).toBe(0);
    expect(after.buffers - before.buffers).toBe(0);
    // One for the prompts, one for each further token, and one for each read.
    expect(after.submissions - before.submissions).toBeLessThanOrEqual(2 * 40 + 2);
    generator.dispose();
  });

  it("streams the tokens that generate gives, and stops where the loop does", async () => {
    const { prompts, texts } = cases[0];
    const generator = makeGenerator(model, greedy);
    for (const [row, prompt] of prompts.entries()) {
      const tokens: number[] = [];
      for await (const token of generator.stream(tableParams(), prompt)) tokens.push(token);
      expect(tokens).toEqual(texts[row][0].tokens);
    }
    for await (const token of generator.stream(tableParams(), prompts[0])) {
      expect(token).toBe(texts[0][0].tokens[0]);
      break;
    }
    generator.dispose();
  });

  it("says which rows have NaN, and gives the texts of the others", async () => {
    const [{ prompts, texts }] = cases;
    // No text has token 0, nor does any beam: its logits are −30.
    const rows = [prompts[0], [0], prompts[2]];
    const wrong = { last: fixture.last.map((row, i) => row.map((x) => i === 0 ? NaN : x)), before: fixture.before };
    const others = [0, 2];
    for (const options of [greedy, { ...greedy, beamSearch: { beams: 2 } }]) {
      const generator = makeGenerator(model, options);
      const failed: unknown = await generator.generate(tableParams(wrong), rows).catch((error) => error);
      if (!(failed instanceof GenerationFailed)) throw new Error(`no failure, but ${failed}`);
      expect(failed.rows).toEqual([1]);
      expect(failed.message).toContain("prompt 1");
      expect(failed.texts[1]).toBeUndefined();
      const alone = await generator.generate(tableParams(), rows);
      for (const row of others) {
        expect(failed.texts[row]).toEqual(alone[row]);
        if (!("beamSearch" in options)) expect(alone[row][0].tokens).toEqual(texts[row][0].tokens);
      }
      generator.dispose();
    }
    const generator = makeGenerator(model, greedy);
    await expect(generator.stream(tableParams(wrong), [0]).next()).rejects.toThrow(GenerationFailed);
    generator.dispose();
  });

  it("refuses what it cannot do, and says why", async () => {
    const refused: readonly (readonly [GenerateOptions, string])[] = [
      [{}, "there is no end token: name some in endTokens, or say how long texts are by maxNewTokens"],
      [{ maxNewTokens: 3, minNewTokens: 1 }, "a least length puts off an end token, and endTokens names none"],
      [{ ...greedy, minNewTokens: 13 }, "minNewTokens, 13, is more than maxNewTokens, 12"],
      [{ endTokens: 3, maxLength: 4, minLength: 5 }, "minLength, 5, is more than maxLength, 4"],
      [{ ...greedy, beamSearch: { beams: 17 } }, "beams is a whole number up to 16, the vocabulary's size, not 17"],
      [{ ...greedy, maxLength: 3 }, "maxNewTokens and maxLength say the same in two ways"],
      [{ ...greedy, endTokens: 16 }, "an end token is a token below 16, the vocabulary's size, not 16"],
      [{ ...greedy, beamSearch: { beams: 1 } }, "beams is a whole number from 2"],
      [{ ...greedy, beamSearch: { beams: 3, best: 4 } }, "best is a whole number from 1 to 3, the beams, not 4"],
      [{ ...greedy, sampling: { key: random.key(0), temperature: 0 } }, "temperature is a number above 0"],
      [{ ...greedy, sampling: { key: random.key(0), topP: 1.5 } }, "topP is a number above 0 and at most 1, not 1.5"],
      [
        { ...greedy, sampling: { key: random.key(0) }, beamSearch: { beams: 2 } },
        "a beam search draws nothing: choose sampling or beamSearch",
      ],
    ];
    for (const [options, message] of refused) expect(() => makeGenerator(model, options)).toThrow(message);
    const rows: readonly (readonly [readonly (readonly number[])[], string])[] = [
      [[], "there is no prompt"],
      [[[1], []], "prompt 1 is empty"],
      [[[1], [16]], "prompt 1 has the token 16, and the vocabulary 16"],
      [[[1], new Array(129).fill(1)], "prompt 1 has 129 tokens, and the model 128 positions"],
      [[new Array(120).fill(1)], "prompt 0 has 120 tokens, and 12 more do not fit into the model's 128 positions"],
    ];
    for (const [prompts, message] of rows) await expect(generate(prompts, greedy)).rejects.toThrow(message);
    await expect(generate([[1, 2, 3, 4], [1]], { endTokens: 3, maxNewTokens: 2, minLength: 6 })).rejects.toThrow(
      "prompt 1 is to get 5 tokens at least, and 2 at most",
    );
    const generator = makeGenerator(model, { ...greedy, beamSearch: { beams: 2 } });
    await expect(generator.stream(tableParams(), [1]).next()).rejects.toThrow("a stream is of one text");
    generator.dispose();
  });
});
