import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as dd from "../../mod.ts";
import type { Tensor, Tree } from "../../mod.ts";
import { type Key, random } from "../../lib/ops/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { TARGETS, tinyBatch } from "../support/tiny.ts";

const model = dd.models.bert({
  vocabSize: 48,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  maxLength: 32,
  labels: 2,
  dropout: 0.1,
});
const base = () => model.init(random.key(5));
const loss = (params: dd.Params, batch: ReturnType<typeof tinyBatch>, key: Key) =>
  dd.nn.crossEntropy(model.apply(params, batch, key), batch.labels);

const common = { targets: TARGETS, rank: 4, alpha: 8 };
const METHODS: Record<string, dd.peft.Method<Tree, Tree>> = {
  lora: dd.peft.lora(common),
  deltaLora: dd.peft.deltaLora({ ...common, lambda: 2, startStep: 1 }),
  adalora: dd.peft.adalora({
    ...common,
    initialRank: 6,
    targetRank: 3,
    totalSteps: 6,
    warmup: 1,
    final: 1,
    interval: 1,
  }),
  dora: dd.peft.dora(common),
  hira: dd.peft.hira(common),
  // M has a side of 14: neither a divisor of 32 nor a multiple of four.
  "mora by sharing": dd.peft.mora({ ...common, rank: 3 }),
  "mora by rotation": dd.peft.mora({ ...common, rank: 3, map: "rotation" }),
  pissa: dd.peft.pissa(common),
  vera: dd.peft.vera({ ...common, rank: 12 }),
  "lora-fa with corrected gradients": dd.peft.loraFa({ ...common, correction: true }),
  full: dd.peft.full(),
  relora: dd.peft.relora({ ...common, interval: 2, warmup: 2, prunedShare: 0.5 }),
  chainOfLora: dd.peft.chainOfLora({ ...common, interval: 2 }),
};

const STEPS = 3;

/** Trains cells of the given seeds, on batches of their own, in one program; gives each cell's losses and parameters. */
async function train(method: dd.peft.Method<Tree, Tree>, seeds: readonly number[], B: number) {
  const optimizer = dd.optim.adamw({ learningRate: 3e-3, weightDecay: 0.01 });
  const one = dd.train.makeStep({ loss, method, optimizer, clip: 0.5 });
  const states = seeds.map((seed) => dd.train.init(random.key(seed), base(), { method, optimizer }));
  const stacked = dd.tree.map((first, ...others) => dd.stack([first, ...others]), states[0], ...states.slice(1));
  const kindAt = dd.train.stepKinds({ method, optimizer });
  const all = (own: typeof stacked, batch: dd.Batch, kind?: dd.train.StepKind) =>
    dd.vmap((state: typeof stacked, batch: dd.Batch) => one(state, batch, kind))(own, batch);
  const step = dd.jit(all, { donate: [0] });
  let state = stacked;
  const losses: Tensor[] = [];
  for (let i = 0; i < STEPS; i++) {
    const batches = seeds.map((seed) => tinyBatch(100 * seed + i, B, 32));
    const batch = dd.tree.map((first, ...others) => dd.stack([first, ...others]), batches[0], ...batches.slice(1));
    const [next, metrics] = await step(state, batch, kindAt(i));
    state = next;
    losses.push(metrics.loss, metrics.gradNorm);
  }
  const told = await Promise.all(losses.map((loss) => loss.data()));
  const leaves = await Promise.all(dd.tree.leaves([state.trainable, state.base]).map((leaf) => leaf.data()));
  step.dispose();
  return seeds.map((_, cell) => ({
    told: told.map((all) => all[cell]),
    parts: leaves.map((all) => {
      const size = all.length / seeds.length;
      return bits(all.slice(cell * size, (cell + 1) * size));
    }),
  }));
}

/** Trains a run of its own by the plain step, and tells of it what {@linkcode train} tells of a cell. */
async function trainAlone(method: dd.peft.Method<Tree, Tree>, seed: number, B: number) {
  const optimizer = dd.optim.adamw({ learningRate: 3e-3, weightDecay: 0.01 });
  const step = dd.jit(dd.train.makeStep({ loss, method, optimizer, clip: 0.5 }), { donate: [0] });
  const kindAt = dd.train.stepKinds({ method, optimizer });
  let state = dd.train.init(random.key(seed), base(), { method, optimizer });
  const told: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const [next, metrics] = await step(state, tinyBatch(100 * seed + i, B, 32), kindAt(i));
    state = next;
    told.push(await metrics.loss.item(), await metrics.gradNorm.item());
  }
  const leaves = await Promise.all(dd.tree.leaves([state.trainable, state.base]).map((leaf) => leaf.data()));
  step.dispose();
  return { told, parts: leaves.map((leaf) => bits(leaf)) };
}

describe("cells of one program", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, method] of Object.entries(METHODS)) {
    for (const B of [1, 4]) {
      it(`trained by ${name} on batches of ${B} have the bits that each has alone, in the plain step, too`, async () => {
        await testDevice();
        const together = await train(method, [3, 1, 2, 8, 5], B);
        for (const [cell, seed] of [[0, 3], [4, 5]]) {
          const [alone] = await train(method, [seed], B);
          expect(together[cell].told).toEqual(alone.told);
          alone.parts.forEach((part, i) => expect(together[cell].parts[i]).toEqual(part));
        }
        const [pair] = await train(method, [1, 8], B);
        expect(together[1]).toEqual(pair);
        expect(await trainAlone(method, 1, B)).toEqual(pair);
      });
    }
  }
});
