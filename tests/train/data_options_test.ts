import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as dd from "../../mod.ts";
import type { Tensor, Tree } from "../../mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { layerLoss, oneLayer } from "../support/one_layer.ts";
import { TARGETS, tinyBase, type TinyBatch, tinyBatch, tinyLoss } from "../support/tiny.ts";

/** Options that may be data. */
interface Settings<Value = number | Tensor> {
  readonly learningRate: Value;
  readonly weightDecay: Value;
  readonly alpha: Value;
  readonly lambda: Value;
  readonly startStep: Value;
  readonly warmup: Value;
  readonly share: Value;
}

type Data = Settings<Tensor>;
type MethodOf = (settings: Settings) => dd.peft.Method<Tree, Tree>;
type OptimizerOf = (settings: Settings) => dd.optim.Optimizer<Tree>;

const SETTINGS = { learningRate: 3e-3, weightDecay: 0.01, alpha: 8, lambda: 0.5, startStep: 1, warmup: 3, share: 0.3 };
const STEPS = 5;
const shared = { targets: TARGETS, rank: 4 };
const restarted = { ...shared, interval: 2 };

const METHODS: Readonly<Record<string, MethodOf>> = {
  "lora": ({ alpha }) => dd.peft.lora({ ...shared, alpha }),
  "lora with dropout": ({ alpha }) => dd.peft.lora({ ...shared, alpha, dropout: 0.25 }),
  "rslora": ({ alpha }) => dd.peft.rslora({ ...shared, alpha }),
  "lora-plus": ({ alpha }) => dd.peft.loraPlus({ ...shared, alpha }),
  "lora-fa with corrected gradients": ({ alpha }) => dd.peft.loraFa({ ...shared, alpha, correction: true }),
  "pissa": ({ alpha }) => dd.peft.pissa({ ...shared, alpha }),
  "dora": ({ alpha }) => dd.peft.dora({ ...shared, alpha }),
  "dylora": ({ alpha }) => dd.peft.dylora({ ...shared, alpha }),
  "adalora": ({ alpha }) =>
    dd.peft.adalora({
      ...{ targets: TARGETS, initialRank: 4, targetRank: 3, alpha },
      ...{ totalSteps: 6, warmup: 1, final: 1, interval: 1 },
    }),
  "lora-scaled from the first step": ({ alpha, lambda }) => dd.peft.scaledLora({ ...shared, alpha, lambda }),
  "lora-scaled from K on": ({ alpha, lambda, startStep }) =>
    dd.peft.scaledLora({ ...shared, alpha, lambda, startStep }),
  "delta-lora in place": ({ alpha, lambda, startStep }) =>
    dd.peft.deltaLora({ ...shared, alpha, lambda, startStep, write: "in-place" }),
  "delta-lora in place with a schedule of λ": ({ alpha, lambda, startStep }) =>
    dd.peft.deltaLora({
      ...{ ...shared, alpha, startStep, write: "in-place" },
      lambda: dd.optim.linearSchedule({ peak: lambda, total: STEPS }),
    }),
  "delta-lora telescoped": ({ alpha, lambda, startStep }) =>
    dd.peft.deltaLora({ ...shared, alpha, lambda, startStep, write: "telescoped" }),
  "delta-lora telescoped with dropout": ({ alpha, lambda, startStep }) =>
    dd.peft.deltaLora({
      ...{ ...shared, alpha, lambda, startStep, write: "telescoped" },
      ...{ dropout: 0.25, allowDropout: true },
    }),
  "relora": ({ alpha, warmup, share }) => dd.peft.relora({ ...restarted, alpha, warmup, prunedShare: share }),
  "relora that prunes by chance": ({ alpha, warmup, share }) =>
    dd.peft.relora({ ...restarted, alpha, warmup, pruning: "random", prunedShare: share }),
  "chain-of-lora": ({ alpha, warmup }) => dd.peft.chainOfLora({ ...restarted, alpha, warmup }),
  "periodic-lora by shares": ({ alpha, warmup, share }) =>
    dd.peft.periodicLora({ ...restarted, alpha, warmup, unload: "share", momentum: share }),
};

const adamwOf: OptimizerOf = ({ learningRate, weightDecay }) => dd.optim.adamw({ learningRate, weightDecay });
const schedule = ({ learningRate: peak }: Settings) => ({ peak, warmup: 2, total: 2 * STEPS });

const OPTIMIZERS: Readonly<Record<string, OptimizerOf>> = {
  "adamw": adamwOf,
  "adamw with a constant schedule": ({ learningRate, weightDecay }) =>
    dd.optim.adamw({ learningRate: dd.optim.constantSchedule(learningRate), weightDecay }),
  "adamw with a linear schedule": (settings) =>
    dd.optim.adamw({ ...settings, learningRate: dd.optim.linearSchedule(schedule(settings)) }),
  "adamw with a cosine schedule": (settings) =>
    dd.optim.adamw({ ...settings, learningRate: dd.optim.cosineSchedule(schedule(settings)) }),
  "sgd": ({ learningRate, weightDecay }) => dd.optim.sgd({ learningRate, weightDecay }),
  "sgd with momentum and a linear schedule": (settings) =>
    dd.optim.sgd({ ...settings, momentum: 0.5, learningRate: dd.optim.linearSchedule(schedule(settings)) }),
};

const scalars = ({ startStep, warmup, ...rest }: Settings<number>): Data => ({
  learningRate: dd.tensor(rest.learningRate),
  weightDecay: dd.tensor(rest.weightDecay),
  alpha: dd.tensor(rest.alpha),
  lambda: dd.tensor(rest.lambda),
  startStep: dd.tensor(startStep, { dtype: "i32" }),
  warmup: dd.tensor(warmup, { dtype: "i32" }),
  share: dd.tensor(rest.share),
});

const bitsOf = async (tree: Tree) => {
  const all = await Promise.all(dd.tree.leaves(tree).map((leaf) => leaf.data()));
  return all.map((data) => bits(data));
};

/** A step whose options are among its arguments. */
function stepBy<Batch extends Tree>(
  loss: dd.train.StepOptions<Batch>["loss"],
  { methodOf, optimizerOf }: { readonly methodOf: MethodOf; readonly optimizerOf: OptimizerOf },
) {
  return (state: dd.train.TrainState, batch: Batch, settings: Data, kind?: dd.train.StepKind) => {
    const [method, optimizer] = [methodOf(settings), optimizerOf(settings)];
    return dd.train.makeStep({ loss, method, optimizer, clip: 0.5 })(state, batch, kind);
  };
}

/** Losses, rates and the last state of a run. */
async function follow<Batch extends Tree>(
  step: (
    state: dd.train.TrainState,
    batch: Batch,
    kind?: dd.train.StepKind,
  ) => Promise<[dd.train.TrainState, dd.train.StepMetrics]>,
  start: dd.train.TrainState,
  batchAt: (i: number) => Batch,
  kindAt: (i: number) => dd.train.StepKind | undefined = () => undefined,
) {
  let state = start;
  const told: dd.train.StepMetrics[] = [];
  for (let i = 0; i < STEPS; i++) {
    const [next, metrics] = await step(state, batchAt(i), kindAt(i));
    state = next;
    told.push(metrics);
  }
  return { told: await bitsOf(told), leaves: await bitsOf(state), state };
}

describe("options that are data", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, methodOf] of Object.entries(METHODS)) {
    it(`give ${name} the bits that numbers give it`, async () => {
      const [method, optimizer] = [methodOf(SETTINGS), adamwOf(SETTINGS)];
      const begin = (method: dd.peft.Method<Tree, Tree>) =>
        dd.train.init(dd.random.key(1), tinyBase(), { method, optimizer });
      const plain = dd.jit(dd.train.makeStep({ loss: tinyLoss, method, optimizer, clip: 0.5 }), { donate: [0] });
      const step = dd.jit(stepBy(tinyLoss, { methodOf, optimizerOf: adamwOf }), { donate: [0] });
      const data = scalars(SETTINGS);
      const kindAt = dd.train.stepKinds({ method, optimizer });
      const wanted = await follow(plain, begin(method), (i) => tinyBatch(i), kindAt);
      const got = await follow(
        (state, batch: TinyBatch, kind) => step(state, batch, data, kind),
        begin(methodOf(data)),
        (i) => tinyBatch(i),
        kindAt,
      );
      expect(got.told).toEqual(wanted.told);
      expect(got.leaves).toEqual(wanted.leaves);
      expect(await bitsOf(methodOf(data).merge(got.state))).toEqual(await bitsOf(method.merge(wanted.state)));
      // What is made of settings alone are a few scalars: they take nothing apart that runs as one.
      const [dispatches, fewer] = [step, plain].map((f) => f.plans()[0].dispatches.length);
      expect(dispatches - fewer).toBeLessThanOrEqual(2);
      plain.dispose();
      step.dispose();
    });
  }

  for (const [name, optimizerOf] of Object.entries(OPTIMIZERS)) {
    for (const weightDecay of [0, 0.25]) {
      it(`give ${name}, decay ${weightDecay}, the bits that numbers give it, and others need no other plan`, async () => {
        const { base, points } = oneLayer();
        const methodOf: MethodOf = () => dd.peft.full();
        const method = methodOf(SETTINGS);
        const step = dd.jit(stepBy(layerLoss, { methodOf, optimizerOf }));
        for (const learningRate of [0.05, 0.3]) {
          const settings = { ...SETTINGS, learningRate, weightDecay };
          const optimizer = optimizerOf(settings);
          const plain = dd.jit(dd.train.makeStep({ loss: layerLoss, method, optimizer, clip: 0.5 }));
          const data = scalars(settings);
          const begin = (optimizer: dd.optim.Optimizer<Tree>) =>
            dd.train.init(dd.random.key(1), base, { method, optimizer });
          const wanted = await follow(plain, begin(optimizer), () => points);
          const got = await follow((state, batch) => step(state, batch, data), begin(optimizerOf(data)), () => points);
          expect(got.told).toEqual(wanted.told);
          expect(got.leaves).toEqual(wanted.leaves);
          plain.dispose();
        }
        expect(step.plans().length).toBe(1);
        step.dispose();
      });
    }
  }

  it("of decay that is 0 leave gradients as they are, a minus zero too, and beside a weight that is infinite", async () => {
    const [grads, params] = [{ w: dd.tensor([-0, 1]) }, { w: dd.tensor([1, Infinity]) }];
    const decay = dd.optim.addDecayedWeights(dd.tensor(0));
    const { updates } = decay.update(grads, decay.init(params), params);
    expect(bits(await updates.w.data())).toEqual(bits([-0, 1]));
  });

  it("are told as rates that whoever reads them may dispose of", async () => {
    const learningRate = dd.tensor(0.5);
    const optimizer = dd.optim.sgd({ learningRate: dd.optim.constantSchedule(learningRate) });
    const told = dd.jit((rate: Tensor) => {
      const own = dd.optim.sgd({ learningRate: rate });
      return own.learningRate!(own.init({}))!;
    });
    (await told(learningRate)).dispose();
    optimizer.learningRate!(optimizer.init({}))!.dispose();
    expect(await learningRate.item()).toBe(0.5);
    told.dispose();
  });
});

/** Four cells that differ in all that may be data. */
const CELLS: readonly Settings<number>[] = [
  SETTINGS,
  { ...SETTINGS, learningRate: 1e-2, weightDecay: 0, alpha: 4, lambda: 2, startStep: -1 },
  { ...SETTINGS, learningRate: 1e-3, weightDecay: 0.1, alpha: 16, lambda: 0, startStep: 0 },
  { ...SETTINGS, learningRate: 5e-3, weightDecay: 0, alpha: 1, lambda: 1, startStep: 2 },
];

describe("cells whose options differ", () => {
  beforeAll(async () => void await testDevice());

  for (const name of ["lora", "lora-scaled from K on", "delta-lora in place", "delta-lora telescoped"]) {
    it(`trained by ${name} have the bits that each has alone, in a program that all share`, async () => {
      const methodOf = METHODS[name];
      const stack = <T extends Tree>(trees: readonly T[]): T =>
        dd.tree.map((first, ...others) => dd.stack([first, ...others]), trees[0], ...trees.slice(1));
      const step = dd.jit(
        dd.vmap(stepBy(tinyLoss, {
          methodOf,
          optimizerOf: (settings) =>
            dd.optim.adamw({ ...settings, learningRate: dd.optim.linearSchedule(schedule(settings)) }),
        })),
        { donate: [0] },
      );
      const train = async (cells: readonly number[]) => {
        const data = cells.map((cell) => scalars(CELLS[cell]));
        const states = data.map((own, i) =>
          dd.train.init(dd.random.key(cells[i]), tinyBase(), { method: methodOf(own), optimizer: adamwOf(own) })
        );
        const settings = stack(data);
        const { told, leaves } = await follow(
          (state, batch: TinyBatch) => step(state, batch, settings),
          stack(states),
          (i) => stack(cells.map((cell) => tinyBatch(100 * cell + i, 4))),
        );
        return cells.map((_, i) =>
          [...told, ...leaves].map((all) => {
            const size = all.length / cells.length;
            return all.slice(i * size, (i + 1) * size);
          })
        );
      };
      const together = await train([0, 1, 2, 3]);
      for (const cell of CELLS.keys()) expect(together[cell]).toEqual((await train([cell]))[0]);
      expect(step.plans().length).toBe(2);
      step.dispose();
    });
  }
});

describe("methods whose options are tensors", () => {
  beforeAll(async () => void await testDevice());
  const base = tinyBase();
  const alpha = () => dd.tensor(8);

  it("refuse tensors that are no scalars, or of another dtype", () => {
    const three = () => dd.tensor([1, 2, 3]);
    const whole = () => dd.tensor(1, { dtype: "i32" });
    const delta = { ...shared, alpha: 8, lambda: 1, startStep: 0 };
    const refused: readonly (readonly [() => unknown, string])[] = [
      [() => dd.peft.lora({ ...shared, alpha: three() }), "lora: alpha is a number or a scalar in f32, not f32 [3]"],
      [() => dd.peft.dora({ ...shared, alpha: whole() }), "dora: alpha is a number or a scalar in f32, not i32 []"],
      [() => dd.peft.dylora({ ...shared, alpha: three() }), "dylora: alpha is a number"],
      [() => dd.peft.deltaLora({ ...delta, alpha: three() }), "deltaLora: alpha is a number"],
      [() => dd.peft.deltaLora({ ...delta, lambda: three() }), "deltaLora: lambda is a number"],
      [
        () => dd.peft.deltaLora({ ...delta, startStep: dd.tensor(1) }),
        "deltaLora: startStep is a number or a scalar in i32, not f32 []",
      ],
      [() => dd.peft.scaledLora({ ...delta, lambda: three() }), "scaledLora: lambda is a number"],
      [() => dd.peft.scaledLora({ ...delta, startStep: dd.tensor(1) }), "scaledLora: startStep is a number"],
      [() => dd.optim.adamw({ learningRate: three() }), "scaleByLearningRate: learningRate is a number"],
      [() => dd.optim.adamw({ learningRate: 1, weightDecay: whole() }), "addDecayedWeights: weightDecay is a number"],
      [() => dd.optim.linearSchedule({ peak: three(), total: 4 }), "a schedule: peak is a number"],
      [() => dd.optim.constantSchedule(three()), "constantSchedule: the rate is a number"],
    ];
    for (const [make, message] of refused) expect(make).toThrow(message);
    expect(refused[0][0]).toThrow(RangeError);
    expect(refused[1][0]).toThrow(TypeError);
  });

  it("export no adapter, and Delta-LoRA does not tell its λ", () => {
    const methods: readonly dd.peft.Method<Tree, Tree>[] = [
      dd.peft.lora({ ...shared, alpha: alpha() }),
      dd.peft.dora({ ...shared, alpha: alpha() }),
      dd.peft.dylora({ ...shared, alpha: alpha() }),
      dd.peft.loraFa({ ...shared, alpha: alpha() }),
      dd.peft.pissa({ ...shared, alpha: alpha() }),
      dd.peft.scaledLora({ ...shared, alpha: alpha(), lambda: 1 }),
      dd.peft.scaledLora({ ...shared, alpha: alpha(), lambda: 1, startStep: 2 }),
      dd.peft.deltaLora({ ...shared, alpha: alpha(), lambda: 1, startStep: 2 }),
      dd.peft.deltaLora({ ...shared, alpha: 8, lambda: dd.tensor(1), startStep: 2 }),
    ];
    for (const method of methods) {
      const state = { base, ...method.init(dd.random.key(0), base) };
      expect(() => method.export(state)).toThrow(
        "as a number, and it is a tensor: use a method made of numbers for it",
      );
    }
    const delta = methods.at(-1)!;
    const state = { base, ...delta.init(dd.random.key(0), base) };
    expect(() => delta.describe(state)).toThrow(RangeError);
  });

  it("begin at (1 + λ)·α/r where K comes as −1, and at α/r where it is later", async () => {
    for (const [startStep, scale] of [[-1, 3], [0, 2]]) {
      const K = dd.tensor(startStep, { dtype: "i32" });
      const method = dd.peft.scaledLora({ ...shared, alpha: 8, lambda: 0.5, startStep: K });
      expect(await method.init(dd.random.key(0), base).aux.scale!.item()).toBe(scale);
    }
  });

  it("are differentiable by α, in place and telescoped", async () => {
    const numbers = new Numbers(3);
    const [x, W] = [numbers.tensor([5, 8]), numbers.tensor([6, 8])];
    const factors = () => ({ A: numbers.tensor([2, 8]), B: numbers.tensor([6, 2]) });
    const [own, anchor] = [factors(), factors()];
    const trainable = { factors: { "a": own }, heads: {} };
    const slope = async (write: "in-place" | "telescoped") => {
      const byAlpha = dd.grad((alpha: Tensor) => {
        const method = dd.peft.deltaLora({ rank: 2, targets: ["a"], alpha, lambda: 0.5, startStep: -1, write });
        const aux = { anchor: { "a": anchor }, writes: dd.tensor(0, { dtype: "i32" }) };
        return dd.nn.linear(x, method.adapt({ "a.weight": W }, trainable, aux)["a.weight"]).sum();
      });
      return await byAlpha(dd.tensor(3)).data();
    };
    const wanted = await dd.matmul(dd.matmul(x, own.A, { transposeB: true }), own.B, { transposeB: true }).sum().item();
    for (const write of ["in-place", "telescoped"] as const) expectClose(await slope(write), [wanted / 2], 1e-4);
  });
});
