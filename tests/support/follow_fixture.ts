import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adamw, type Optimizer } from "../../lib/optim/mod.ts";
import type { LowRankTrainable, Method } from "../../lib/peft/mod.ts";
import type { Tensor, Tree } from "../../lib/tensor/mod.ts";
import { init, makeStep, type TrainState } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import said from "../fixtures/methods.json" with { type: "json" };
import { encoder, encoderBatch, encoderWeights, loadFixture, part } from "./encoder.ts";
import { expectClose } from "./numbers.ts";

const tensors = await loadFixture("methods");

/** Name of a run of methods.py. */
export type FixtureRun = keyof typeof said.methods;

/** What a run of methods.py trained, by name, before it or after its 20 steps. */
function fixtureTensors(run: FixtureRun, when: "before" | "after"): Record<string, Tensor> {
  return part(tensors, `${run}.${when}.`);
}

/** Options of {@linkcode followFixture}. */
export interface FollowOptions<T extends Tree, Aux extends Tree> {
  /** Trained tensors of the fixture, by name, as the method holds them. */
  readonly factorsOf: (of: Readonly<Record<string, Tensor>>, path: string) => T;
  readonly optimizer?: Optimizer;
  readonly clip?: number;
  /** Names of heads that nothing holds: their values are not compared. */
  readonly isFree?: (name: string) => boolean;
  /** The state that the coming step gets. */
  readonly before?: (
    state: TrainState<LowRankTrainable<T>, Aux>,
    step: number,
  ) => TrainState<LowRankTrainable<T>, Aux>;
}

/**
 * Trains the encoder as a run of methods.py did, from what it began with, and expects its losses, its parameters and, without
 * a key, its logits.
 */
export async function followFixture<T extends Tree, Aux extends Tree>(
  run: FixtureRun,
  method: Method<LowRankTrainable<T>, Aux>,
  options: FollowOptions<T, Aux>,
): Promise<{ state: TrainState<LowRankTrainable<T>, Aux>; logits: ArrayLike<number> }> {
  const {
    factorsOf,
    clip,
    isFree = () => false,
    before = (s) => s,
  } = options;
  const optimizer: Optimizer = options.optimizer ?? adamw({ learningRate: 5e-3, weightDecay: 0.1 });
  const loss = (params: Params, batch: ReturnType<typeof encoderBatch>) =>
    crossEntropy(encoder.apply(params, batch), batch.labels);
  const step = jit(makeStep({ loss, method, optimizer, clip }), { donate: [0] });
  const base = encoderWeights();
  const trainable = method.init(random.key(0), base).trainable;
  const heldBy = (when: "before" | "after"): LowRankTrainable<T> => {
    const own = fixtureTensors(run, when);
    return {
      factors: Object.fromEntries(Object.keys(trainable.factors).map((path) => [path, factorsOf(own, path)])),
      heads: Object.fromEntries(Object.keys(trainable.heads).map((name) => [name, own[name]])),
    };
  };
  let state = { ...init(random.key(0), base, { method, optimizer }), trainable: heldBy("before") };
  const losses: number[] = [];
  for (let i = 0; i < said.ranks.length; i++) {
    const [next, metrics] = await step(before(state, i), encoderBatch(i % 10));
    state = next;
    losses.push(await metrics.loss.item());
  }
  step.dispose();
  expectClose(losses, said.methods[run].losses, 1e-4);
  const wanted = heldBy("after");
  const pairs = [
    ...Object.entries(wanted.heads).filter(([name]) => !isFree(name)).map((
      [name, want],
    ) => [state.trainable.heads[name], want]),
    ...Object.entries(wanted.factors).flatMap(([path, parts]) =>
      Object.entries(parts as Record<string, Tensor>).map(([name, want]) => [
        (state.trainable.factors[path] as Record<string, Tensor>)[name],
        want,
      ])
    ),
  ];
  for (const [got, want] of pairs) expectClose(await got.data(), await want.data(), 5e-4);
  const adapted = method.adapt(state.base, state.trainable, state.aux);
  const logits = await encoder.apply(adapted, encoderBatch(0)).data();
  return { state, logits };
}

/** The logits of a run's model in the end. */
export const fixtureLogits = (run: FixtureRun): readonly number[] => said.methods[run].logits;

/** DyLoRA's b by step. */
export const fixtureRanks: readonly number[] = said.ranks;
