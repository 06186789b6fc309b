import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { full, zerosLike } from "../../lib/ops/mod.ts";
import {
  changeOf,
  type Factors,
  type GuestMethod,
  LowRankWeight,
  type Method,
  methodNamed,
  type MethodOptions,
  METHODS,
} from "../../lib/peft/mod.ts";
import { TelescopedWeight } from "../../lib/peft/telescoped_weight.ts";
import { sizeOf, type Tensor, tensor, type Tree, treeLeaves } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, Numbers } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const STEPS = 6;
const PLACE = { steps: STEPS, targets: TARGETS };

const bitsOf = (tree: Tree) => Promise.all(treeLeaves(tree).map(async (leaf) => bits(await leaf.data())));

/** Bits of losses, norms, states without what the method keeps, and logits, step by step. */
async function runOf(method: Method) {
  const told: number[][][] = [];
  await trainTiny(method, {
    steps: STEPS,
    clip: 0.5,
    async onStep(index, { base, trainable, aux, optimizer }, { loss, gradNorm }) {
      const logits = tinyModel.apply(method.adapt(base, trainable, aux), tinyBatch(index + 50, 3));
      told.push(await bitsOf([loss, gradNorm, trainable, optimizer, logits]));
    },
  });
  return told;
}

/** A method that begins as one that takes in a run of another. */
function beginningAs(host: Method, { auxOf }: GuestMethod): Method {
  return {
    ...host,
    init(key, base) {
      const { trainable } = host.init(key, base);
      return { trainable, aux: auxOf(trainable) };
    },
  };
}

/** Runs of each guest: α/r is a power of two in the first alone. */
const RUNS: Readonly<Record<string, readonly MethodOptions[]>> = {
  lora: [{ rank: 4, alpha: 8 }, { rank: 4, alpha: 6 }, { rank: 3, alpha: 5 }],
};

const GUESTS = METHODS.flatMap((host) => (host.guests ?? []).map((guest) => ({ host, guest })));

describe("guests of METHODS", () => {
  beforeAll(async () => void await testDevice());

  it("are LoRA in telescoped Delta-LoRA", () => {
    expect(GUESTS.map(({ host, guest }) => [host.name, guest.method])).toEqual([["delta-lora", "lora"]]);
  });

  for (const { host, guest } of GUESTS) {
    for (const options of RUNS[guest.method]) {
      const { rank, alpha } = options;
      it(`have the bits in ${host.name} that ${guest.method} has alone, at rank ${rank} and α ${alpha}`, async () => {
        const hosted = beginningAs(host.make(guest.options(options)!, PLACE), guest);
        const alone = methodNamed(guest.method).make(options, PLACE);
        expect(alone.init(tensor([1, 2], { dtype: "u32" }), tinyBase()).aux).toEqual({});
        expect(await runOf(hosted)).toEqual(await runOf(alone));
      });
    }
  }

  it("have no dropout of their own, no other scale, and nothing that the host does not know", () => {
    const [{ options }] = methodNamed("delta-lora").guests!;
    const known = { rank: 4, alpha: 6 };
    expect(options(known)).toEqual({ ...known, lambda: 0, startStep: -1, write: "telescoped" });
    expect(options({ ...known, dropout: 0, scaling: "standard" })).toEqual(options(known));
    expect(options({ ...known, dropout: 0.1 })).toBeUndefined();
    expect(options({ ...known, scaling: "rank-stabilized" })).toBeUndefined();
    expect(options({ ...known, another: 1 })).toBeUndefined();
  });
});

describe("a weight that received nothing", () => {
  beforeAll(async () => void await testDevice());

  /** A layer's values and derivatives by all that has one. */
  const layer = (weightOf: (W: Tensor, factors: Factors) => { project(x: Tensor): Tensor }) =>
  (
    point: { readonly x: Tensor; readonly W: Tensor; readonly factors: Factors },
    cotangent: Tensor,
  ) => {
    const valueOf = ({ x, W, factors }: typeof point) => weightOf(W, factors).project(x);
    const slopes = grad((at: typeof point) => valueOf(at).mul(cotangent).sum())(point);
    return { value: valueOf(point), slopes };
  };

  for (const isData of [false, true]) {
    it(`has LoRA's bits, those of zeros too, with a scale that is ${isData ? "data" : "a number"}`, async () => {
      const numbers = new Numbers(4);
      // Products of two that are tiny are below all that f32 has.
      const mixed = (shape: readonly number[]) => {
        const data = Float32Array.from(
          { length: sizeOf(shape) },
          () => [1, 1e-30, 0][numbers.below(3)] * (numbers.next() - 0.5),
        );
        return tensor(data, { shape });
      };
      const scale = isData ? tensor(1.5) : 1.5;
      const alone = layer((W, factors) => new LowRankWeight(W, [changeOf(factors, scale)]));
      const hosted = layer((W, factors) => {
        const anchor = { A: zerosLike(factors.A), B: zerosLike(factors.B) };
        return new TelescopedWeight(W, changeOf(factors, scale), { anchor, scale: full([], 0) });
      });
      let zeros = 0;
      for (const [rows, input, output, rank] of [[3, 5, 7, 2], [4, 2, 2, 1], [33, 64, 32, 4], [64, 32, 64, 8]]) {
        const point = {
          x: mixed([rows, input]),
          W: mixed([output, input]),
          factors: { A: mixed([rank, input]), B: mixed([output, rank]) },
        };
        const cotangent = mixed([rows, output]);
        const [one, other] = await Promise.all(
          [alone, hosted].map(async (f) => await bitsOf(await jit(f)(point, cotangent))),
        );
        expect(other).toEqual(one);
        zeros += one.flat().filter((word) => word === 0 || word === 2 ** 31).length;
      }
      expect(zeros).toBeGreaterThan(0);
    });
  }
});
