import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as dd from "../../mod.ts";
import type { Tensor } from "../../mod.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { reference } from "../../lib/ops/reference.ts";
import { inputsOf, type Row, TABLE } from "../ops/table.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

const CELLS = 3;

/** One position of the axis in front, or of another one. */
const cellOf = (x: Tensor, index: number, axis = 0) => dd.select(x, { axis, index });

/** A function of one cell called for one after the other, and its results stacked: what vmap must equal. */
function oneByOne(
  f: (...args: Tensor[]) => Tensor,
  args: readonly Tensor[],
  axes: readonly (number | undefined)[],
  cells = CELLS,
): Tensor {
  return dd.stack(Array.from({ length: cells }, (_, i) =>
    f(...args.map((x, k) => {
      const axis = axes[k];
      return axis === undefined ? x : cellOf(x, i, axis);
    }))));
}

/** Which inputs are mapped: all; the first; all but the first. */
function choices({ shapes }: Row): (0 | undefined)[][] {
  const all = shapes.map((): 0 => 0);
  if (shapes.length === 1) return [all];
  return [all, shapes.map((_, i) => i === 0 ? 0 : undefined), shapes.map((_, i) => i === 0 ? undefined : 0)];
}

/** The inputs of all cells. */
function argumentsOf(row: Row, axes: readonly (0 | undefined)[]): Tensor[] {
  const cells = Array.from({ length: CELLS }, (_, i) => inputsOf(row, 3 + i));
  return axes.map((axis, i) => axis === undefined ? cells[0][i] : dd.stack(cells.map((inputs) => inputs[i])));
}

/** Values, and derivatives of all inputs by a weighed sum, of a function of mapped inputs. */
function both(f: (...args: Tensor[]) => Tensor, args: readonly Tensor[], flat = false): Tensor[] {
  const value = f(...args);
  const probe = new Numbers(11).tensor(value.shape);
  const loss = (...inputs: Tensor[]) => dd.sum(dd.mul(f(...inputs), probe));
  return [value, ...flat ? [] : args.map((_, argument) => dd.grad(loss, { argument })(...args))];
}

describe("vmap() of operations, in float64", () => {
  for (const row of TABLE) {
    it(`${row.name} is that of single calls, values and derivatives`, () => {
      for (const axes of choices(row)) {
        holdNodes(() => {
          const args = argumentsOf(row, axes);
          const mapped = both(dd.vmap(row.f, { in: axes }), args, row.flat);
          const single = both((...inputs) => oneByOne(row.f, inputs, axes), args, row.flat);
          mapped.forEach((one, i) => {
            expect(one.shape).toEqual(single[i].shape);
            expectClose(reference(one).data, reference(single[i]).data, 1e-9);
          });
        });
      }
    });
  }
});

describe("vmap() of operations, on the device", () => {
  beforeAll(async () => void await testDevice());

  // One shape of each operation: what is new to kernels is how their operands lie.
  const seen = new Set<string>();
  const rows = TABLE.filter(({ name, shapes }) => {
    const kind = name.split(" of [")[0];
    const isNew = !seen.has(kind) && shapes.every((shape) => shape.length > 0);
    if (isNew) seen.add(kind);
    return isNew;
  });
  for (const row of rows) {
    it(`${row.name} is what float64 gives, values and derivatives`, async () => {
      await testDevice();
      for (const axes of choices(row)) {
        const { mapped, wanted } = holdNodes(() => {
          const mapped = both(dd.vmap(row.f, { in: axes }), argumentsOf(row, axes), row.flat);
          return { mapped, wanted: mapped.map((one) => reference(one).data) };
        });
        for (const [i, one] of mapped.entries()) expectClose(await one.data(), wanted[i], 5e-5);
      }
    });
  }
});

describe("vmap()", () => {
  beforeAll(async () => void await testDevice());
  const numbers = new Numbers(5);
  const values = async (x: Tensor) => Array.from(await x.data());
  const [x, w] = [numbers.tensor([3, 4]), numbers.tensor([5, 4])];
  const f = (w: Tensor, x: Tensor) => dd.tanh(dd.matmul(w, dd.expandDims(x, 1))).sum();

  it("takes axes anywhere, from the end too, and puts that of the result anywhere", async () => {
    const a = numbers.tensor([2, 3, 4]);
    const double = (x: Tensor) => dd.mul(x, 2);
    for (const axis of [0, 1, 2, -1, -3]) {
      for (const out of [0, 1, -1]) {
        const result = dd.vmap(double, { in: axis, out })(a);
        const cells = oneByOne(double, [a], [axis], a.shape.at(axis));
        const wanted = out === 0 ? cells : dd.transpose(cells, out === 1 ? [1, 0, 2] : [1, 2, 0]);
        expect(result.shape).toEqual(wanted.shape);
        expect(await values(result)).toEqual(await values(wanted));
      }
    }
  });

  it("takes axes of trees, by leaf or for all below a place, and gives trees", async () => {
    const batch = { rows: [numbers.tensor([3, 2]), numbers.tensor([2, 3])], scale: numbers.tensor([2]), name: "b" };
    const g = (b: typeof batch, shift: Tensor) => ({
      sums: [b.rows[0].add(b.rows[1]).mul(b.scale).add(shift)],
      scale: b.scale,
      name: b.name,
    });
    const result = dd.vmap(g, { in: [{ rows: [0, 1] }, undefined], out: { sums: 1 } })(batch, dd.tensor([1, 2]));
    expect(result.name).toBe("b");
    expect(result.scale).toBe(batch.scale);
    expect(result.sums[0].shape).toEqual([2, 3]);
    const [a, b] = batch.rows;
    const wanted = dd.add(dd.mul(dd.add(a, dd.transpose(b)), batch.scale), dd.tensor([1, 2]));
    expectClose(await values(result.sums[0]), await values(dd.transpose(wanted)), 1e-6);
  });

  it("keeps a result shared that no cell changes, or stretches it", async () => {
    const constant = (_: Tensor) => dd.tensor([1, 2]);
    expect(dd.vmap(constant, { out: undefined })(x).shape).toEqual([2]);
    expect(await values(dd.vmap(constant)(x))).toEqual([1, 2, 1, 2, 1, 2]);
    expect(await values(dd.vmap(constant, { in: [undefined], size: 2 })(x))).toEqual([1, 2, 1, 2]);
  });

  it("makes one product of the rows of all cells by a matrix that they share", async () => {
    const rows = (x: Tensor, w: Tensor) => dd.matmul(x, w);
    const [x, w] = [numbers.tensor([3, 6, 4]), numbers.tensor([4, 8])];
    const step = dd.jit(dd.vmap(rows, { in: [0, undefined] }));
    await step(x, w);
    const [{ dispatches }] = step.plans();
    expect(dispatches.length).toBe(1);
    step.dispose();
  });

  for (const inner of ["plain", "checkpoint", "customVjp"] as const) {
    const rule = dd.customVjp(f, {
      forward: (w, x) => ({ value: f(w, x), residuals: { w, x, y: dd.tanh(dd.matmul(w, dd.expandDims(x, 1))) } }),
      backward: ({ w, x, y }, d) => {
        const slope = dd.mul(d, dd.sub(1, dd.square(y)));
        const row = dd.expandDims(x, 0);
        return [dd.matmul(slope, row), dd.matmul(w, slope, { transposeA: true }).reshape([4])];
      },
    });
    const g = inner === "plain" ? f : inner === "checkpoint" ? dd.checkpoint(f) : rule;

    it(`composes with grad, inside and outside, of a ${inner} function`, async () => {
      const ws = numbers.tensor([3, 5, 4]);
      for (const axes of [[0, 0], [undefined, 0], [0, undefined]] as const) {
        const args = [axes[0] === undefined ? w : ws, axes[1] === undefined ? cellOf(x, 1) : x];
        for (const argument of [0, 1]) {
          const slopes = dd.vmap(dd.grad(g, { argument }), { in: axes })(args[0], args[1]);
          const wanted = oneByOne(dd.grad(f, { argument }) as (...args: Tensor[]) => Tensor, args, axes);
          expectClose(await values(slopes), await values(wanted), 1e-5);
          const total = (w: Tensor, x: Tensor) => dd.sum(dd.square(dd.vmap(g, { in: axes })(w, x)));
          const totalOneByOne = (w: Tensor, x: Tensor) =>
            dd.sum(dd.square(oneByOne(f as (...args: Tensor[]) => Tensor, [w, x], axes)));
          const [got, expected] = [total, totalOneByOne].map((loss) => dd.grad(loss, { argument })(args[0], args[1]));
          expectClose(await values(got), await values(expected), 1e-5);
        }
      }
    });
  }

  it("gives a rule a derivative of each cell also by what all cells share", async () => {
    const pair = dd.customVjp((x: Tensor, y: Tensor) => ({ x: dd.sum(dd.square(x)), y: dd.mul(y, y) }), {
      forward: (x, y) => ({ value: { x: dd.sum(dd.square(x)), y: dd.mul(y, y) }, residuals: { x, y } }),
      backward: ({ x, y }, d) => [dd.mul(d.x, dd.mul(x, 2)), dd.mul(d.y, dd.mul(y, 2))],
    });
    const loss = (x: Tensor, y: Tensor) => {
      const mapped = dd.vmap(pair, { in: [undefined, 0] })(x, y);
      return dd.sum(dd.mul(mapped.x, dd.tensor([1, 10, 100]))).add(dd.sum(mapped.y));
    };
    const [shared, of] = [dd.tensor([3, 4]), dd.tensor([1, 2, 3])];
    expect(await values(dd.grad(loss)(shared, of))).toEqual([666, 888]);
    expect(await values(dd.grad(loss, { argument: 1 })(shared, of))).toEqual([2, 4, 6]);
  });

  it("differentiates twice", async () => {
    const cube = (x: Tensor) => dd.sum(dd.mul(dd.square(x), x));
    const second = dd.vmap(dd.grad((x: Tensor) => dd.sum(dd.grad(cube)(x))));
    expectClose(await values(second(x)), (await values(x)).map((value) => 6 * value), 1e-5);
    const outside = dd.grad((x: Tensor) => dd.sum(dd.vmap(dd.grad(cube))(x)));
    expectClose(await values(outside(x)), (await values(x)).map((value) => 6 * value), 1e-5);
  });

  it("computes what refuses to be differentiated, which then refuses as it does without cells", async () => {
    const refusing = dd.customVjp((x: Tensor) => x.square(), {
      forward: (x: Tensor) => ({ value: x.square(), residuals: x }),
      backward: (): [Tensor] => {
        throw new Error("this is not differentiable");
      },
    });
    const [x, all] = [dd.tensor([1, 2]), dd.tensor([3, 4])];
    const f = (a: Tensor, x: Tensor) => refusing(x).mul(a).sum();
    const mapped = dd.vmap(f, { in: [0, undefined] });
    expect(await values(mapped(all, x))).toEqual([15, 20]);
    expect(() => dd.grad((x: Tensor) => dd.sum(mapped(all, x)))(x)).toThrow("this is not differentiable");
    expect(() => dd.vmap(dd.grad(f, { argument: 1 }), { in: [0, undefined] })(all, x)).toThrow(
      "this is not differentiable",
    );
  });

  for (const isUsed of [false, true]) {
    it(`has rules of their own that close over a part of a cell, ${isUsed ? "whose values go on with it" : "and share all else"}`, async () => {
      const numbers = [2, -1, 5, 0.5];
      const [x, all, weights] = [dd.tensor([1, 2, -3]), dd.tensor(numbers), dd.tensor([1, 3, -2, 4])];
      const loss = (x: Tensor, mapped: (as: Tensor) => Tensor) => mapped(all).mul(weights.reshape([4, 1])).mul(x).sum();
      const at = (x: Tensor) => loss(x, dd.vmap((a: Tensor) => applied(a, x)));
      const applied = (a: Tensor, x: Tensor) => {
        const rule = dd.customVjp((x: Tensor) => x.square(), {
          forward: (x: Tensor) => ({ value: x.square(), residuals: a.mul(3) }),
          backward: (triple: Tensor, cotangent: Tensor) => [cotangent.mul(triple)],
        });
        return isUsed ? rule(x).mul(a) : rule(x);
      };
      const oneByOne = (x: Tensor) => loss(x, () => dd.stack(numbers.map((a) => applied(dd.tensor(a), x))));
      for (const run of [dd.grad, (g: typeof at) => dd.jit(dd.grad(g))]) {
        expectClose(await values(await run(at)(x)), await values(dd.grad(oneByOne)(x)), 1e-5);
      }
    });
  }

  it("composes with jit and with itself", async () => {
    const pairs = dd.vmap(dd.vmap(f, { in: [undefined, 0] }), { in: [0, undefined] });
    const ws = numbers.tensor([2, 5, 4]);
    const wanted = oneByOne((w) => oneByOne((x) => f(w, x), [x], [0]), [ws], [0], 2);
    expectClose(await values(pairs(ws, x)), await values(wanted), 1e-5);
    const compiled = dd.jit(pairs);
    expectClose(await values(await compiled(ws, x)), await values(wanted), 1e-5);
    compiled.dispose();
  });

  it("gives each cell the numbers of its key, and those of a shared key to all", async () => {
    const keys = dd.stack([dd.random.key(1), dd.random.key(2), dd.random.key(3)]);
    const draw = (key: Tensor, x: Tensor) =>
      dd.mul(x, dd.random.uniform(dd.random.split(dd.random.foldIn(key, 7))[1], [4]));
    for (const axes of [[0, 0], [undefined, 0], [0, undefined]] as const) {
      const args = [axes[0] === undefined ? cellOf(keys, 0) : keys, axes[1] === undefined ? cellOf(x, 0) : x];
      const got = await values(dd.vmap(draw, { in: axes })(args[0], args[1]));
      expect(got).toEqual(await values(oneByOne(draw as (...args: Tensor[]) => Tensor, args, axes)));
    }
  });

  it("keeps attention with masks and dropout that of single cells", async () => {
    const heads = [0, 1, 2].map((seed) => new Numbers(seed).tensor([3, 2, 2, 5, 4]));
    const keys = dd.stack([dd.random.key(1), dd.random.key(2), dd.random.key(3)]);
    const mask = new Numbers(4).ids([3, 2, 5], 2);
    const attend = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor, key: Tensor) =>
      dd.nn.attention(q, k, v, { mask, key, dropout: 0.25 });
    const axes = [0, 0, 0, 0, 0];
    const args = [...heads, mask, keys] as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const single = oneByOne(attend as (...args: Tensor[]) => Tensor, args, axes);
    expectClose(await values(dd.vmap(attend)(...args)), await values(single), 1e-5);
    const slope = (f: typeof attend) =>
      dd.grad((q: Tensor, ...rest: typeof args extends [Tensor, ...infer R] ? R : never) =>
        dd.sum(dd.square(f(q, ...rest)))
      )(...args);
    const loop = (...all: typeof args) => oneByOne(attend as (...args: Tensor[]) => Tensor, all, axes);
    expectClose(await values(slope(dd.vmap(attend))), await values(slope(loop as typeof attend)), 1e-5);
  });

  it("computes nothing of no cells", async () => {
    const none = dd.zeros([0, 4]);
    expect(dd.vmap(f, { in: [undefined, 0] })(w, none).shape).toEqual([0]);
    const slopes = dd.vmap(dd.grad(f), { in: [undefined, 0] })(w, none);
    expect(slopes.shape).toEqual([0, 5, 4]);
    expect(await values(slopes)).toEqual([]);
    // Rows of all cells by a matrix that they share are one product elsewhere.
    const rows = dd.vmap((x: Tensor) => dd.matmul(x, w.transpose()))(dd.zeros([0, 3, 4]));
    expect(rows.shape).toEqual([0, 3, 5]);
    expect(await values(rows)).toEqual([]);
    const shared = dd.grad((w: Tensor) => dd.sum(dd.vmap(f, { in: [undefined, 0] })(w, none)))(w);
    expect(await values(shared)).toEqual(Array(20).fill(0));
  });

  it("refuses axes that are not there, by the leaf's place", () => {
    const params = { layer: { W: dd.zeros([2, 3]), b: dd.zeros([3]) } };
    const g = (p: typeof params, x: Tensor) => dd.sum(dd.mul(p.layer.W, x));
    const call = (options: dd.VmapOptions) => () => dd.vmap(g, options)(params, x);
    expect(call({ in: 1 })).toThrow("vmap: argument 0.layer.b [3] has no axis 1: it has axes 0 to 0");
    expect(call({ in: [{ layer: { W: 0.5 } }] })).toThrow("vmap: argument 0.layer.W [2, 3] has no axis 0.5");
    expect(call({ in: [{ layer: { W: 0, b: 0 } }, undefined] })).toThrow(
      "vmap: axis 0 of argument 0.layer.b has 3 cells, and axis 0 of argument 0.layer.W 2",
    );
    expect(call({ in: [{ layer: { w: 0 } }] })).toThrow(
      'vmap: axes of argument 0.layer name "w", which is not there: it has W, b',
    );
    expect(call({ in: [{ layer: { W: [0] } }] })).toThrow("vmap: axes of argument 0.layer.W name parts of it");
    expect(call({ in: [[0]] })).toThrow("vmap: axes of argument 0 name positions, and it is an object");
    expect(call({ in: [undefined, undefined] })).toThrow("vmap: no argument has an axis from cell to cell");
    expect(call({ in: [0, 0, 0] })).toThrow("vmap: `in` has axes of 3 arguments, and there are 2");
    expect(call({ in: [undefined, 0], size: 2 })).toThrow("vmap: axis 0 of argument 1 has 3 cells, and `size` 2");
    expect(call({ in: [undefined, 0], size: -1 })).toThrow(RangeError);
    const scalar = dd.vmap((x: Tensor) => dd.sum(x), { out: 1 });
    expect(() => scalar(x)).toThrow("vmap: the result [3] has no axis 1");
    expect(() => dd.vmap((x: Tensor) => ({ y: x }), { out: undefined })(x)).toThrow(
      "vmap: the result.y is another one in each cell: give it an axis in `out`",
    );
    expect(() => dd.vmap((x: Tensor) => x)(dd.tensor(1))).toThrow("it is a scalar, which has none");
  });

  it("refuses functions that wait for data, call what is jitted, or dispose of their result", async () => {
    const compiled = dd.jit((x: Tensor) => dd.mul(x, 2));
    const waits = (async (x: Tensor) => await x.data()) as unknown as (x: Tensor) => Tensor;
    expect(() => dd.vmap(waits)(x)).toThrow("is asynchronous");
    expect(() => dd.vmap(compiled as unknown as (x: Tensor) => Tensor)(x)).toThrow("is asynchronous");
    const disposes = (x: Tensor) => {
      const y = dd.mul(x, 2);
      y.dispose();
      return y;
    };
    expect(() => dd.vmap(disposes)(x)).toThrow("before it was returned");
    let seen: Tensor | undefined;
    dd.vmap((x: Tensor) => seen = dd.mul(x, 2))(x);
    await expect(seen!.data()).rejects.toThrow();
    compiled.dispose();
  });
});
