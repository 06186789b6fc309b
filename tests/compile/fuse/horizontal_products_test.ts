import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import type { Device } from "../../../lib/device/mod.ts";
import { add, expandDims, matmul, mul, slice, square, sub, sum, tanh } from "../../../lib/ops/mod.ts";
import { squaredNorm } from "../../../lib/ops/squared_norm.ts";
import { type Tensor, tensor } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

type Values = readonly Tensor[];

/** Several factors of a seed, `[rows, 16]` each. */
function factors(seed: number, count: number, rows = 8): Values {
  const numbers = new Numbers(seed);
  return Array.from({ length: count }, () => numbers.tensor([rows, 16]));
}

/** Moves each factor A by tanh(s · x Aᵀ)ᵀ x, as a gradient would. */
function move(values: Values, x: Tensor, scale: Tensor): Values {
  return values.map((A) => {
    const z = tanh(mul(matmul(x, A, { transposeB: true }), scale));
    return sub(A, mul(matmul(z, x, { transposeA: true }), 0.125));
  });
}

async function allBits(tensors: Values): Promise<number[][]> {
  return await Promise.all(tensors.map(async (one) => [...bits(await one.data())]));
}

describe("products that are the same but for their tensors", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));

  /** What a call gives, and how many dispatches it took. */
  async function counted<T>(call: () => Promise<T>): Promise<[T, number]> {
    const before = device.counters().dispatches;
    const result = await call();
    return [result, device.counters().dispatches - before];
  }

  for (const rows of [8, 3]) {
    it(`of one input by factors of ${rows} rows run as one, with the bits of each alone`, async () => {
      const x = new Numbers(7).tensor([24, 16]);
      const [together, alone] = [jit(move, { donate: [0] }), jit(move, { donate: [0] })];
      let values = factors(1, 3, rows);
      let wanted = factors(1, 3, rows);
      for (let i = 0; i < 3; i++) {
        const [next, dispatches] = await counted(() => together(values, x, tensor(0.5)));
        // x by all factors; what becomes of that by x, with the update.
        expect(dispatches).toBe(2);
        values = next;
        const apart: Tensor[] = [];
        for (const one of wanted) apart.push(...await alone([one], x, tensor(0.5)));
        wanted = apart;
        expect(await allBits(values)).toEqual(await allBits(wanted));
      }
      together.dispose();
      alone.dispose();
    });
  }

  it("run as one in a function that donates nothing, too, and apart in an eager program", async () => {
    const x = new Numbers(7).tensor([24, 16]);
    const values = factors(1, 3);
    /** As scoring by AdaLoRA does, whose factors are computed of what is trained. */
    const score = (given: Values) =>
      given.map((A) => sum(tanh(matmul(x, mul(A, 0.5), { transposeB: true })), { axis: 0 }));
    const scored = jit(score);
    const [together, joined] = await counted(() => scored(values));
    const [wanted, apart] = await counted(() => allBits(score(values)));
    // Three factors, their products, and three sums, which are the caller's and lie where they will.
    expect([joined, apart]).toEqual([3 + 1 + 3, 9]);
    expect(await allBits(together)).toEqual(wanted);
    scored.dispose();
  });

  it("run apart where the first needs what the second makes", async () => {
    const chain = jit((x: Tensor, [A, B]: Values) => {
      const y = matmul(x, A);
      return [matmul(y, B), sub(A, 1), sub(B, 1)];
    }, { donate: [1] });
    const numbers = new Numbers(3);
    const square = () => numbers.tensor([16, 16]);
    const [x, A, B] = [square(), square(), square()];
    const wanted = bits(await matmul(matmul(x, mul(A, 1)), mul(B, 1)).data());
    const [found] = await chain(x, [A, B]);
    expect(bits(await found.data())).toEqual(wanted);
    chain.dispose();
  });

  it("meet what is common to all of them, each from its beginning", async () => {
    const numbers = new Numbers(11);
    const [common, W] = [numbers.tensor([3, 3]), numbers.tensor([3, 16])];
    const f = (values: Values) =>
      values.map((A) => {
        const distance = sub(matmul(A, A, { transposeB: true }), common);
        return sub(A, mul(matmul(distance, W), 0.25));
      });
    const compiled = jit(f, { donate: [0] });
    let [values, wanted] = [factors(6, 3, 3), factors(6, 3, 3)];
    for (let i = 0; i < 2; i++) {
      const [next, dispatches] = await counted(() => compiled(values));
      // All distances, all updates.
      expect(dispatches).toBe(2);
      values = next;
      wanted = f(wanted);
      expect(await allBits(values)).toEqual(await allBits(wanted));
    }
    compiled.dispose();
  });

  it("may be of parts of tensors of several sizes, which others read whole", async () => {
    const f = ([A, B]: Values, x: Tensor) => {
      const [small, large] = [matmul(A, x, { transposeB: true }), matmul(B, x, { transposeB: true })];
      const rows = (one: Tensor) => slice(one, { start: [1, 0], size: [3, -1] });
      const [first, second] = [small, large].map((one) => sum(matmul(rows(one), x), { axis: 1 }));
      return [[sub(A, 1), sub(B, 1)], first, second, sum(small), sum(large)] as const;
    };
    const x = new Numbers(8).tensor([24, 16]);
    const make = () => [...factors(12, 1, 4), ...factors(13, 1, 40)];
    const compiled = jit(f, { donate: [0] });
    const [, ...found] = await compiled(make(), x);
    const [, ...wanted] = f(make(), x);
    expect(await allBits(found)).toEqual(await allBits(wanted));
    expect(compiled.plans()[0].dispatches).toContainEqual(expect.objectContaining({ fused: ["matmul"], joined: 2 }));
    compiled.dispose();
  });

  it("may be read later one by one, beside what is computed of one of them alone", async () => {
    const f = (values: Values, x: Tensor) => {
      const made = values.map((A) => matmul(x, A, { transposeB: true }));
      const moved = values.map((A, i) => sub(A, mul(matmul(made[i], x, { transposeA: true }), 0.25)));
      return [moved, add(tanh(made[1]), square(made[0])), squaredNorm(moved)] as const;
    };
    const x = new Numbers(5).tensor([24, 16]);
    const compiled = jit(f, { donate: [0] });
    const [moved, mixed, norm] = await compiled(factors(2, 2), x);
    const [wantedMoved, wantedMixed, wantedNorm] = f(factors(2, 2), x);
    expect(await allBits(moved)).toEqual(await allBits(wantedMoved));
    expect(bits(await mixed.data())).toEqual(bits(await wantedMixed.data()));
    expect(bits(await norm.data())).toEqual(bits(await wantedNorm.data()));
    compiled.dispose();
  });
});

describe("reductions that are the same but for their tensors", () => {
  // By rows, by columns, by columns in pieces, and of everything in pieces; odd sizes, too.
  const rows = [[[8, 16], 1], [[8, 16], 0], [[7, 3], 1], [[7, 3], 0], [[100, 16], 0], [[100, 163], undefined]] as const;
  for (const [shape, axis] of rows) {
    it(`of [${shape}] ${axis === undefined ? "whole" : `along ${axis}`} run as one, with the bits of each alone`, async () => {
      const device = await testDevice();
      const f = (values: Values) =>
        values.map((A) => sub(A, mul(sum(mul(square(A), 0.5), { axis, keepDims: true }), 0.125)));
      const make = () => {
        const numbers = new Numbers(9);
        return [1, 2, 3].map(() => numbers.tensor(shape));
      };
      const [together, alone] = [jit(f, { donate: [0] }), jit(f, { donate: [0] })];
      let [values, wanted]: Values[] = [make(), make()];
      for (let i = 0; i < 2; i++) {
        const before = device.counters().dispatches;
        values = await together(values);
        const dispatches = device.counters().dispatches - before;
        const apart: Tensor[] = [];
        for (const one of wanted) apart.push(...await alone([one]));
        wanted = apart;
        expect(await allBits(values)).toEqual(await allBits(wanted));
        // With a number of its own for each tensor the update is three.
        expect(dispatches).toBeLessThanOrEqual(axis === undefined ? 6 : 5);
      }
      const [{ dispatches: planned }] = together.plans();
      expect(planned.filter(({ fused, joined }) => fused.at(-1) === "sum" && joined === 3).length).toBeGreaterThan(0);
      together.dispose();
      alone.dispose();
    });
  }
});

describe("element-wise work with a number for each row", () => {
  it("runs as one dispatch on tensors whose numbers lie side by side, too", async () => {
    const device = await testDevice();
    const f = (values: Values, scales: Values) => [
      values.map((A, i) => sub(mul(A, expandDims(scales[i], 1)), 0.5)),
      scales.map((s) => mul(s, 0.75)),
    ];
    const compiled = jit(f, { donate: [0, 1] });
    const numbers = (seed: number) => Array.from({ length: 3 }, (_, i) => new Numbers(seed + i).tensor([8]));
    let state = [factors(4, 3), numbers(20)];
    let wanted = [factors(4, 3), numbers(20)];
    for (let i = 0; i < 3; i++) {
      const before = device.counters().dispatches;
      state = await compiled(state[0], state[1]);
      expect(device.counters().dispatches - before).toBe(2);
      wanted = f(wanted[0], wanted[1]);
      for (const part of [0, 1]) expect(await allBits(state[part])).toEqual(await allBits(wanted[part]));
    }
    compiled.dispose();
  });
});
