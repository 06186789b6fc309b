import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { singularValues } from "../../lib/experiment/instruments/mod.ts";
import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import { copy, random } from "../../lib/ops/mod.ts";
import { adamw, linearSchedule, sgd } from "../../lib/optim/mod.ts";
import {
  chainOfLora,
  type Factors,
  lora,
  type LowRankTrainable,
  type Method,
  periodicLora,
  relora,
  type RestartAux,
} from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeLeaf, treeLeaves, treeMap } from "../../lib/tensor/mod.ts";
import { init, makeStep, stepKinds, type TrainState } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights, loadFixture, part } from "../support/encoder.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { applyLayer, layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS, tinyBase, trainTiny } from "../support/tiny.ts";

type Restarted = Method<LowRankTrainable, RestartAux>;
type State = TrainState<LowRankTrainable, RestartAux>;

/** As restarts.py has it. */
const [STEPS, INTERVAL, WARMUP, MOMENTUM] = [20, 6, 3, 0.25];
const OPTIONS = { rank: 4, alpha: 8, interval: INTERVAL, targets: TARGETS, heads: /^classifier$/ };
const PATHS = [0, 1].flatMap((i) => ["query", "value"].map((name) => `bert.encoder.layer.${i}.attention.self.${name}`));

const fixture = await loadFixture("restarts");
const RUNS: Readonly<Record<string, Restarted>> = {
  "relora": relora({ ...OPTIONS, warmup: WARMUP, prunedShare: 0.9 }),
  "cola": chainOfLora(OPTIONS),
  "share": periodicLora({ ...OPTIONS, unload: "share", momentum: MOMENTUM }),
  "share-and-jump": periodicLora({ ...OPTIONS, unload: "share-and-jump", momentum: MOMENTUM }),
};

/** A state with the fixture's A in the place of those that were drawn. */
function withDrawn<S extends State>(state: S, restart: number): S {
  const factors = Object.fromEntries(PATHS.map((path) => [path, {
    A: copy(fixture[`drawn.${restart}.${path}`]),
    B: state.trainable.factors[path].B,
  }]));
  return { ...state, trainable: { ...state.trainable, factors } };
}

const logitsOf = (method: Restarted, { base, trainable, aux }: State) =>
  encoder.apply(method.adapt(base, trainable, aux), encoderBatch(0)).data();

describe("methods that restart", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, method] of Object.entries(RUNS)) {
    it(`${name}: follows a run of PyTorch through its restarts, and merges to the same logits`, async () => {
      const wanted = part(fixture, `${name}.`);
      const learningRate = linearSchedule({ peak: 5e-3, total: STEPS });
      const options = { method, optimizer: adamw({ learningRate, weightDecay: 0.1 }) };
      const loss = (params: Params, batch: ReturnType<typeof encoderBatch>) =>
        crossEntropy(encoder.apply(params, batch), batch.labels);
      const step = jit(makeStep({ loss, ...options }), { donate: [0] });
      const kindAt = stepKinds(options);
      let state = withDrawn(init(random.key(0), encoderWeights(), options), 0);
      const losses: number[] = [];
      for (let i = 0; i < STEPS; i++) {
        const [next, metrics] = await step(state, encoderBatch(i % 10), kindAt(i));
        losses.push(await metrics.loss.item());
        const restarts = await next.aux.restarts.item();
        expect(restarts).toBe(Math.floor((i + 1) / INTERVAL));
        const isDrawn = !name.startsWith("share") && (i + 1) % INTERVAL === 0;
        state = isDrawn ? withDrawn(next, restarts) : next;
      }
      step.dispose();
      expectClose(losses, await wanted.losses.data(), 1e-4);
      for (const path of [PATHS[0], PATHS[3]]) {
        const { A, B } = state.trainable.factors[path];
        const pairs = Object.entries({ A, B, W: state.base[`${path}.weight`] });
        for (const [own, got] of pairs) expectClose(await got.data(), await wanted[`${path}.${own}`].data(), 5e-4);
      }
      const logits = await logitsOf(method, state);
      expectClose(logits, await wanted.logits.data(), 5e-4);
      expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-5);
    });
  }

  const tiny = { rank: 4, alpha: 8, interval: 3, targets: TARGETS };
  const METHODS: Readonly<Record<string, Restarted>> = {
    "relora": relora(tiny),
    "relora, random": relora({ ...tiny, pruning: "random" }),
    "chain-of-lora": chainOfLora(tiny),
    "periodic-lora": periodicLora(tiny),
    "periodic-lora by shares": periodicLora({ ...tiny, unload: "share" }),
    "periodic-lora with a jump": periodicLora({ ...tiny, unload: "share-and-jump" }),
  };

  for (const [name, method] of Object.entries(METHODS)) {
    it(`${name}: has LoRA's bits up to its first restart, then writes W, and compiles two programs`, async () => {
      const device = await testDevice();
      const base = tinyBase();
      const [path] = Object.keys(method.init(random.key(1), base).trainable.factors);
      const first = bits(await base[`${path}.weight`].data());
      const leavesOf = (tree: Tree) => Promise.all(treeLeaves(tree).map(async (leaf) => bits(await leaf.data())));
      const plain: number[][][] = [];
      await trainTiny(lora(tiny), {
        steps: 3,
        onStep: async (_, { trainable, optimizer }) => void plain.push(await leavesOf([trainable, optimizer])),
      });
      let compiled = 0;
      await trainTiny(method, {
        steps: 8,
        base,
        onStep: async (step, { base: now, trainable, optimizer, aux }) => {
          const W = bits(await now[`${path}.weight`].data());
          expect(W.join() === first.join()).toBe(step < 2);
          if (step < 2) expect(await leavesOf([trainable, optimizer])).toEqual(plain[step]);
          if (step === 2) expect(await leavesOf([trainable, optimizer])).not.toEqual(plain[step]);
          expect(await aux.restarts.item()).toBe(Math.floor((step + 1) / 3));
          expect(await method.writeCount!({ base: now, trainable, aux }).item()).toBe(Math.floor((step + 1) / 3));
          if (step === 2) compiled = device.counters().pipelines;
        },
      });
      expect(device.counters().pipelines).toBe(compiled);
      expect(bits(await base[`${path}.weight`].data())).toEqual(first);
    });
  }

  /** A state of one layer in which no factor is zero, before and after a restart. */
  function around(method: Restarted) {
    const { base, points } = oneLayer();
    const { trainable: { heads }, aux } = method.init(random.key(3), base);
    const now: Factors = { A: random.normal(random.key(1), [4, 8]), B: random.normal(random.key(2), [6, 4]) };
    const trainable = { factors: { [QUERY]: now }, heads };
    const rest = { base, before: trainable, updates: trainable, grads: trainable };
    const step = tensor(0, { dtype: "i32" });
    const after = method.after({ ...rest, trainable, aux, step, endsPeriod: true });
    const answer = (of: Pick<State, "base" | "trainable" | "aux">) =>
      applyLayer(method.adapt(of.base, of.trainable, of.aux), points.x).data();
    return { before: { base, trainable, aux }, after, answer };
  }
  const one = { rank: 4, alpha: 6, interval: 1, targets: TARGETS };

  for (
    const method of [relora(one), chainOfLora(one), periodicLora(one), periodicLora({ ...one, unload: "share" })]
  ) {
    it(`${method.name}: a restart leaves the model as it is`, async () => {
      const { before, after, answer } = around(method);
      expectClose(await answer(after), await answer(before), 1e-5);
      expect(bits(await after.base[`${QUERY}.weight`].data())).not.toEqual(
        bits(await before.base[`${QUERY}.weight`].data()),
      );
    });
  }

  it("new factors are drawn as LoRA's, others at each restart, the same by the same key, and B is zero", async () => {
    const drawn = async (seed: number, restarts: number) => {
      const method = relora(one);
      const { base, trainable, aux } = around(method).before;
      const state = { ...aux, key: random.key(seed), restarts: tensor(restarts, { dtype: "i32" }) };
      const rest = { base, before: trainable, updates: trainable, grads: trainable, step: tensor(9, { dtype: "i32" }) };
      const { A, B } = method.after({ ...rest, trainable, aux: state, endsPeriod: true }).trainable.factors[QUERY];
      expect(Math.max(...(await B.data()).map(Math.abs))).toBe(0);
      return Array.from(await A.data());
    };
    const A = await drawn(1, 0);
    const bound = 1 / Math.sqrt(8);
    expect(Math.max(...A.map(Math.abs))).toBeLessThanOrEqual(bound);
    // Of 32 uniform numbers on ±b the mean square is b²/3, with a standard deviation of 0.053 b².
    const square = A.reduce((sum, x) => sum + x * x, 0) / A.length;
    expect(Math.abs(square - bound ** 2 / 3)).toBeLessThan(0.2 * bound ** 2);
    expect(await drawn(1, 0)).toEqual(A);
    expect(await drawn(1, 1)).not.toEqual(A);
    expect(await drawn(2, 0)).not.toEqual(A);
  });

  it("the change of W has the rank of all pairs together, which no adapter of one pair holds", async () => {
    const { base, points } = oneLayer();
    const rankBy = async <Aux extends Tree>(method: Method<LowRankTrainable, Aux>) => {
      const optimizer = adamw({ learningRate: 0.05 });
      const step = makeStep({ loss: layerLoss, method, optimizer });
      let state = init(random.key(2), base, { method, optimizer });
      const kindAt = stepKinds({ method, optimizer });
      for (let i = 0; i < 8; i++) [state] = step(state, points, kindAt(i));
      const change = method.merge(state)[`${QUERY}.weight`].sub(base[`${QUERY}.weight`]);
      const [largest, ...others] = singularValues({ data: await change.data(), shape: [6, 8] });
      if (method.isWhole) {
        expect(() => method.export(state)).toThrow("of more rank together than an adapter of one pair");
      }
      return 1 + others.filter((value) => value > 1e-3 * largest).length;
    };
    const chain = chainOfLora({ ...one, rank: 1, interval: 2 });
    expect(chain.isWhole).toBe(true);
    const ranks = [await rankBy(lora({ ...one, rank: 1 })), await rankBy(chain)];
    expect(ranks).toEqual([1, 4]);
  });

  it("counts LoRA's parameters; its state is LoRA's with a copy of the weights and 16 bytes", () => {
    const base = encoderWeights();
    const optimizer = adamw({ learningRate: 1e-3 });
    const of = (method: Method<LowRankTrainable, Tree>) => {
      const { base: held, ...own } = init(random.key(0), base, { method, optimizer });
      const written = method.writes(base).map((name) => held[name]);
      const bytes = treeLeaves([own, written]).reduce((sum, { size }) => sum + 4 * size, 0);
      return { bytes, ...method.describe({ base, ...method.init(random.key(0), base) }) };
    };
    const plain = of(lora(OPTIONS));
    for (const method of Object.values(RUNS)) {
      const { bytes, ...counts } = of(method);
      expect(counts).toEqual({
        trainableParameters: plain.trainableParameters,
        totalParameters: plain.totalParameters,
      });
      expect(bytes).toBe(plain.bytes + 4 * 4 * 32 * 32 + 16);
    }
  });

  it("the rate rises after a restart by equal shares, decay included, and never before it", async () => {
    const { base, points } = oneLayer();
    const [method, plain] = [relora({ ...one, interval: 2, warmup: 4 }), relora({ ...one, interval: 2, warmup: 0 })];
    const optimizer = sgd({ learningRate: 0.1, weightDecay: 0.5 });
    let state = init(random.key(2), base, { method, optimizer });
    const kindAt = stepKinds({ method, optimizer });
    for (const [i, share] of [1, 1, 0.25, 0.5].entries()) {
      const steps = [method, plain].map((one) =>
        makeStep({ loss: layerLoss, method: one, optimizer })(state, points, kindAt(i))[0]
      );
      const [from, slow, fast] = await Promise.all(
        [state, ...steps].map(({ trainable }) => trainable.factors[QUERY].A.data()),
      );
      // Where it restarts A is another one in both.
      if (await steps[0].aux.steps.item() > 0) {
        expectClose(slow.map((x, i) => x - from[i]), Array.from(fast, (x, i) => share * (x - from[i])), 1e-5);
      }
      state = steps[0];
    }
    expect(plain.rates).toBeUndefined();
  });
});

describe("relora", () => {
  beforeAll(async () => void await testDevice());
  const one = { rank: 4, alpha: 6, interval: 1, targets: TARGETS, heads: /^score$/ };
  const [A, B] = [random.normal(random.key(1), [4, 200]), random.normal(random.key(2), [100, 4])];
  const score = random.normal(random.key(3), [2, 100]);
  const moment = { factors: { [QUERY]: { A, B } }, heads: { "score.weight": score } };
  const squares = treeMap((x: Tensor) => x.square(), moment);

  /** What a restart leaves of those moments. */
  function pruned(method: Restarted, { restarts = 0 } = {}) {
    const base = { [`${QUERY}.weight`]: random.normal(random.key(4), [100, 200]), "score.weight": score };
    const { trainable, aux } = method.init(random.key(5), base);
    const state = { ...aux, restarts: tensor(restarts, { dtype: "i32" }) };
    const rest = { base, before: trainable, updates: trainable, grads: trainable, step: tensor(0, { dtype: "i32" }) };
    return method.after({ ...rest, trainable, aux: state, endsPeriod: true }).moments!([moment, squares]);
  }
  const numbers = async (x: Tensor) => Array.from(await x.data());

  for (const share of [0.5, 0.9, 0.99, 0]) {
    it(`sets the ${share} of a factor's moments to zero whose first is smallest, and heads keep theirs`, async () => {
      const [first, second] = pruned(relora({ ...one, prunedShare: share }));
      for (const [name, all] of Object.entries({ A, B })) {
        const before = await numbers(all);
        const sorted = before.map(Math.abs).sort((a, b) => a - b);
        // numpy.quantile: between two elements, of which those above stay.
        const place = share * (before.length - 1);
        const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
        const threshold = below + (above - below) * (place % 1);
        const isKept = before.map((x) => Math.abs(x) > threshold);
        const held = (of: Tree) => numbers(treeLeaf(of, "factors", QUERY, name));
        expect(await held(first)).toEqual(before.map((x, i) => isKept[i] ? x : 0));
        expect(await held(second)).toEqual((await held(squares)).map((x, i) => isKept[i] ? x : 0));
      }
      expect([first, second].map(({ heads }) => heads)).toEqual([moment.heads, squares.heads]);
    });
  }

  it("draws what it keeps, at each restart anew, and the same by the same key", async () => {
    const method = relora({ ...one, pruning: "random", prunedShare: 0.75 });
    const kept = async (at = {}) => {
      const both = pruned(method, at).map(async ({ factors }) => (await numbers(factors[QUERY].A)).map((x) => x !== 0));
      const [first, second] = await Promise.all(both);
      expect(second).toEqual(first);
      return first;
    };
    const first = await kept();
    // Of 800 elements 200 stay, with a standard deviation of 12.2.
    expect(Math.abs(first.filter(Boolean).length - 200)).toBeLessThan(50);
    const [now] = pruned(method);
    expect(await numbers(now.factors[QUERY].A)).toEqual((await numbers(A)).map((x, i) => first[i] ? x : 0));
    expect(await kept()).toEqual(first);
    expect(await kept({ restarts: 1 })).not.toEqual(first);
  });

  it("lets Adam's count go on", async () => {
    const { state } = await trainTiny(relora({ ...one, heads: undefined, interval: 2 }), { steps: 3 });
    expect(await treeLeaf(state.optimizer, 0, "count").item()).toBe(3);
  });

  it("refuses what cannot be", () => {
    const wrong: [() => unknown, string][] = [
      [() => relora({ ...one, interval: 0 }), "relora: interval is a whole number from 1, not 0"],
      [() => relora({ ...one, warmup: -1 }), "relora: warmup is a whole number from 0, not -1"],
      [() => relora({ ...one, prunedShare: 1 }), "relora: the pruned share lies in [0, 1), not 1"],
      [() => relora({ ...one, pruning: "some" as "random" }), "relora: pruning is magnitude or random, not some"],
      [() => relora({ ...one, rank: 0 }), "relora: a rank is a whole number from 1, not 0"],
      [() => relora({ ...one, warmup: tensor(1) }), "relora: warmup is a number or a scalar in i32, not f32"],
      [() => periodicLora({ ...one, momentum: 1 }), "periodicLora: the momentum lies in (0, 1), not 1"],
      [
        () => periodicLora({ ...one, unload: "all" as "whole" }),
        "periodicLora: unload is whole, share or share-and-jump, not all",
      ],
      [() => chainOfLora({ ...one, interval: 1.5 }), "chain-of-lora: interval is a whole number from 1, not 1.5"],
    ];
    for (const [make, message] of wrong) expect(make).toThrow(message);
  });
});

describe("periodicLora", () => {
  beforeAll(async () => void await testDevice());
  const one = { rank: 4, alpha: 6, interval: 1, targets: TARGETS };

  for (const [unload, left] of [["share", Math.sqrt(0.75)], ["share-and-jump", 0.75]] as const) {
    it(`${unload}: W receives m of the product, factors keep ${left.toFixed(3)} of themselves, the optimizer all`, async () => {
      const method = periodicLora({ ...one, unload, momentum: 0.25 });
      const { base, points } = oneLayer();
      const [A, B] = [random.normal(random.key(1), [4, 8]), random.normal(random.key(2), [6, 4])];
      const trainable = { factors: { [QUERY]: { A, B } }, heads: {} };
      const { aux } = method.init(random.key(3), base);
      const rest = { base, before: trainable, updates: trainable, grads: trainable, step: tensor(0, { dtype: "i32" }) };
      const after = method.after({ ...rest, trainable, aux, endsPeriod: true });
      const now = after.trainable.factors[QUERY];
      expectClose(await now.A.data(), Array.from(await A.data(), (x) => left * x), 1e-6);
      expectClose(await now.B.data(), Array.from(await B.data(), (x) => left * x), 1e-6);
      const [W, product, next] = await Promise.all(
        [base[`${QUERY}.weight`], B.matmul(A), after.base[`${QUERY}.weight`]].map((x) => x.data()),
      );
      expectClose(next, Array.from(W, (x, i) => x + 0.25 * 1.5 * product[i]), 1e-6);
      expect([after.moments, after.restart]).toEqual([undefined, undefined]);
      // The weights of the model change by −m·(1 − m)·(α/r)·B·A, or not at all.
      const jump = unload === "share" ? 0 : -0.25 * 0.75 * 1.5;
      const [merged, was] = await Promise.all(
        [method.merge(after), method.merge({ base, trainable, aux })].map((x) => x[`${QUERY}.weight`].data()),
      );
      expectClose(merged.map((x, i) => x - was[i]), Array.from(product, (x) => jump * x), 1e-5);
      const answers = await Promise.all(
        [after, { base, trainable, aux }].map((of) =>
          applyLayer(method.adapt(of.base, of.trainable, of.aux), points.x).data()
        ),
      );
      const moved = Math.max(...answers[0].map((x, i) => Math.abs(x - answers[1][i])));
      if (unload === "share") expect(moved).toBeLessThan(1e-5);
      else expect(moved).toBeGreaterThan(0.1);
    });
  }
});
