import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import {
  add,
  argmax,
  cast,
  cos,
  exp,
  greater,
  matmul,
  mean,
  mul,
  square,
  stopGradient,
  sub,
  sum,
  where,
} from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit, valueAndGrad, vjp } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

const cube = (x: Tensor) => sum(mul(square(x), x));

describe("grad", () => {
  beforeAll(async () => void await testDevice());

  it("gives a tree like the argument", async () => {
    const params = { layers: [{ W: tensor([[1, 2], [3, 4]]), b: tensor([5, 6]) }], name: "kept" };
    const x = tensor([[1, -1]]);
    const slope = grad(({ layers: [{ W, b }] }: typeof params) => sum(square(add(matmul(x, W), b))))(params);
    expect(slope.name).toBe("kept");
    // y = x W + b = [3, 4]; ∂/∂b = 2y, ∂/∂W = xᵀ 2y.
    expect(Array.from(await slope.layers[0].b.data())).toEqual([6, 8]);
    expect(Array.from(await slope.layers[0].W.data())).toEqual([6, 8, -6, -8]);
  });

  it("gives zeros for what the value does not depend on, and through integers and booleans", async () => {
    const f = ({ x }: { x: Tensor; idle: Tensor }) => sum(mul(x, cast(greater(x, 1), "f32")));
    const slope = grad(f)({ x: tensor([1, 2]), idle: tensor([[7]]) });
    expect(Array.from(await slope.x.data())).toEqual([0, 1]);
    expect(Array.from(await slope.idle.data())).toEqual([0]);
  });

  it("leaves tensors of other dtypes in the argument as they are", () => {
    const step = tensor(3, { dtype: "i32" });
    expect(grad(({ x, step }: { x: Tensor; step: Tensor }) => mul(x, cast(step, "f32")))({ x: tensor(1), step }).step)
      .toBe(step);
  });

  it("differentiates by the argument it is told", async () => {
    const f = (a: Tensor, b: Tensor) => sum(mul(square(a), b));
    const [a, b] = [tensor([2, 3]), tensor([5, 7])];
    expect(Array.from(await grad(f)(a, b).data())).toEqual([20, 42]);
    expect(Array.from(await grad(f, { argument: 1 })(a, b).data())).toEqual([4, 9]);
  });

  it("adds up over several uses of one tensor, and of one that is given twice", async () => {
    const x = tensor([1, 2]);
    expect(Array.from(await grad((y: Tensor) => sum(add(mul(y, y), y)))(x).data())).toEqual([3, 5]);
    const both = grad(([a, b]: Tensor[]) => sum(mul(a, square(b))))([x, x]);
    expect(Array.from(await both[0].data())).toEqual([1, 4]);
    expect(Array.from(await both[1].data())).toEqual([2, 8]);
  });

  it("does not pass stopGradient, nor what the function closes over", async () => {
    const outside = tensor([3, 4]);
    const slope = grad((x: Tensor) => sum(add(mul(stopGradient(x), x), mul(outside, x))))(tensor([1, 2]));
    expect(Array.from(await slope.data())).toEqual([4, 6]);
  });

  it("can be taken again and again", async () => {
    const x = tensor([0.5, -1, 2]);
    const data = Array.from(await x.data());
    let f: (y: Tensor) => Tensor = (y) => sum(mul(square(y), exp(y)));
    // (x² eˣ)⁗ = (x² + 8x + 12) eˣ
    for (let order = 0; order < 4; order++) {
      const slope = grad(f);
      f = (y) => sum(slope(y));
    }
    expectClose([await f(x).item()], [
      data.reduce((total, v) => total + (v * v + 8 * v + 12) * Math.exp(v), 0),
    ], 1e-5);
  });

  it("of a function of a derivative sees both: a Hessian times a vector", async () => {
    const v = tensor([1, 2]);
    const f = (x: Tensor) => sum(mul(cube(x), sum(x)));
    const product = grad((x: Tensor) => sum(mul(grad(f)(x), v)))(tensor([1, 3]));
    // f = (a³ + b³)(a + b): H = [[6a(a+b) + 6a², 3a² + 3b²], [3a² + 3b², 6b(a+b) + 6b²]]
    expectClose(await product.data(), [(24 + 6) + 2 * 30, 30 + 2 * (72 + 54)], 1e-6);
  });

  it("is the same inside jit and outside", async () => {
    const numbers = new Numbers(1);
    const [x, W] = [numbers.tensor([5, 8]), numbers.tensor([8, 3])];
    const slope = grad((w: Tensor) => mean(square(cos(matmul(x, w)))));
    expectClose(await (await jit((w: Tensor) => slope(w))(W)).data(), await slope(W).data(), 1e-6);
  });

  it("changes nothing of what it is given", async () => {
    const x = tensor([1, 2]);
    const made = mul(x, 2);
    await grad(cube)(made).data();
    expect(Array.from(await made.data())).toEqual([2, 4]);
    expect(Array.from(await x.data())).toEqual([1, 2]);
  });

  it("refuses what is no scalar and what is no tensor, and says so", () => {
    const x = tensor([1, 2]);
    expect(() => grad((y: Tensor) => mul(y, 2))(x)).toThrow(
      "grad: the function must return an f32 scalar, and returned Tensor f32 [2]: sum or mean it",
    );
    expect(() => grad((y: Tensor) => cast(sum(y), "i32"))(x)).toThrow("returned Tensor i32 []");
    // @ts-expect-error -- the compiler sees it, too
    expect(() => grad((_: Tensor) => 3)(x)).toThrow("grad: the function must return a scalar tensor");
    // @ts-expect-error -- the compiler sees it, too
    // deno-lint-ignore require-await -- what a caller may get wrong
    expect(() => grad(async (y: Tensor) => sum(y))(x)).toThrow("grad: the function must return a scalar tensor");
  });

  it("refuses an argument in which there is nothing to differentiate by", () => {
    expect(() => grad(cube, { argument: 1 })(tensor(1))).toThrow("grad: argument 1 holds no f32 tensor");
    expect(() => grad((x: number) => tensor(x))(3)).toThrow("grad: argument 0 holds no f32 tensor");
    expect(() => grad((x: Tensor) => sum(x))(tensor(1, { dtype: "i32" }))).toThrow(TypeError);
  });

  it("takes what comes of whole numbers for a constant", async () => {
    const slope = grad((x: Tensor) => sum(mul(cast(argmax(x), "f32"), x)))(tensor([1, 5, 2]));
    expect(Array.from(await slope.data())).toEqual([1, 1, 1]);
  });
});

describe("valueAndGrad", () => {
  beforeAll(async () => void await testDevice());

  it("gives the value with the derivative, and hands on what comes beside it", async () => {
    const f = (x: Tensor) => ({ value: cube(x), aux: { doubled: mul(x, 2), note: "text" } });
    const { value, grad: slope, aux } = valueAndGrad(f, { hasAux: true })(tensor([1, 2]));
    expect(await value.item()).toBe(9);
    expect(Array.from(await slope.data())).toEqual([3, 12]);
    expect(Array.from(await aux.doubled.data())).toEqual([2, 4]);
    expect(aux.note).toBe("text");
    expect("aux" in valueAndGrad(cube)(tensor(1))).toBe(false);
  });

  it("computes the forward pass once for both", async () => {
    const device = await testDevice();
    const step = jit((x: Tensor) => {
      const { value, grad: slope } = valueAndGrad((y: Tensor) => sum(square(matmul(y, y))))(x);
      return [value, slope];
    });
    await step(new Numbers(1).tensor([8, 8]));
    // y·y once, and two products for its derivatives.
    expect(step.plans()[0].dispatches.filter(({ kernel }) => kernel.startsWith("matmul_"))).toHaveLength(3);
    await device.done();
  });
});

describe("vjp", () => {
  beforeAll(async () => void await testDevice());

  it("carries derivatives of a tree back to all arguments", async () => {
    const f = (a: Tensor, { b }: { b: Tensor }) => ({ product: mul(a, b), total: sum(a) });
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const { value, pullback } = vjp(f, a, { b });
    expect(Array.from(await value.product.data())).toEqual([3, 8]);
    const [forA, forB] = pullback({ product: tensor([10, 100]), total: tensor(1) });
    expect(Array.from(await forA.data())).toEqual([31, 401]);
    expect(Array.from(await forB.b.data())).toEqual([10, 200]);
    const [again] = pullback({ product: tensor([0, 0]), total: tensor(2) });
    expect(Array.from(await again.data())).toEqual([2, 2]);
  });

  it("is linear in its cotangent, row by row the Jacobian", async () => {
    const x = tensor([1, 2, 3]);
    const { pullback } = vjp((y: Tensor) => sub(square(y), where(greater(y, 2), y, 0)), x);
    const jacobian = [];
    for (let row = 0; row < 3; row++) {
      const [slope] = pullback(tensor([0, 0, 0].map((_, i) => Number(i === row))));
      jacobian.push(Array.from(await slope.data()));
    }
    expect(jacobian).toEqual([[2, 0, 0], [0, 4, 0], [0, 0, 5]]);
  });

  it("matches its cotangent with its value by keys, in whatever order of them", async () => {
    const value = (x: Tensor) => ({ a: x, inner: { z: mul(x, 2), b: mul(x, 3) } });
    const { pullback } = vjp(value, tensor([1]));
    const cotangent = { inner: { b: tensor([10]), z: tensor([1]) }, a: tensor([100]) };
    expect(await pullback(cotangent)[0].item()).toBe(132);
  });

  it("refuses cotangents that do not fit", () => {
    const { pullback } = vjp((x: Tensor) => [x, mul(x, 2)], tensor([1, 2]));
    expect(() => pullback([tensor([1, 2])])).toThrow(
      "vjp: the value and its cotangent differ at their root: one has a list of 2 there",
    );
    // @ts-expect-error -- the compiler sees it, too
    expect(() => pullback({ 0: tensor([1, 2]), 1: tensor([1, 2]) })).toThrow("differ at their root");
    expect(() => pullback([tensor([1, 2]), tensor(1)])).toThrow("vjp: a cotangent of [] does not fit a value of [2]");
  });
});
