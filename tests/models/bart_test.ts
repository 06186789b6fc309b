import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type Seq2SeqExamples, seq2seqLoss, shiftRight } from "../../lib/models/mod.ts";
import { crossEntropy, type LossTerm, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import { type Key, random } from "../../lib/ops/mod.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { drawnShapes, expectGradients, meanGradient, normOf, tenSteps } from "../support/against_pytorch.ts";
import {
  bartBatch,
  bartClassifier,
  type BartHead,
  bartPart,
  BARTS,
  bartWriter,
  describedBarts,
  loadBart,
} from "../support/bart.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

type Batch = ReturnType<typeof bartBatch>;

/** A model as functions of batches of the fixture. */
interface Loaded {
  readonly params: Record<string, Tensor>;
  logits(params: Params, batch: Batch, key?: Key): Tensor;
  loss(params: Params, batch: Batch): LossTerm;
}

function load(name: string, head: BartHead): Loaded {
  if (head === "seq2seq-lm") {
    const { model, params, report } = loadBart(name, head, bartWriter(name));
    expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
    const inputs = ({ labels, ...batch }: Seq2SeqExamples) => (
      { ...batch, decoderInputIds: shiftRight(labels, model.config.tokens) }
    );
    return {
      params,
      logits: (params, batch, key) => model.apply(params, inputs(batch), key),
      loss: (params, batch) => seq2seqLoss(model, params, batch),
    };
  }
  const { model, params, report } = loadBart(name, head, bartClassifier(name));
  expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
  const logits = (params: Params, { inputIds, attentionMask }: Batch, key?: Key) =>
    model.apply(params, { inputIds, attentionMask, tokenTypeIds: inputIds }, key);
  return {
    params,
    logits,
    loss: (params, batch) =>
      (model.config.problem === "regression" ? meanSquaredError : crossEntropy)(logits(params, batch), batch.classes),
  };
}

const withHeads = BARTS.flatMap((name) =>
  (["classification", "seq2seq-lm"] as const).map((head) => [name, head] as const)
);

for (const [name, head] of withHeads) {
  describe(`a ${name} with a ${head} head, padded at both ends`, () => {
    beforeAll(async () => void await testDevice());

    it("gives transformers' logits to 1e-4", async () => {
      const { params, logits } = load(name, head);
      const got = logits(params, bartBatch(name, 0));
      const { logits: wanted } = bartPart(`${name}.${head}.`);
      expect(got.shape).toEqual(wanted.shape);
      expectClose(await got.data(), await wanted.data(), 1e-4);
    });

    it("drops out where transformers does", () => {
      const { params, logits } = load(name, head);
      const drawn = holdNodes(() => drawnShapes(logits(params, bartBatch(name, 0), random.key(1))));
      const wanted = describedBarts.cases[name][head].dropouts.map(([shape]) => shape);
      // PyTorch's head has one token without an axis of tokens, as here.
      expect(drawn.map(String).sort()).toEqual(wanted.map(String).sort());
    });

    it("gives PyTorch's gradient of every parameter to 1e-4 of the largest one's norm, and none of its buffer", async () => {
      const { params, loss } = load(name, head);
      const { final_logits_bias: buffer, ...grads } = meanGradient(params, loss, bartBatch(name, 0));
      const wanted = bartPart(`${name}.${head}.grads.`);
      expect(Object.keys(wanted).sort()).toEqual(Object.keys(grads).sort());
      await expectGradients(grads, wanted);
      if (buffer) expect(await normOf(buffer)).toBe(0);
    });

    it("follows PyTorch's AdamW over ten batches of all shapes to 1e-4", async () => {
      const { params, loss } = load(name, head);
      const { losses, trained } = await tenSteps(params, loss, (i) => bartBatch(name, i));
      expect(trained).not.toContain("final_logits_bias");
      expectClose(losses, await bartPart(`${name}.${head}.`).losses.data(), 1e-4);
    });
  });
}

describe("shiftRight()", () => {
  beforeAll(async () => void await testDevice());

  it("makes of the fixture's labels what transformers' decoder reads", async () => {
    for (const name of BARTS) {
      const { config } = bartWriter(name);
      const { labels } = bartBatch(name, 0);
      const { inputs } = bartPart(`${name}.seq2seq-lm.`);
      expect(await shiftRight(labels, config.tokens).data()).toEqual(await inputs.data());
    }
  });

  it("leaves the start alone of one token", async () => {
    const one = tensor([[5], [6]], { dtype: "i32" });
    expect(Array.from(await shiftRight(one, { padId: 1, decoderStartId: 2 }).data())).toEqual([2, 2]);
  });
});

describe("seq2seqLoss()", () => {
  beforeAll(async () => void await testDevice());

  it("counts no row of weight 0", async () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const batch = bartBatch("bart", 0);
    const rows = (x: Tensor) => x.slice({ start: [0, 0], size: [2, -1] });
    const few = seq2seqLoss(model, params, {
      inputIds: rows(batch.inputIds),
      attentionMask: rows(batch.attentionMask),
      labels: rows(batch.labels),
    });
    const weighed = seq2seqLoss(model, params, { ...batch, weights: tensor([1, 1, 0, 0]) });
    expect(await weighed.count.item()).toBe(await few.count.item());
    expectClose([await weighed.sum.item()], [await few.sum.item()], 1e-5);
  });
});

describe("a BART that classifies", () => {
  beforeAll(async () => void await testDevice());

  it("answers NaN to a row that has no end of a text, and others as ever", async () => {
    const { model, params } = loadBart("bart", "classification", bartClassifier("bart"));
    const { inputIds, attentionMask } = bartBatch("bart", 0);
    const ids = Int32Array.from(await inputIds.data());
    for (let t = 0; t < 9; t++) if (ids[9 + t] === 2) ids[9 + t] = 5;
    const cut = tensor(ids, { shape: inputIds.shape });
    const logits = await model.apply(params, { inputIds: cut, attentionMask, tokenTypeIds: cut }).data();
    const wanted = await bartPart("bart.classification.").logits.data();
    expect(Array.from(logits.slice(3, 6))).toEqual([NaN, NaN, NaN]);
    expectClose(logits.slice(6), wanted.slice(6), 1e-4);
  });
});
