import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, exp, mul, square, sum } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, customVjp, grad, jit, valueAndGrad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

/** x³ whose derivative is told to be that of x² times `factor`: what comes out shows which rule was used. */
const marked = (factor: number) =>
  customVjp((x: Tensor) => mul(square(x), x), {
    forward: (x) => ({ value: mul(square(x), x), residuals: x }),
    backward: (x: Tensor, cotangent: Tensor) => [mul(cotangent, mul(x, 2 * factor))],
  });

/** Two results of two arguments, differentiated together. */
const sumAndProduct = customVjp((a: Tensor, b: Tensor) => [add(a, b), mul(a, b)], {
  forward: (a, b) => ({ value: [add(a, b), mul(a, b)], residuals: [a, b] }),
  backward: ([a, b]: Tensor[], [ofSum, ofProduct]: Tensor[]) => [
    add(ofSum, mul(ofProduct, b)),
    add(ofSum, mul(ofProduct, a)),
  ],
});

describe("customVjp", () => {
  beforeAll(async () => void await testDevice());

  it("gives the function's value, and its own rule's derivative", async () => {
    const { value, grad: slope } = valueAndGrad((x: Tensor) => sum(marked(10)(x)))(tensor([2, 3]));
    expect(await value.item()).toBe(35);
    expect(Array.from(await slope.data())).toEqual([40, 60]);
    expect(Array.from(await marked(10)(tensor([2])).data())).toEqual([8]);
  });

  it("joins the chain of derivatives before and after it", async () => {
    const slope = grad((x: Tensor) => sum(square(marked(1)(mul(x, 3)))))(tensor([1]));
    // 2·(3x)³ · 2·(3x) · 3
    expect(await slope.item()).toBe(2 * 27 * 6 * 3);
  });

  it("is differentiated together where it has several results, used or not", async () => {
    const by = (f: (results: Tensor[]) => Tensor) =>
      grad(([a, b]: Tensor[]) => sum(f(sumAndProduct(a, b))))([tensor([2]), tensor([5])]);
    for (
      const [f, wanted] of [
        [([total, product]: Tensor[]) => add(total, mul(product, 10)), [51, 21]],
        [([total]: Tensor[]) => total, [1, 1]],
        [([, product]: Tensor[]) => product, [5, 2]],
        [([, product]: Tensor[]) => square(product), [100, 40]],
      ] as const
    ) {
      const slope = by(f);
      expect([await slope[0].item(), await slope[1].item()]).toEqual(wanted);
    }
  });

  it("is differentiated together inside a checkpoint as well", async () => {
    const f = ([a, b]: Tensor[]) => sum(sumAndProduct(a, b)[1]);
    const slope = grad((pair: Tensor[]) => checkpoint(f)(pair))([tensor([2]), tensor([5])]);
    expect([await slope[0].item(), await slope[1].item()]).toEqual([5, 2]);
  });

  it("can be differentiated again: its rule is differentiated then", async () => {
    const second = grad((x: Tensor) => sum(grad((y: Tensor) => sum(marked(3)(y)))(x)));
    expect(Array.from(await second(tensor([1, 4])).data())).toEqual([6, 6]);
    const exponential = customVjp((x: Tensor) => exp(x), {
      forward(x) {
        const value = exp(x);
        return { value, residuals: value };
      },
      backward: (value: Tensor, cotangent: Tensor) => [mul(cotangent, value)],
    });
    let f = (x: Tensor) => sum(exponential(x));
    for (let order = 0; order < 3; order++) {
      const slope = grad(f);
      f = (x) => sum(slope(x));
    }
    expectClose([await f(tensor(0.5)).item()], [Math.exp(0.5)], 1e-6);
  });

  it("gives no derivative where its rule gives none, nor to what it closes over", async () => {
    const outside = tensor([7]);
    const f = customVjp((a: Tensor, b: Tensor) => mul(mul(a, b), outside), {
      forward: (a, b) => ({ value: mul(mul(a, b), outside), residuals: a }),
      backward: (a: Tensor, cotangent: Tensor) => [undefined, mul(cotangent, a)],
    });
    const slope = grad(([a, b]: Tensor[]) => sum(f(a, b)))([tensor([2]), tensor([3])]);
    expect([await slope[0].item(), await slope[1].item()]).toEqual([0, 2]);
  });

  it("takes trees with integers in them, and works under jit", async () => {
    const f = customVjp(({ x }: { x: Tensor; step: Tensor }) => square(x), {
      forward: ({ x }) => ({ value: square(x), residuals: x }),
      backward: (x: Tensor, cotangent: Tensor) => [{ x: mul(cotangent, mul(x, 5)), step: tensor(0, { dtype: "i32" }) }],
    });
    const step = tensor(1, { dtype: "i32" });
    const slope = jit((x: Tensor) => grad((y: Tensor) => sum(f({ x: y, step })))(x));
    expect(Array.from(await (await slope(tensor([1, 2]))).data())).toEqual([5, 10]);
  });

  it("takes what its rule gives by keys, in whatever order of them", async () => {
    type Pair = { a: Tensor; b: Tensor };
    const f = ({ a, b }: Pair) => add(mul(a, 2), mul(b, 5));
    const g = customVjp(f, {
      forward: (pair) => ({ value: f(pair), residuals: [] }),
      backward: (_, cotangent: Tensor) => [{ b: mul(cotangent, 5), a: mul(cotangent, 2) }],
    });
    const slope = grad((pair: Pair) => sum(g(pair)))({ a: tensor([1]), b: tensor([1]) });
    expect([await slope.a.item(), await slope.b.item()]).toEqual([2, 5]);
  });

  it("refuses a rule that gives another number of trees, of tensors, or other shapes", () => {
    const wrong = (backward: (cotangent: Tensor) => readonly unknown[]) => {
      const f = customVjp(function twice(x: Tensor) {
        return mul(x, 2);
      }, {
        forward: (x) => ({ value: mul(x, 2), residuals: [] }),
        // @ts-expect-error -- the compiler asks for one tensor
        backward: (_, cotangent: Tensor) => backward(cotangent),
      });
      return () => grad((x: Tensor) => sum(f(x)))(tensor([1, 2]));
    };
    expect(wrong((c) => [c, c])).toThrow("customVjp: twice has 1 arguments, backward gave 2");
    expect(wrong((c) => [[c, c]])).toThrow(
      "customVjp: argument 0 and what backward gave for it differ at their root: one has a tensor there",
    );
    expect(wrong((c) => [sum(c)])).toThrow("customVjp: argument 0 has a tensor of [2], backward gave [] for it");
  });
});
