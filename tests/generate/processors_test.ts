import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as generate from "../../lib/generate/mod.ts";
import { random, softmax } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import fixture from "../fixtures/generate.json" with { type: "json" };
import { deviceIdle, testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const { logits: rows, prompts, kinds, chain } = fixture.processed;
const logits = tensor(rows);
const SLOTS = 11;

/** The prompts in slots, some behind padding: tokens of padding, and of slots behind the prompt, do not count. */
function written(): generate.Written {
  const whole = (data: readonly number[], shape: readonly number[]) => tensor(data, { shape, dtype: "i32" });
  const first = prompts.map((prompt, row) => Math.min(row, SLOTS - prompt.length));
  const tokens = prompts.flatMap((prompt, row) => {
    const slots = Array.from({ length: SLOTS }, (_, slot) => (slot * 5 + 2) % 37);
    slots.splice(first[row], prompt.length, ...prompt);
    return slots;
  });
  const length = prompts.map((prompt, row) => first[row] + prompt.length);
  return { tokens: whole(tokens, [4, SLOTS]), first: whole(first, [4]), length: whole(length, [4]) };
}

async function expectAll(
  wanted: Readonly<Record<string, readonly (readonly (number | null)[])[]>>,
  process: (value: number) => Tensor,
): Promise<void> {
  for (const [value, result] of Object.entries(wanted)) {
    expectClose(await process(Number(value)).data(), result.flat().map((x) => x ?? -Infinity), 1e-5);
  }
}

describe("logits processors", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("penalize repetition as transformers does", () =>
    expectAll(kinds.repetition, (penalty) => generate.penalizeRepetition(logits, written(), penalty)));

  it("forbid repeated sequences as transformers does", () =>
    expectAll(kinds.ngram, (n) => generate.forbidRepeats(logits, written(), n)));

  it("forbid nothing where a sequence is longer than all slots", async () => {
    const processed = generate.forbidRepeats(logits, written(), SLOTS + 1);
    expect(await processed.data()).toEqual(await logits.data());
  });

  it("forbid end tokens of short texts as transformers does", () =>
    expectAll(kinds.least, (least) => {
      const isShort = tensor(prompts.map(({ length }) => length < least), { shape: [4, 1] });
      return generate.forbidTokens(logits, [2, 11], isShort);
    }));

  it("force a token where a condition holds", async () => {
    const forced = generate.forceToken(logits, 3, tensor([false, true, false, false], { shape: [4, 1] }));
    const wanted = rows.map((row, i) => i === 1 ? row.map((_, token) => token === 3 ? 0 : -Infinity) : row);
    expectClose(await forced.data(), wanted.flat(), 1e-6);
  });
});

describe("filters of sampling", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("keep what transformers keeps", async () => {
    await expectAll(kinds.temperature, (temperature) => logits.div(temperature));
    await expectAll(kinds.topK, (k) => generate.keepTopK(logits, k));
    await expectAll(kinds.topP, (p) => generate.keepTopP(logits, p));
    await expectAll(kinds.minP, (p) => generate.keepMinP(logits, p));
  });

  it("keep all that are as likely as the last that is kept", async () => {
    const equal = tensor([[1, 1, 0, 1]]);
    const wanted = Float32Array.of(1, 1, -Infinity, 1);
    expect(await generate.keepTopK(equal, 2).data()).toEqual(wanted);
    expect(await generate.keepTopP(equal, 0.4).data()).toEqual(wanted);
    expect(await generate.keepMinP(equal, 1).data()).toEqual(wanted);
  });

  it("give the probabilities of transformers one after the other, and draws agree with them", async () => {
    const penalized = generate.penalizeRepetition(logits, written(), 1.2).div(0.9);
    const kept = generate.keepMinP(generate.keepTopP(generate.keepTopK(penalized, 20), 0.95), 0.02);
    expectClose(await softmax(kept).data(), chain.flat(), 1e-5);
    const draws = 20_000;
    for (const [row, wanted] of chain.entries()) {
      const repeated = kept.slice({ start: [row, 0], size: [1, 37] }).broadcastTo([draws, 37]);
      const counts = new Array<number>(37).fill(0);
      for (const token of await random.categorical(random.key(row), repeated).data()) counts[token]++;
      expect(counts.filter((count, token) => count > 0 && wanted[token] === 0)).toEqual([]);
      const likely = wanted.flatMap((p, token) => p > 0 ? [{ expected: p * draws, count: counts[token] }] : []);
      const statistic = likely.reduce((sum, { expected, count }) => sum + (count - expected) ** 2 / expected, 0);
      // The 99.9 % quantile of χ², by Wilson and Hilferty.
      const freedom = likely.length - 1;
      const limit = freedom * (1 - 2 / (9 * freedom) + 3.0902 * Math.sqrt(2 / (9 * freedom))) ** 3;
      expect(statistic).toBeLessThan(limit);
    }
  });
});
