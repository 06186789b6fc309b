import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { bertForMaskedLM, fromConfig, type MaskedBatch, type Model } from "../../lib/models/mod.ts";
import { crossEntropy } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { jit, valueAndGrad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const [B, T, P, VOCABULARY] = [3, 7, 2, 20];
const sizes = { vocabSize: VOCABULARY, hiddenSize: 8, layers: 2, heads: 2, maxLength: T };
const json = {
  model_type: "deberta-v2",
  vocab_size: VOCABULARY,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: T,
  relative_attention: true,
  position_biased_input: false,
  pos_att_type: ["c2p", "p2c"],
  share_att_key: true,
};

const MODELS: Readonly<Record<string, Model<unknown, MaskedBatch>>> = {
  "BERT": bertForMaskedLM(sizes),
  "BERT with checkpointed layers": bertForMaskedLM({ ...sizes, checkpoint: true }),
  "BERT without layers": bertForMaskedLM({ ...sizes, layers: 0 }),
  "DeBERTa": fromConfig(json, { head: "masked-lm" }),
};

/** Rows of which the second ends in padding. */
function batch(): MaskedBatch {
  const of = (value: (row: number, at: number) => number) =>
    tensor(Int32Array.from({ length: B * T }, (_, i) => value(Math.floor(i / T), i % T)), { shape: [B, T] });
  return {
    inputIds: of((row, at) => (5 * row + 3 * at + 1) % VOCABULARY),
    attentionMask: of((row, at) => row === 1 && at > 4 ? 0 : 1),
    tokenTypeIds: of(() => 0),
  };
}

describe("a masked language model", () => {
  beforeAll(async () => void await testDevice());

  // A place twice, the first of all, and the last.
  const places = [[0, 4], [9, 9], [20, 15]].flat();
  const labels = tensor([3, 1, 4, -100, 5, 9], { dtype: "i32" });

  for (const [name, model] of Object.entries(MODELS)) {
    it(`gives the logits and derivatives of each row's positions where they are asked for row by row: ${name}`, async () => {
      const params = model.init(random.key(1));
      const run = async (shape: readonly number[]) => {
        const positions = tensor(Int32Array.from(places), { shape: [...shape] });
        const logits = model.apply(params, { ...batch(), positions });
        const loss = (own: typeof params) => crossEntropy(model.apply(own, { ...batch(), positions }), labels).sum;
        const both = jit((own: typeof params) => valueAndGrad(loss)(own));
        const { value, grad } = await both(params);
        const grads = await Promise.all(
          Object.entries(grad).map(async ([path, one]) => [path, await one.data()] as const),
        );
        const result = { logits, values: await logits.data(), loss: await value.item(), grads };
        both.dispose();
        return result;
      };
      const [flat, byRow] = [await run([B * P]), await run([B, P])];
      expect([flat.logits.shape, byRow.logits.shape]).toEqual([[B * P, VOCABULARY], [B, P, VOCABULARY]]);
      expectClose(byRow.values, flat.values, 1e-5);
      expect(byRow.loss).toBeCloseTo(flat.loss, 4);
      for (const [i, [path, wanted]] of flat.grads.entries()) {
        expect(byRow.grads[i][0]).toBe(path);
        expectClose(byRow.grads[i][1], wanted, 1e-5);
      }
    });
  }
});
