import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, type HeadName, paramsFrom, type PretrainedModel } from "../../lib/models/mod.ts";
import { crossEntropy, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import { div, random } from "../../lib/ops/mod.ts";
import { type AttentionParams, attentionPrimitive } from "../../lib/ops/attention.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { full } from "../../lib/peft/mod.ts";
import { stateOf, type Tensor } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import { caseBatch, CASES, checkpointOf, described, fixturePart } from "../support/pretrained.ts";

type CaseBatch = ReturnType<typeof caseBatch>;

function load(name: string, head: HeadName): { model: PretrainedModel; params: Record<string, Tensor> } {
  const model = fromConfig(described.cases[name][head].config, { head });
  const { params, report } = paramsFrom(checkpointOf(name, head), model, { key: random.key(0) });
  expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
  expect(model.config.unusedKeys).toEqual([]);
  return { model, params };
}

function lossOf({ config, apply }: PretrainedModel) {
  return (params: Params, batch: CaseBatch) => {
    const logits = apply(params, batch);
    if (config.head === "masked-lm") return crossEntropy(logits, batch.tokens);
    return config.problem === "regression"
      ? meanSquaredError(logits, batch.labels)
      : crossEntropy(logits, batch.labels);
  };
}

/** Shapes of the random numbers that a graph draws, those inside of attention's kernels too. */
function drawnShapes(result: Tensor): number[][] {
  const seen = new Set<Tensor>();
  const shapes: number[][] = [];
  const visit = (x: Tensor) => {
    const state = stateOf(x);
    if (seen.has(x) || state.kind !== "node") return;
    seen.add(x);
    const { operation, inputs, params } = state;
    if (operation.name === "unit") shapes.push([...x.shape]);
    if (operation === attentionPrimitive && (params as AttentionParams).rate > 0) {
      const [{ shape: [B, H, T] }, { shape: [, , S] }] = inputs;
      shapes.push([B, H, T, S]);
    }
    inputs.forEach(visit);
  };
  visit(result);
  return shapes;
}

async function normOf(x: Tensor): Promise<number> {
  return Math.hypot(...await x.data());
}

for (const name of CASES) {
  for (const head of ["classification", "masked-lm"] as const) {
    describe(`a ${name} with a ${head} head`, () => {
      beforeAll(async () => void await testDevice());

      it("gives transformers' logits to 1e-4", async () => {
        const { model, params } = load(name, head);
        const logits = model.apply(params, caseBatch(name, 0));
        const { logits: wanted } = fixturePart(`${name}.${head}.`);
        expect(logits.shape).toEqual(wanted.shape);
        expectClose(await logits.data(), await wanted.data(), 1e-4);
      });

      it("drops out where transformers does", () => {
        const { model, params } = load(name, head);
        const drawn = holdNodes(() => drawnShapes(model.apply(params, caseBatch(name, 0), random.key(1))));
        const wanted = described.cases[name][head].dropouts.map(([shape]) => shape);
        expect(drawn.length).toBe(wanted.length);
        // Where the first token alone counts, the last layer computes no others.
        if (head === "masked-lm") expect(drawn.map(String).sort()).toEqual(wanted.map(String).sort());
      });

      it("gives PyTorch's gradient of every parameter to 1e-4 of the largest one's norm", async () => {
        const { model, params } = load(name, head);
        const loss = lossOf(model);
        const mean = (p: Params) => {
          const { sum, count } = loss(p, caseBatch(name, 0));
          return div(sum, count);
        };
        const grads = grad(mean)(params);
        const wanted = fixturePart(`${name}.${head}.grads.`);
        expect(Object.keys(wanted).sort()).toEqual(Object.keys(params).sort());
        const largest = Math.max(...await Promise.all(Object.values(wanted).map(normOf)));
        for (const [parameter, { shape }] of Object.entries(wanted)) {
          expect(grads[parameter].shape).toEqual(shape);
          const [got, want] = [await grads[parameter].data(), await wanted[parameter].data()];
          const error = Math.hypot(...got.map((x, i) => x - want[i]));
          expect({ parameter, isClose: error <= 1e-4 * largest }).toEqual({ parameter, isClose: true });
        }
      });

      it("follows PyTorch's AdamW over ten batches of all shapes to 1e-4", async () => {
        const { model, params } = load(name, head);
        const [method, optimizer] = [full(), adamw({ learningRate: 1e-3, weightDecay: 0.01 })];
        const step = jit(makeStep({ loss: lossOf(model), method, optimizer }), { donate: [0] });
        let state = init(random.key(0), params, { method, optimizer });
        const losses: number[] = [];
        for (let i = 0; i < 10; i++) {
          let metrics;
          [state, metrics] = await step(state, caseBatch(name, i));
          losses.push(await metrics.loss.item());
        }
        step.dispose();
        expectClose(losses, await fixturePart(`${name}.${head}.`).losses.data(), 1e-4);
      });
    });
  }
}
