import { bert } from "../../lib/models/mod.ts";
import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import * as random from "../../lib/ops/random_mod.ts";
import { adamw, type Optimizer } from "../../lib/optim/mod.ts";
import type { Method } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree } from "../../lib/tensor/mod.ts";
import { init, makeStep, stepKinds, type StepMetrics, type TrainState } from "../../lib/train/mod.ts";
import type { PlanSummary } from "../../lib/compile/inspect_mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { Numbers } from "./numbers.ts";

/** Which layers the tests adapt. */
export const TARGETS = /attention\.(query|value)$/;

/** A small encoder without dropout. */
export const tinyModel = bert({
  vocabSize: 48,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  maxLength: 16,
  labels: 2,
  dropout: 0,
});

/** Its parameters, the same every time. */
export function tinyBase(): Record<string, Tensor> {
  return tinyModel.init(random.key(5));
}

/** Batch `index` of an endless stream: the label says which of two tokens stands second. */
export function tinyBatch(index: number, B = 8, T = 16) {
  const numbers = new Numbers(100 + index);
  const labels = Int32Array.from({ length: B }, () => numbers.below(2));
  const ids = Int32Array.from(
    { length: B * T },
    (_, i) => i % T === 1 ? 2 + labels[Math.floor(i / T)] : 8 + numbers.below(40),
  );
  const mask = Int32Array.from({ length: B * T }, (_, i) => Number(i % T < T - 2 - Math.floor(i / T) % 3));
  const shape = [B, T];
  return {
    inputIds: tensor(ids, { shape }),
    attentionMask: tensor(mask, { shape }),
    tokenTypeIds: tensor(Int32Array.from(ids, (_, i) => Number(i % T > T / 2)), { shape }),
    labels: tensor(labels),
  };
}

/** A batch of {@linkcode tinyBatch}. */
export type TinyBatch = ReturnType<typeof tinyBatch>;

/** The mean loss of a batch. */
export function tinyLoss(params: Params, batch: TinyBatch) {
  return crossEntropy(tinyModel.apply(params, batch), batch.labels);
}

/** Trains the small encoder and hands on each state, so that tests can look. */
export async function trainTiny<Trainable extends Tree, Aux extends Tree>(
  method: Method<Trainable, Aux>,
  options: {
    readonly steps: number;
    readonly optimizer?: Optimizer;
    readonly clip?: number;
    readonly base?: Record<string, Tensor>;
    readonly onStep?: (step: number, state: TrainState<Trainable, Aux>, metrics: StepMetrics) => Promise<void> | void;
  },
): Promise<{ state: TrainState<Trainable, Aux>; losses: number[]; plan: PlanSummary }> {
  const { steps, clip, base = tinyBase(), onStep } = options;
  const optimizer: Optimizer = options.optimizer ?? adamw({ learningRate: 3e-3, weightDecay: 0.01 });
  const step = jit(makeStep({ loss: tinyLoss, method, optimizer, clip }), { donate: [0] });
  const kindAt = stepKinds({ method, optimizer });
  let state = init(random.key(1), base, { method, optimizer });
  const losses: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    let metrics: StepMetrics;
    [state, metrics] = await step(state, tinyBatch(i), kindAt(i));
    losses.push(metrics.loss);
    await onStep?.(i, state, metrics);
  }
  const numbers: number[] = [];
  for (const loss of losses) numbers.push(await loss.item());
  const [plan] = step.plans();
  step.dispose();
  return { state, losses: numbers, plan };
}
