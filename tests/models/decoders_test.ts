import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { checkpointOf, fromConfig, paramsFrom, type PretrainedModel, takeRows } from "../../lib/models/mod.ts";
import { causalRows } from "../../lib/models/causal_rows.ts";
import { crossEntropy, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import { arange, concat, embedding, random } from "../../lib/ops/mod.ts";
import { selectTargets } from "../../lib/peft/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { expectGradients, meanGradient, tenSteps } from "../support/against_pytorch.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import {
  decoderBatch,
  decoderCheckpoint,
  type DecoderHead,
  decoderPart,
  DECODERS,
  describedDecoders,
} from "../support/decoders.ts";

type DecoderBatch = ReturnType<typeof decoderBatch>;

function loadParams(name: string, model: PretrainedModel, head: DecoderHead): Record<string, Tensor> {
  const { params, report } = paramsFrom(decoderCheckpoint(name, head), model, { key: random.key(0) });
  expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
  expect(model.config.unusedKeys).toEqual([]);
  return params;
}

function load(name: string, head: DecoderHead) {
  const model = fromConfig(describedDecoders.cases[name][head].config, { head });
  return { model, params: loadParams(name, model, head) };
}

function loadCausal(name: string, changes: Record<string, unknown> = {}) {
  const { config } = describedDecoders.cases[name]["causal-lm"];
  const model = fromConfig({ ...config, ...changes }, { head: "causal-lm" });
  return { model, params: loadParams(name, model, "causal-lm") };
}

function lossOf({ config, apply }: PretrainedModel) {
  return (params: Params, batch: DecoderBatch) => {
    const logits = apply(params, batch as DecoderBatch & { tokenTypeIds: Tensor });
    if (config.head === "causal-lm") return crossEntropy(logits, batch.tokens);
    return config.problem === "regression"
      ? meanSquaredError(logits, batch.labels)
      : crossEntropy(logits, batch.labels);
  };
}

/** Logits of the tokens that count. */
async function counted(logits: Tensor, mask: Tensor): Promise<number[]> {
  const isToken = await mask.data();
  const V = logits.shape[logits.rank - 1];
  return Array.from(await logits.data()).filter((_, i) => logits.rank === 2 || isToken[Math.floor(i / V)] === 1);
}

for (const name of DECODERS) {
  for (const head of ["classification", "causal-lm"] as const) {
    describe(`a ${name} with a ${head} head`, () => {
      beforeAll(async () => void await testDevice());

      const batches = head === "causal-lm" ? [0, 1, 2] : [0, 1];
      for (const i of batches) {
        it(`gives transformers' logits to 1e-4, ${["padded on the right", "padded on the left", "packed"][i]}`, async () => {
          const { model, params } = load(name, head);
          const batch = decoderBatch(name, i);
          const logits = model.apply(params, { ...batch, tokenTypeIds: batch.inputIds });
          const wanted = decoderPart(`${name}.${head}.logits.`)[i];
          expect(logits.shape).toEqual(wanted.shape);
          const [got, want] = [await counted(logits, batch.attentionMask), await counted(wanted, batch.attentionMask)];
          expect(got.length).toBeGreaterThan(0);
          expectClose(got, want, 1e-4);
        });
      }

      it("gives PyTorch's gradient of every parameter to 1e-4 of the largest one's norm", async () => {
        const { model, params } = load(name, head);
        const batch = decoderBatch(name, head === "causal-lm" ? 2 : 1);
        const grads = checkpointOf(meanGradient(params, lossOf(model), batch), model);
        const wanted = decoderPart(`${name}.${head}.grads.`);
        expect(Object.keys(wanted).sort()).toEqual(Object.keys(params).sort());
        await expectGradients(grads, wanted);
      });

      it("follows PyTorch's AdamW over ten batches of all shapes and paddings to 1e-4", async () => {
        const { model, params } = load(name, head);
        const { losses } = await tenSteps(params, lossOf(model), (i) => decoderBatch(name, i));
        expectClose(losses, await decoderPart(`${name}.${head}.`).losses.data(), 1e-4);
      });
    });
  }

  describe(`a ${name} that decodes`, () => {
    beforeAll(async () => void await testDevice());

    it("has the names and shapes that transformers saves, and targets of LoRA in each layer", () => {
      for (const head of ["classification", "causal-lm"] as const) {
        const { model, params } = load(name, head);
        const saved = Object.entries(decoderCheckpoint(name, head)).map(([key, { shape }]) => `${key} ${shape}`);
        const own = Object.entries(checkpointOf(params, model)).map(([key, { shape }]) => `${key} ${shape}`);
        expect(own.sort()).toEqual(saved.sort());
        expect(selectTargets(params, model.loraTargets).length % model.config.layers).toBe(0);
      }
    });

    it("counts positions as transformers was told, whatever the padding and packing", async () => {
      for (const i of [0, 1, 2]) {
        const batch = decoderBatch(name, i);
        const { positions } = decoderPart(`${name}.${i}.`);
        expect(await counted(causalRows(batch).positions.expandDims(2), batch.attentionMask))
          .toEqual(await counted(positions.expandDims(2), batch.attentionMask));
      }
    });

    it("gives the logits at the places that are asked for alone", async () => {
      const { model, params } = loadCausal(name);
      const batch = decoderBatch(name, 0);
      const places = tensor([12, 0, 27], { dtype: "i32" });
      const all = model.apply(params, batch);
      const some = model.apply(params, { ...batch, positions: places });
      expectClose(await some.data(), await embedding(all.reshape([-1, all.shape[2]]), places).data(), 1e-5);
    });

    for (const side of ["left", "right"] as const) {
      it(`gives a step at a time what it gives at once, prompts padded on the ${side}`, async () => {
        const { model, params } = loadCausal(name);
        const ids = await decoderBatch(name, side === "left" ? 1 : 0).inputIds.data();
        const T = 13;
        const lengths = [4, 2, 3];
        const rows = lengths.map((length, b) =>
          Array.from(ids).slice(b * T, (b + 1) * T).map((id, i) => i < length + 5 ? Math.max(1, id) : 0)
        );
        const prompts = rows.map((row, b) => {
          const prompt = row.slice(0, lengths[b]);
          const padding = Array(4 - lengths[b]).fill(0);
          return side === "left" ? [...padding, ...prompt] : [...prompt, ...padding];
        });
        const inputIds = tensor(prompts, { dtype: "i32" });
        const attentionMask = inputIds.notEqual(0).astype("i32");
        const step = jit(model.step, { donate: [2] });
        let { logits, cache } = model.prefill(params, { inputIds, attentionMask }, { capacity: 9 });
        const steps = [logits];
        for (let i = 0; i < 5; i++) {
          const tokens = tensor(rows.map((row, b) => row[lengths[b] + i]), { dtype: "i32" });
          ({ logits, cache } = await step(params, tokens, cache));
          steps.push(logits);
        }
        const whole = tensor(rows.map((row) => row.slice(0, 9)), { dtype: "i32" });
        const wanted = await model.apply(params, { inputIds: whole, attentionMask: whole.notEqual(0).astype("i32") })
          .data();
        const V = model.config.vocabSize;
        for (const [i, logits] of steps.entries()) {
          const got = Array.from(await logits.data());
          const want = lengths.flatMap((length, b) => {
            const at = (b * 9 + length - 1 + i) * V;
            return Array.from(wanted.subarray(at, at + V));
          });
          expectClose(got, want, 1e-4);
        }
        step.dispose();
      });
    }

    it("goes on from rows in another order as from their prompts in that order", async () => {
      const { model, params } = loadCausal(name);
      const { inputIds, attentionMask } = decoderBatch(name, 1);
      const rows = tensor([2, 0, 0, 1], { dtype: "i32" });
      const take = (x: Tensor) => takeRows({ x }, rows).x;
      const { cache } = model.prefill(params, { inputIds, attentionMask }, { capacity: 14 });
      const other = model.prefill(params, { inputIds: take(inputIds), attentionMask: take(attentionMask) }, {
        capacity: 14,
      });
      const tokens = tensor([5, 6, 7, 8], { dtype: "i32" });
      const got = model.step(params, tokens, takeRows(cache, rows)).logits;
      expectClose(await got.data(), await model.step(params, tokens, other.cache).logits.data(), 1e-5);
    });

    it("computes the same with checkpointed layers", async () => {
      const { config } = describedDecoders.cases[name]["causal-lm"];
      const { params } = loadCausal(name);
      const batch = decoderBatch(name, 1);
      const gradOf = async (checkpoint: boolean) => {
        const model = fromConfig(config, { head: "causal-lm", checkpoint });
        const mean = (p: Params) => lossOf(model)(p, batch).sum;
        const grads = grad(mean)(params);
        return await concat(Object.values(grads).map((x) => x.reshape([-1]))).data();
      };
      expectClose(await gradOf(true), await gradOf(false), 1e-4);
    });

    it("drops out with a key alone, at each of its rates", async () => {
      const rates = ["resid_pdrop", "embd_pdrop", "attn_pdrop", "attention_dropout"].filter((key) =>
        key in describedDecoders.defaults[String(describedDecoders.cases[name]["causal-lm"].config.model_type)]
      );
      expect(rates.length).toBeGreaterThan(0);
      const logits = async (changes: Record<string, number>, isKeyed = true) => {
        const { model, params } = loadCausal(name, changes);
        return Array.from(await model.apply(params, decoderBatch(name, 0), isKeyed ? random.key(5) : undefined).data());
      };
      const none = Object.fromEntries(rates.map((rate) => [rate, 0]));
      const plain = await logits(none);
      expect(await logits(Object.fromEntries(rates.map((rate) => [rate, 0.4])), false)).toEqual(plain);
      for (const rate of rates) expect(await logits({ ...none, [rate]: 0.4 })).not.toEqual(plain);
    });

    it("names a parameter that is missing, whichever it is", () => {
      const { model, params } = loadCausal(name);
      for (const lost of Object.keys(params)) {
        const { [lost]: _, ...rest } = params;
        expect(() => model.apply(rest, decoderBatch(name, 0))).toThrow(`no parameter is called ${lost}`);
      }
    });

    it("refuses prompts that no step could go on with", () => {
      const { model, params } = loadCausal(name);
      const { inputIds, attentionMask } = decoderBatch(name, 0);
      for (const key of ["positionIds", "segmentIds", "positions"]) {
        expect(() => model.prefill(params, { inputIds, attentionMask, [key]: inputIds }, { capacity: 20 })).toThrow(
          `prefill cannot take ${key}: a row is one prompt`,
        );
      }
    });

    it("refuses what has no place: too many tokens, too small a cache", () => {
      const { model, params } = loadCausal(name);
      const ids = arange(18).reshape([1, 18]);
      expect(() => model.apply(params, { inputIds: ids, attentionMask: ids })).toThrow(
        "18 tokens are more than the model's 17",
      );
      const { inputIds, attentionMask } = decoderBatch(name, 0);
      expect(() => model.prefill(params, { inputIds, attentionMask }, { capacity: 12 })).toThrow(
        "13 tokens do not fit into a cache of 12",
      );
    });
  });
}
