import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as linalg from "../../lib/linalg/mod.ts";
import { cast, random } from "../../lib/ops/mod.ts";
import { flora, galore, type Optimizer, sgd } from "../../lib/optim/mod.ts";
import { full, methodNamed, type MethodOptions, type OptimizerPlace } from "../../lib/peft/mod.ts";
import { treeLeaves } from "../../lib/tensor/mod.ts";
import { init, makeStep, runSteps, stepKinds } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { TARGETS, tinyBase, type TinyBatch, tinyBatch, tinyLoss, tinyModel } from "../support/tiny.ts";

const HEADS = /classifier/;
const METHOD = full({ targets: TARGETS, heads: HEADS });
/** Queries and values of two layers of 32, and a classifier of two. */
const TRAINED = 2 * 2 * 32 * 32 + 2 * 32 + 2;

const place: OptimizerPlace = { steps: 100, targets: TARGETS, heads: HEADS, learningRate: 5e-3, weightDecay: 0.01 };

/** Trains the targets of the small encoder for so many steps. */
async function train(optimizer: Optimizer, steps: number, batchAt: (index: number) => TinyBatch = tinyBatch) {
  const options = { method: METHOD, optimizer };
  const step = jit(makeStep({ loss: tinyLoss, ...options, clip: 1 }), { donate: [0] });
  const begun = init(random.key(1), tinyBase(), options);
  const { state, logs } = await runSteps(step, begun, batchAt, { steps, kindAt: stepKinds(options) });
  step.dispose();
  return { state, losses: logs.map(({ loss }) => loss) };
}

/** Singular values of the change of a weight, the largest as 1. */
async function changeOf({ base, trainable }: Awaited<ReturnType<typeof train>>["state"], name: string) {
  const [, values] = linalg.svd(trainable[name].sub(base[name]));
  const data = await values.data();
  return Array.from(data, (value) => value / data[0]);
}

describe("full() of some layers", () => {
  beforeAll(async () => void await testDevice());

  it("trains the weights of its targets and the heads, and leaves all else its bits", async () => {
    const { state } = await train(sgd({ learningRate: 0.1 }), 2);
    const base = tinyBase();
    const names = Object.keys(base).filter((name) =>
      TARGETS.test(name.replace(/\.self|\.weight$/g, "")) || HEADS.test(name)
    );
    expect(Object.keys(state.trainable).sort()).toEqual(names.filter((name) => !/self.*bias/.test(name)).sort());
    expect(METHOD.describe(state)).toEqual({
      trainableParameters: TRAINED,
      totalParameters: Object.values(base).reduce((sum, { size }) => sum + size, 0),
    });
    const merged = METHOD.merge(state);
    expect(Object.keys(merged)).toEqual(Object.keys(base));
    for (const name of Object.keys(base)) {
      const [now, before] = [await merged[name].data(), await base[name].data()];
      expect([name, bits(now).join() !== bits(before).join()]).toEqual([name, name in state.trainable]);
    }
    const adapted = tinyModel.apply(METHOD.adapt(state.base, state.trainable, {}), tinyBatch(9));
    expect(bits(await tinyModel.apply(merged, tinyBatch(9)).data())).toEqual(bits(await adapted.data()));
    expect(() => METHOD.export(state)).toThrow("full fine-tuning has no adapter");
  });

  it("refuses a pattern that matches nothing, with the nearest layers", () => {
    expect(() => full({ targets: ["querry"] }).init(random.key(0), tinyBase())).toThrow(/nearest are .*query/);
  });
});

describe("methods that are optimizers", () => {
  beforeAll(async () => void await testDevice());

  const OPTIONS = { rank: 4, refreshEvery: 6 };
  for (const name of ["galore", "flora"]) {
    const { make, optimizer } = methodNamed(name);

    it(`${name} learns, and trains what full does of its targets`, async () => {
      const method = make(OPTIONS, place);
      expect(method.name).toBe(name);
      expect(method.describe({ base: tinyBase(), ...method.init(random.key(0), tinyBase()) }).trainableParameters)
        .toBe(TRAINED);
      const own: MethodOptions = name === "galore" ? { ...OPTIONS, scale: 1 } : OPTIONS;
      const { losses } = await train(optimizer!(own, { ...place, learningRate: 3e-2 }), 60, (i) => tinyBatch(i % 2));
      expect(losses[59]).toBeLessThan(0.5 * losses[0]);
    });

    it(`${name} says what is wrong with its options`, () => {
      expect(() => make({ rank: 0 }, place)).toThrow(`${name}: rank is a whole number from 1, not 0`);
      expect(() => optimizer!({ refreshEvery: 0.5 }, place)).toThrow(`${name}: refreshEvery is a whole number from 1`);
      expect(() => make({}, { steps: 1 })).toThrow(`${name}: targets is missing`);
      const method = make(OPTIONS, place);
      const half = Object.fromEntries(
        Object.entries(tinyBase()).map(([name, x]) => [name, HEADS.test(name) ? cast(x, "f16") : x]),
      );
      expect(() => method.init(random.key(0), half)).toThrow(
        `${name}: cannot train classifier.weight as it is kept in f16`,
      );
    });
  }

  it("keep as many elements as their ranks say", () => {
    const elementsOf = (optimizer: Optimizer) => {
      const { trainable } = METHOD.init(random.key(0), tinyBase());
      return treeLeaves(optimizer.init(trainable)).reduce((sum, { size }) => sum + size, 0);
    };
    const heads = 2 * (2 * 32 + 2);
    const [galoreOf, floraOf] = ["galore", "flora"].map((name) => methodNamed(name).optimizer!(OPTIONS, place));
    // Of each matrix two moments and a projection; counts of Adam and of the rate.
    expect(elementsOf(galoreOf)).toBe(4 * 3 * 32 * 4 + heads + 2);
    // Of each matrix momentum, a row and a column; counts of Flora, its period, Adam and the rate, and a key.
    expect(elementsOf(floraOf)).toBe(4 * (32 * 4 + 2 * 32) + heads + 4 + 2);
  });

  it("change a matrix by as many directions as galore projects on, and by more once it has projected anew", async () => {
    const name = "bert.encoder.layer.0.attention.self.query.weight";
    const optimizer = galore({ learningRate: 1e-2, rank: 2, refreshEvery: 5, scale: 1 });
    const before = await changeOf((await train(optimizer, 5)).state, name);
    expect(before[1]).toBeGreaterThan(1e-3);
    expect(before[2]).toBeLessThan(1e-4);
    const after = await changeOf((await train(optimizer, 15)).state, name);
    expect(after[4]).toBeGreaterThan(1e-3);
    expect(after[6]).toBeLessThan(1e-4);
    const whole = await changeOf((await train(flora({ learningRate: 1e-2, rank: 2 }), 5)).state, name);
    expect(whole[8]).toBeGreaterThan(1e-3);
  });
});
