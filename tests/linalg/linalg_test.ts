import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { JACOBI_SWEEPS, jacobiRounds } from "../../kernels/jacobi.ts";
import { qr, svd } from "../../lib/linalg/mod.ts";
import { solveUpper } from "../../lib/linalg/solve_upper.ts";
import { upperPart } from "../../lib/linalg/triangles.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { matmul, ones, select, stack, sum, transpose, zeros } from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit, vmap } from "../../lib/transform/mod.ts";
import cases from "../fixtures/linalg.json" with { type: "json" };
import { checkDerivative } from "../support/check_op.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const eye = (n: number) => Array.from({ length: n * n }, (_, i) => Number(Math.floor(i / n) === i % n));
const spread = (s: Tensor) => s.expandDims(-2);

/** Numbers of float64, on the device and by the references. */
async function both(make: () => readonly Tensor[]): Promise<{ got: ArrayLike<number>[]; exact: ArrayLike<number>[] }> {
  const { results, exact } = holdNodes(() => {
    const results = make();
    return { results, exact: results.map((one) => reference(one).data) };
  });
  return { got: await Promise.all(results.map((one) => one.data())), exact };
}

/** Matrices that show an edge, with what their singular values are. */
const EDGES: readonly (readonly [name: string, x: () => Tensor, values: readonly number[]])[] = [
  ["of zeros", () => zeros([5, 3]), [0, 0, 0]],
  ["of rank 1", () => ones([6, 4]), [Math.sqrt(24), 0, 0, 0]],
  ["with equal singular values", () => tensor(eye(4), { shape: [4, 4] }), [1, 1, 1, 1]],
  ["with a column of zeros", () => tensor([[0, 3], [0, 4]]), [5, 0]],
  ["of small and large numbers", () => tensor([[1e10, 0], [0, 1e-10], [0, 0]]), [1e10, 1e-10]],
];

describe("linalg.qr", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const { shape, x, q, r } of cases) {
    it(`of [${shape}] is NumPy's`, async () => {
      const { got, exact } = await both(() => qr(tensor(x, { shape })));
      [q, r].forEach((wanted, i) => {
        expectClose(exact[i], wanted, 1e-12);
        expectClose(got[i], wanted, 2e-5);
      });
    });
  }

  it("has an orthonormal Q and the matrix as its product, beyond a workgroup in every direction", async () => {
    for (const [m, n] of [[257, 5], [300, 65], [129, 128], [300, 260], [5000, 3]]) {
      const x = new Numbers(m).tensor([m, n]);
      const [q, r] = qr(x);
      expectClose(await matmul(q, q, { transposeA: true }).data(), eye(n), 1e-5);
      expectClose(await matmul(q, r).data(), await x.data(), 5e-5);
      expectClose(await upperPart(r).data(), await r.data(), 0);
    }
  });

  for (const [name, make] of EDGES) {
    it(`of a matrix ${name} has an orthonormal Q`, async () => {
      const x = make();
      const [q, r] = qr(x);
      expectClose(await matmul(q, q, { transposeA: true }).data(), eye(x.shape[1]), 2e-6);
      expectClose(await matmul(q, r).data(), await x.data(), 2e-6);
    });
  }

  it("has the derivatives of its differences, by Q and R", async () => {
    for (const shape of [[1, 1], [5, 3], [4, 4], [2, 6, 3]]) {
      const x = new Numbers(3).tensor(shape);
      await checkDerivative((x) => qr(x)[0], [x]);
      await checkDerivative((x) => upperPart(qr(x)[1]), [x]);
      await checkDerivative((x) => matmul(...qr(x)).mul(qr(x)[0]), [x]);
    }
    await checkDerivative((x) => grad((x: Tensor) => sum(qr(x)[0].mul(qr(x)[1].sum())))(x), [
      new Numbers(4).tensor([4, 2]),
    ], 5e-3);
  });

  it("of many cells is that of each, and NaN stays in its matrix", async () => {
    const x = new Numbers(6).tensor([3, 9, 4]);
    const [q, r] = vmap((x: Tensor) => [...qr(x)])(x);
    for (const i of [0, 1, 2]) {
      const [one, upper] = qr(select(x, { axis: 0, index: i }));
      expect(bits(await q.at(i).data())).toEqual(bits(await one.data()));
      expect(bits(await r.at(i).data())).toEqual(bits(await upper.data()));
    }
    const [spoiled] = qr(stack([zeros([2, 1]).add(NaN), ones([2, 1])]));
    expectClose(await spoiled.data(), [NaN, NaN, -Math.SQRT1_2, -Math.SQRT1_2]);
  });

  it("of nothing is empty, and refuses what is no thin matrix", async () => {
    const [q, r] = qr(zeros([3, 0]));
    expect([q.shape, r.shape, await r.data()]).toEqual([[3, 0], [0, 0], new Float32Array()]);
    expect(qr(zeros([0, 3, 2]))[1].shape).toEqual([0, 2, 2]);
    expect(() => qr(zeros([2, 3]))).toThrow(
      "linalg.qr: needs matrices with as many rows as columns at least, and got [2, 3]",
    );
    expect(() => qr(zeros([3]))).toThrow(RangeError);
    expect(() => qr(zeros([2, 2], { dtype: "i32" }))).toThrow(TypeError);
  });
});

describe("linalg.svd", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const { shape, x, u, s, vt } of cases) {
    it(`of [${shape}] is NumPy's`, async () => {
      const { got, exact } = await both(() => svd(tensor(x, { shape })));
      [u, s, vt].forEach((wanted, i) => {
        expectClose(exact[i], wanted, 1e-11);
        expectClose(got[i], wanted, 5e-5);
      });
    });
  }

  it("has orthonormal factors in descending order and the matrix as their product, wide ones too", async () => {
    for (const [m, n] of [[300, 5], [70, 65], [128, 128], [5, 33]]) {
      const x = new Numbers(m).tensor([m, n]);
      const [u, s, vt] = svd(x);
      const k = Math.min(m, n);
      expectClose(await matmul(u, u, { transposeA: true }).data(), eye(k), 2e-5);
      expectClose(await matmul(vt, vt, { transposeB: true }).data(), eye(k), 2e-5);
      expectClose(await matmul(u.mul(spread(s)), vt).data(), await x.data(), 1e-4);
      const values = Array.from(await s.data());
      expect(values).toEqual(values.toSorted((a, b) => b - a));
    }
  });

  for (const [name, make, values] of EDGES) {
    it(`of a matrix ${name} has orthonormal factors`, async () => {
      const x = make();
      const [u, s, vt] = svd(x);
      expectClose(await matmul(u, u, { transposeA: true }).data(), eye(values.length), 2e-6);
      expectClose(await matmul(vt, vt, { transposeB: true }).data(), eye(values.length), 2e-6);
      expectClose(await matmul(u.mul(spread(s)), vt).data(), await x.data(), 2e-6);
      expectClose(await s.data(), values, 2e-6);
    });
  }

  it("has the derivatives of its differences, by each factor and by all", async () => {
    for (const shape of [[1, 1], [5, 3], [4, 4], [2, 6, 3], [3, 5]]) {
      const x = new Numbers(8).tensor(shape);
      for (const i of [0, 1, 2]) await checkDerivative((x) => svd(x)[i], [x]);
      await checkDerivative((x) => {
        const [u, s, vt] = svd(x);
        return matmul(u.mul(spread(s.square())), vt);
      }, [x]);
    }
  });

  it("has derivatives of derivatives", async () => {
    const nuclear = (x: Tensor) => sum(svd(x)[1]);
    await checkDerivative((x) => grad(nuclear)(x), [new Numbers(9).tensor([4, 3])], 5e-3);
  });

  it("has finite derivatives where singular values are equal or 0", async () => {
    for (const x of [ones([3, 2]), tensor(eye(3), { shape: [3, 3] })]) {
      const derivative = grad((x: Tensor) => sum(svd(x).map((one) => one.square().sum()).reduce((a, b) => a.add(b))))(
        x,
      );
      expect(Array.from(await derivative.data()).every(Number.isFinite)).toBe(true);
    }
  });

  it("of a large matrix takes several dispatches, each of bounded work", async () => {
    for (let n = 1; n < 1100; n += n < 20 ? 1 : 67) {
      const rounds = jacobiRounds(1, n);
      const all = JACOBI_SWEEPS * (n % 2 === 0 ? n - 1 : n);
      expect([rounds[0][0], rounds.at(-1)![1]]).toEqual([0, all]);
      rounds.slice(1).forEach(([from], i) => expect(from).toBe(rounds[i][1]));
      for (const [from, to] of rounds) expect((to - from) * n * n).toBeLessThanOrEqual(2 ** 26);
      if (n <= 128) expect(rounds).toHaveLength(1);
    }
    // A batch is bounded as one matrix is.
    for (const [count, n] of [[40, 64], [500, 33], [3, 128], [24, 768]]) {
      const rounds = jacobiRounds(count, n);
      for (const [from, to] of rounds) expect((to - from) * count * n * n).toBeLessThanOrEqual(2 ** 26);
      expect(rounds.length).toBeGreaterThan(1);
      expect(rounds.at(-1)![1]).toBe(jacobiRounds(1, n).at(-1)![1]);
    }
    const x = new Numbers(3).tensor([200, 200]);
    const compiled = jit((x: Tensor) => [...svd(x)]);
    const [u, s, vt] = await compiled(x);
    expect(compiled.plans()[0].dispatches.filter(({ kernel }) => kernel === "jacobi")).toHaveLength(2);
    compiled.dispose();
    expectClose(await matmul(u, u, { transposeA: true }).data(), eye(200), 5e-5);
    expectClose(await matmul(vt, vt, { transposeB: true }).data(), eye(200), 5e-5);
    expectClose(await matmul(u.mul(spread(s)), vt).data(), await x.data(), 2e-4);
  });

  it("of many matrices has the bits that each has alone, in several dispatches", async () => {
    const x = new Numbers(5).tensor([70, 48, 48]);
    const compiled = jit((x: Tensor) => [...svd(x)]);
    const parts = await compiled(x);
    expect(compiled.plans()[0].dispatches.filter(({ kernel }) => kernel === "jacobi")).toHaveLength(2);
    compiled.dispose();
    for (const i of [0, 69]) {
      const alone = svd(select(x, { axis: 0, index: i }));
      for (const [k, part] of parts.entries()) {
        expect(bits(await part.at(i).data())).toEqual(bits(await alone[k].data()));
      }
    }
  });

  it("counts its multiplications and additions, as qr does", async () => {
    const operations = async (f: (x: Tensor) => readonly Tensor[], shape: readonly number[], name: string) => {
      const compiled = jit((x: Tensor) => [...f(x)]);
      await compiled(new Numbers(2).tensor([...shape]));
      const own = compiled.plans()[0].dispatches.filter(({ kernel }) => kernel === name);
      compiled.dispose();
      return own.reduce((sum, { operations }) => sum + operations, 0);
    };
    // Of two columns of m elements one is reflected by the other, its first element included, and so is the identity.
    expect(await operations(qr, [9, 2], "qr")).toBe(2 * 4 * 9);
    expect(await operations(qr, [3, 9, 2], "qr")).toBe(3 * 2 * 4 * 9);
    // LAPACK counts 2n²·(m − n/3) for R, and as much for Q, but for terms of lower degree.
    const [m, n] = [300, 60];
    expect(await operations(qr, [m, n], "qr") / (4 * n ** 2 * (m - n / 3))).toBeCloseTo(1, 1);
    // Each of the sweeps has all pairs once: three sums of products, and two columns of two matrices that are turned.
    const pairs = JACOBI_SWEEPS * 20 * 19 / 2;
    expect(await operations(svd, [2, 30, 20], "jacobi")).toBe(2 * pairs * (3 * 2 * 20 + 4 * 3 * 20));
    expect(await operations(svd, [9, 7], "jacobi")).toBe(JACOBI_SWEEPS * 7 * 6 / 2 * 18 * 7);
  });

  it("gives the same bits alone, among other cells and in a jitted function, which reads nothing back", async () => {
    const x = new Numbers(12).tensor([3, 20, 7]);
    const cells = vmap((x: Tensor) => [...svd(x)])(x);
    const compiled = jit((x: Tensor) => [...svd(x)]);
    for (const i of [0, 2]) {
      const one = select(x, { axis: 0, index: i });
      const alone = await Promise.all(svd(one).map(async (part) => bits(await part.data())));
      expect(await Promise.all(cells.map(async (part) => bits(await part.at(i).data())))).toEqual(alone);
      const jitted = await compiled(one);
      expect(await Promise.all(jitted.map(async (part) => bits(await part.data())))).toEqual(alone);
    }
  });

  it("of nothing is empty, and refuses what is no matrix", () => {
    expect(svd(zeros([3, 0])).map(({ shape }) => shape)).toEqual([[3, 0], [0], [0, 0]]);
    expect(svd(zeros([0, 3])).map(({ shape }) => shape)).toEqual([[0, 0], [0], [0, 3]]);
    expect(() => svd(zeros([3]))).toThrow("linalg.svd: needs matrices, and got [3]");
    expect(() => svd(zeros([2, 2], { dtype: "i32" }))).toThrow(TypeError);
  });
});

describe("solveUpper", () => {
  beforeAll(async () => void await testDevice());

  it("solves by a triangle and by its transpose, and has derivatives by both", async () => {
    const numbers = new Numbers(15);
    const b = numbers.tensor([2, 70, 5]);
    const r = upperPart(numbers.tensor([2, 5, 5], { min: 0.5, max: 1 }));
    const plain = await r.data();
    const upper = tensor(plain, { shape: [2, 5, 5] });
    const solved = solveUpper(b, upper, { transposed: false });
    expectClose(await matmul(solved, upper).data(), await b.data(), 5e-5);
    const mirrored = solveUpper(b, upper, { transposed: true });
    expectClose(await matmul(mirrored, transpose(upper, [0, 2, 1])).data(), await b.data(), 5e-5);
    for (const t of [false, true]) {
      await checkDerivative((b, r) => solveUpper(b, upperPart(r), { transposed: t }), [b, upper], 2e-3);
    }
  });
});
