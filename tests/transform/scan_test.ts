import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import * as dd from "../../mod.ts";
import type { Tensor, Tree } from "../../mod.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { reference } from "../../lib/ops/reference.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const row = (x: Tensor, index: number) => dd.select(x, { axis: 0, index });

/** What scan must equal: one turn after the other, each with nodes of its own. */
function unrolled<Carry extends Tree, X extends Tree, Y extends Tree>(
  f: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: X,
  { length, reverse = false }: dd.ScanOptions = {},
): [Carry, Y] {
  const turns = length ?? dd.tree.leaves(xs)[0].shape[0];
  const found: Y[] = [];
  let carry = init;
  for (let i = 0; i < turns; i++) {
    const at = reverse ? turns - 1 - i : i;
    const [next, y] = f(carry, dd.tree.map((x) => row(x, at), xs));
    carry = next;
    found[at] = y;
  }
  return [carry, dd.tree.map((first, ...rest) => dd.stack([first, ...rest]), found[0], ...found.slice(1))];
}

type Scan = typeof unrolled;

const numbers = new Numbers(3);
const W = numbers.tensor([4, 4], { min: -0.5, max: 0.5 });
const problem = { h: numbers.tensor([3, 4]), xs: numbers.tensor([5, 3, 4]), W };

/** A recurrent layer: its state, and a row of outputs. */
const layer = (W: Tensor) => (h: Tensor, x: Tensor): [Tensor, Tensor] => {
  const next = dd.tanh(dd.matmul(h, W).add(x));
  return [next, next.mul(x).sum({ axis: 1 })];
};

/** A number that depends on all that a scan gives. */
function weigh(tree: Tree): Tensor {
  return dd.tree.leaves(tree).map((leaf, i) => leaf.mul(new Numbers(20 + i).tensor(leaf.shape)).sum())
    .reduce((sum, one) => sum.add(one));
}

const floats = async (tree: Tree) => await Promise.all(dd.tree.leaves(tree).map((leaf) => leaf.data()));

/** Holds values and derivatives of a program with scan to those with a loop, in float64. */
function expectSame(program: (scan: Scan) => Tree, tolerance = 1e-9): void {
  holdNodes(() => {
    const [got, wanted] = [dd.scan, unrolled].map((scan) => dd.tree.leaves(program(scan)));
    expect(got.map(({ shape, dtype }) => [dtype, ...shape])).toEqual(
      wanted.map(({ shape, dtype }) => [dtype, ...shape]),
    );
    got.forEach((one, i) => expectClose(reference(one).data, reference(wanted[i]).data, tolerance));
  });
}

/** The same on the device, eager and jitted. */
async function expectSameOnDevice(program: (scan: Scan) => Tree, tolerance = 2e-5): Promise<void> {
  expectSame(program);
  const wanted = holdNodes(() => dd.tree.leaves(program(unrolled)).map((leaf) => reference(leaf).data));
  for (const got of [await floats(program(dd.scan)), await floats(await dd.jit(() => program(dd.scan))())]) {
    expect(got.length).toBe(wanted.length);
    got.forEach((one, i) => expectClose(one, wanted[i], tolerance));
  }
}

describe("scan()", () => {
  beforeAll(async () => void await testDevice());

  it("gives what its turns give, one after the other, for any number of them and in both directions", async () => {
    for (const turns of [1, 2, 3, 8, 9]) {
      for (const reverse of [false, true]) {
        const xs = numbers.tensor([turns, 3, 4]);
        await expectSameOnDevice((scan) => scan(layer(problem.W), problem.h, xs, { reverse }));
      }
    }
  });

  it("gives the bits of the same kernels", async () => {
    const turn = (h: Tensor, x: Tensor): [Tensor, Tensor] => {
      const next = dd.matmul(h, W).add(x);
      return [next, next];
    };
    const run = async (scan: Scan) => (await floats(await dd.jit(() => scan(turn, problem.h, problem.xs))())).map(bits);
    expect(await run(dd.scan)).toEqual(await run(unrolled));
  });

  it("takes trees, counts turns by `length`, and hands on what never changes", async () => {
    const init = {
      a: [dd.tensor([1, 2])],
      count: dd.tensor(0, { dtype: "i32" }),
      name: "state",
      fixed: dd.tensor([3, 4]),
    };
    const xs = { x: numbers.tensor([4, 2]), rest: [dd.tensor([1, 2, 3, 4], { dtype: "u32" })] };
    type Carry = typeof init;
    const turn = ({ a, count, name, fixed }: Carry, { x, rest }: typeof xs): [Carry, { y: Tensor; n: Tensor }] => [
      { a: [a[0].add(x).mul(fixed)], count: count.add(1), name, fixed },
      { y: a[0], n: dd.cast(rest[0], "i32").add(count) },
    ];
    await expectSameOnDevice((scan) => scan(turn, init, xs), 1e-4);
    const [carry, ys] = dd.scan(turn, init, xs, { length: 4 });
    expect([carry.name, ys.y.shape, ys.n.dtype]).toEqual(["state", [4, 2], "i32"]);
    expect(carry.fixed).toBe(init.fixed);
    const reordered = dd.scan(
      ({ a, b }) => [{ b: b.add(a), a }, undefined],
      { a: dd.tensor(1), b: dd.tensor(2) },
      undefined,
      {
        length: 3,
      },
    );
    expect(await reordered[0].b.item()).toBe(5);
    const double = (x: Tensor): [Tensor, undefined] => [x.mul(2), undefined];
    expect(await floats(dd.scan(double, dd.tensor([1, 3]), undefined, { length: 5 }))).toEqual([
      Float32Array.of(32, 96),
    ]);
  });

  it("gives the carry as it was and no rows where there are no turns", async () => {
    const [carry, ys] = dd.scan(layer(W), problem.h, dd.zeros([0, 3, 4]));
    expect(carry).toBe(problem.h);
    expect([ys.shape, ys.dtype]).toEqual([[0, 3], "f32"]);
    expect(await ys.data()).toEqual(new Float32Array(0));
  });

  it("lets carried tensors change places, repeat, be replaced and have no elements", async () => {
    const init = [dd.tensor([1, 2]), dd.tensor([3, 5]), dd.tensor([7, 11]), dd.tensor([0.5, 0.25]), dd.zeros([0, 2])];
    const turn = ([a, b, c, d, e]: Tensor[], x: Tensor): [Tensor[], Tensor[]] => {
      const sum = a.add(b);
      return [[b, sum, sum, dd.flip(c, { axis: 0 }).mul(x), e], [a, d, sum, dd.zeros([2]), e, x, W]];
    };
    await expectSameOnDevice((scan) => scan(turn, init, dd.tensor([1, -1, 2, 0.5, 3])));
  });

  it("is differentiated by the carry, the rows and what it closes over", async () => {
    for (const reverse of [false, true]) {
      await expectSameOnDevice((scan) =>
        dd.valueAndGrad(({ h, xs, W }: typeof problem) => weigh(scan(layer(W), h, xs, { reverse })))(problem)
      );
      // Only the carry is asked for, or only the rows.
      for (const which of [0, 1] as const) {
        await expectSameOnDevice((scan) =>
          dd.valueAndGrad(({ h, xs, W }: typeof problem) => weigh(scan(layer(W), h, xs, { reverse })[which]))(problem)
        );
      }
    }
  });

  it("is differentiated twice", () => {
    const turn = (h: Tensor, x: Tensor): [Tensor, Tensor] => [dd.sin(h.mul(x)).add(h), h.mul(h)];
    const xs = numbers.tensor([3, 2]);
    expectSame((scan) => {
      const slope = dd.grad((h: Tensor, xs: Tensor) => weigh(scan(turn, h, xs)));
      return dd.grad((h: Tensor, xs: Tensor) => weigh(slope(h, xs)))(dd.tensor([0.3, -0.7]), xs);
    });
  });

  it("has cotangents of results that were asked for before", async () => {
    const { value, pullback } = dd.vjp((h: Tensor, xs: Tensor) => dd.scan(layer(W), h, xs), problem.h, problem.xs);
    await value[1].data();
    const cotangent: [Tensor, Tensor] = [dd.zerosLike(value[0]), dd.ones([5, 3])];
    const wanted = dd.vjp((h: Tensor, xs: Tensor) => unrolled(layer(W), h, xs), problem.h, problem.xs)
      .pullback(cotangent);
    const [got, expected] = [await floats(pullback(cotangent)), await floats(wanted)];
    got.forEach((one, i) => expectClose(one, expected[i]));
  });

  it("runs in itself", async () => {
    const inner = (h: Tensor, x: Tensor): [Tensor, Tensor] => [dd.tanh(h.mul(x).add(W)), h.sum()];
    const outer = (scan: Scan) => (h: Tensor, x: Tensor): [Tensor, Tensor] => {
      const [last, sums] = scan(inner, h, x);
      return [last.mul(0.5), sums.mul(h.mean())];
    };
    const xs = numbers.tensor([3, 5, 4, 4]);
    await expectSameOnDevice((scan) => scan(outer(scan), W, xs));
    await expectSameOnDevice((scan) =>
      dd.valueAndGrad(({ h, xs }: { h: Tensor; xs: Tensor }) => weigh(scan(outer(scan), h, xs)))({ h: W, xs })
    );
  });

  it("computes the turns of all cells at once under vmap(), whatever is mapped", async () => {
    const [hs, many] = [numbers.tensor([2, 3, 4]), numbers.tensor([2, 5, 3, 4])];
    const Ws = numbers.tensor([2, 4, 4], { min: -0.5, max: 0.5 });
    const cases = [[hs, many, Ws], [problem.h, many, W], [hs, problem.xs, W], [problem.h, problem.xs, Ws]];
    for (const args of cases) {
      const axes = args.map((x) => x === hs || x === many || x === Ws ? 0 : undefined);
      const f = (scan: Scan) => (h: Tensor, xs: Tensor, W: Tensor) => scan(layer(W), h, xs);
      await expectSameOnDevice((scan) => dd.vmap(f(scan), { in: axes })(...args as [Tensor, Tensor, Tensor]));
      const slope = (scan: Scan) => (h: Tensor, xs: Tensor, W: Tensor) =>
        dd.grad((all: typeof problem) => weigh(f(scan)(all.h, all.xs, all.W)))({ h, xs, W });
      await expectSameOnDevice((scan) => dd.vmap(slope(scan), { in: axes })(...args as [Tensor, Tensor, Tensor]));
      await expectSameOnDevice((scan) =>
        dd.grad((all: Tensor[]) => weigh(dd.vmap(f(scan), { in: axes })(...all as [Tensor, Tensor, Tensor])))(args)
      );
    }
  });

  it("has no cells where vmap() has none", async () => {
    const turn = (h: Tensor, x: Tensor): [Tensor, Tensor] => [h.mul(x), h.sum({ axis: 1 })];
    const [last, sums] = dd.vmap((h: Tensor) => dd.scan(turn, h, problem.xs))(dd.zeros([0, 3, 4]));
    expect([last.shape, sums.shape]).toEqual([[0, 3, 4], [0, 5, 3]]);
    expect(await sums.data()).toEqual(new Float32Array(0));
  });

  it("takes checkpoint() and customVjp() in its body, and stands in a checkpoint", async () => {
    const f = dd.customVjp((x: Tensor) => x.square(), {
      forward: (x) => ({ value: x.square(), residuals: x.mul(2) }),
      backward: (twice, cotangent) => [cotangent.mul(twice).minimum(1)],
    });
    const turn = (W: Tensor) => {
      const inside = dd.checkpoint((h: Tensor, x: Tensor) => dd.tanh(dd.matmul(h, W).add(f(x))));
      return (h: Tensor, x: Tensor): [Tensor, Tensor] => [inside(h, x), f(h).mean()];
    };
    await expectSameOnDevice((scan) =>
      dd.valueAndGrad(({ h, xs, W }: typeof problem) => weigh(scan(turn(W), h, xs)))(problem)
    );
    await expectSameOnDevice((scan) =>
      dd.valueAndGrad(({ h, xs, W }: typeof problem) =>
        weigh(dd.checkpoint((h: Tensor, xs: Tensor) => scan(turn(W), h.mul(2), xs))(h, xs))
      )(problem)
    );
    const cells = numbers.tensor([2, 3, 4]);
    await expectSameOnDevice((scan) =>
      dd.vmap((h: Tensor) => dd.grad(({ h, xs, W }: typeof problem) => weigh(scan(turn(W), h, xs)))({ ...problem, h }))(
        cells,
      )
    );
  });

  it("carries random keys", async () => {
    const turn = ({ key, x }: { key: dd.Key; x: Tensor }): [{ key: dd.Key; x: Tensor }, Tensor] => {
      const [next, own] = dd.random.split(key);
      const drawn = dd.random.normal(own, [3]);
      return [{ key: next, x: x.add(drawn) }, drawn];
    };
    const init = { key: dd.random.key(5), x: dd.zeros([3]) };
    const run = async (scan: Scan) =>
      (await floats(await dd.jit(() => scan(turn, init, undefined, { length: 6 }))())).map(bits);
    expect(await run(dd.scan)).toEqual(await run(unrolled));
  });

  it("traces, compiles and plans as much for few turns as for many", async () => {
    const device = await testDevice();
    let calls = 0;
    const turn = (h: Tensor, x: Tensor): [Tensor, Tensor] => {
      calls++;
      return layer(W)(h, x);
    };
    const step = dd.jit((h: Tensor, xs: Tensor) => dd.valueAndGrad((h: Tensor) => weigh(dd.scan(turn, h, xs)[0]))(h));
    await step(problem.h, numbers.tensor([4, 3, 4]));
    const before = device.counters();
    await step(problem.h, numbers.tensor([300, 3, 4]));
    const after = device.counters();
    expect([calls, after.pipelines - before.pipelines]).toEqual([2, 0]);
    const [few, many] = step.plans();
    expect(many.dispatches.map(({ kernel }) => kernel)).toEqual(few.dispatches.map(({ kernel }) => kernel));
    const runs = ({ dispatches }: dd.PlanSummary) => dispatches.reduce((sum, { runs }) => sum + runs, 0);
    expect(after.dispatches - before.dispatches).toBe(runs(many));
    expect(runs(many)).toBeGreaterThan(50 * runs(few));
  });

  it("copies nothing that it carries: a donated state is written in place or changes places with one buffer", async () => {
    const kernels = (f: { plans(): dd.PlanSummary[] }) => f.plans()[0].dispatches.map(({ kernel }) => kernel);
    const add = dd.jit((h: Tensor, xs: Tensor) => dd.scan((h: Tensor, x: Tensor) => [h.add(x), undefined], h, xs)[0], {
      donate: [0],
    });
    expect(await (await add(dd.tensor([1, 2]), dd.tensor([[1, 1], [2, 3], [4, 5]]))).data()).toEqual(
      Float32Array.of(8, 11),
    );
    expect(kernels(add)).toEqual(["countTurn", "dynamicSlice2", expect.stringContaining("add"), "countTurn"]);
    expect(add.plans()[0].inPlace).toBe(1);

    const product = dd.jit(
      (h: Tensor) => dd.scan((h: Tensor) => [dd.matmul(h, W), undefined], h, undefined, { length: 4 })[0],
      { donate: [0] },
    );
    const wanted = unrolled((h: Tensor) => [dd.matmul(h, W), undefined], problem.h, undefined, { length: 4 })[0];
    expectClose(await (await product(dd.copy(problem.h))).data(), await wanted.data());
    expect(kernels(product).filter((name) => !name.startsWith("matmul"))).toEqual([]);
    expect(product.plans()[0].dispatches.map(({ runs }) => runs)).toEqual([2, 2]);
  });

  it("runs its turns once for all results that are asked for one after the other", async () => {
    const device = await testDevice();
    const [last, ys] = dd.scan(layer(W), problem.h, problem.xs);
    await last.data();
    const before = device.counters().dispatches;
    await ys.data();
    expect(device.counters().dispatches).toBe(before);
  });

  it("names the tensor that does not fit", () => {
    const [h, xs] = [{ state: [dd.zeros([2])] }, { a: dd.zeros([3, 2]), b: [dd.zeros([4])] }];
    const keep = (carry: typeof h): [typeof h, undefined] => [carry, undefined];
    expect(() => dd.scan(keep, h, xs)).toThrow(
      new RangeError("scan: xs.a has 3, and xs.b[0] [4] has 4 rows"),
    );
    expect(() => dd.scan(keep, h, xs.a, { length: 2 })).toThrow(
      new RangeError("scan: `length` is 2, and xs [3, 2] has 3 rows"),
    );
    expect(() => dd.scan(keep, h, dd.tensor(1))).toThrow(new RangeError("scan: xs is a scalar, which has no rows"));
    expect(() => dd.scan(keep, h, undefined)).toThrow(
      new RangeError("scan: there is no tensor in `xs`: say by `length` how many turns there are"),
    );
    for (const length of [-1, 1.5, NaN]) {
      expect(() => dd.scan(keep, h, undefined, { length })).toThrow(
        new RangeError(`scan: \`length\` is a whole number from 0, and not ${length}`),
      );
    }
    const give = (state: unknown) => () => dd.scan(() => [state as typeof h, undefined], h, undefined, { length: 2 });
    expect(give({ state: [dd.zeros([3])] })).toThrow(
      new TypeError("scan: the carry.state[0] is f32 [2], and the function gave f32 [3] for it"),
    );
    expect(give({ state: [dd.zeros([2], { dtype: "i32" })] })).toThrow(
      new TypeError("scan: the carry.state[0] is f32 [2], and the function gave i32 [2] for it"),
    );
    expect(give({ state: [] })).toThrow(
      new RangeError(
        "scan: the carry and what the function gave for it differ at state: one has a list of 1 there, the other does not",
      ),
    );
    expect(() => dd.scan(({ n }) => [{ n: n + 1 }, undefined], { n: 1 }, undefined, { length: 2 })).toThrow(
      new TypeError("scan: the carry.n is another value after a turn: what changes must be a tensor"),
    );
    expect(() => dd.scan(keep, h, dd.zeros([2, 2]).astype("f16"))).toThrow(
      new TypeError('scan: xs is f16, which is for storing alone: cast(x, "f32")'),
    );
    expect(() => dd.scan(() => h as unknown as [typeof h, undefined], h, undefined, { length: 2 })).toThrow(
      new TypeError("scan: the function must give `[carry, y]`, and gave something else"),
    );
  });
});
