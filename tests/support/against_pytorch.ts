import { expect } from "expect";
import type { LossTerm, Params } from "../../lib/nn/mod.ts";
import { type AttentionParams, attentionPrimitive } from "../../lib/ops/attention.ts";
import { div, random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { full } from "../../lib/peft/mod.ts";
import { stateOf, type Tensor, type Tree } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/** A model's loss of a batch. */
type Loss<Batch extends Tree> = (params: Params, batch: Batch) => LossTerm;

/** Tensors whose names begin so, without that. */
export function partOf(tensors: Tensors, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : []),
  );
}

/** Length of a tensor as a vector. */
export async function normOf(x: Tensor): Promise<number> {
  return Math.hypot(...await x.data());
}

/** Shapes of the random numbers that a graph draws, those inside of attention's kernels too. */
export function drawnShapes(result: Tensor): number[][] {
  const seen = new Set<Tensor>();
  const shapes: number[][] = [];
  const visit = (x: Tensor) => {
    const state = stateOf(x);
    if (seen.has(x) || state.kind !== "node") return;
    seen.add(x);
    const { operation, inputs, params } = state;
    if (operation.name === "unit") shapes.push([...x.shape]);
    // The operation says what its parameters are.
    if (operation === attentionPrimitive && (params as AttentionParams).rate > 0) {
      const [{ shape: [B, H, T] }, { shape: [, , S] }] = inputs;
      shapes.push([B, H, T, S]);
    }
    inputs.forEach(visit);
  };
  visit(result);
  return shapes;
}

/** The gradient of the mean loss of a batch by each parameter. */
export function meanGradient<Batch extends Tree>(
  params: Record<string, Tensor>,
  loss: Loss<Batch>,
  batch: Batch,
): Record<string, Tensor> {
  return grad((p: Params) => {
    const { sum, count } = loss(p, batch);
    return div(sum, count);
  })(params);
}

/** Expects gradients of these parameters that lie within 1e-4 of the largest one's norm. */
export async function expectGradients(grads: Tensors, wanted: Tensors): Promise<void> {
  const largest = Math.max(...await Promise.all(Object.values(wanted).map(normOf)));
  for (const [parameter, { shape }] of Object.entries(wanted)) {
    expect(grads[parameter].shape).toEqual(shape);
    const [got, want] = [await grads[parameter].data(), await wanted[parameter].data()];
    const error = Math.hypot(...got.map((x, i) => x - want[i]));
    expect({ parameter, isClose: error <= 1e-4 * largest }).toEqual({ parameter, isClose: true });
  }
}

/** Losses of ten AdamW steps on all parameters, and the names of what was trained. */
export async function tenSteps<Batch extends Tree>(
  params: Record<string, Tensor>,
  loss: Loss<Batch>,
  batchAt: (index: number) => Batch,
): Promise<{ readonly losses: number[]; readonly trained: string[] }> {
  const [method, optimizer] = [full(), adamw({ learningRate: 1e-3, weightDecay: 0.01 })];
  const step = jit(makeStep({ loss, method, optimizer }), { donate: [0] });
  let state = init(random.key(0), params, { method, optimizer });
  const trained = Object.keys(state.trainable);
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) {
    let metrics;
    [state, metrics] = await step(state, batchAt(i));
    losses.push(await metrics.loss.item());
  }
  step.dispose();
  return { losses, trained };
}
