import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { dropout } from "../../lib/nn/mod.ts";
import { add, exp, gelu, matmul, mean, mul, random, sin, square, sum } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, grad, jit, valueAndGrad, vjp } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const LAYERS = 6;

/** A layer with several intermediate results. */
const layer = (x: Tensor, [W, V]: readonly Tensor[]) => add(x, matmul(gelu(matmul(x, W)), V));
const identity = <F>(f: F) => f;
type Wrap = (f: typeof layer) => typeof layer;

function makeProblem(rows: number, width: number) {
  const numbers = new Numbers(1);
  const weights = Array.from(
    { length: LAYERS },
    () => [[width, 2 * width], [2 * width, width]].map((shape) => numbers.tensor(shape, { min: -0.2, max: 0.2 })),
  );
  return { x: numbers.tensor([rows, width]), weights };
}

const network = (wrap: Wrap) => (weights: Tensor[][], x: Tensor) =>
  mean(square(weights.reduce((y, pair) => wrap(layer)(y, pair), x)));

describe("checkpoint", () => {
  beforeAll(async () => void await testDevice());

  it("gives the same bits of value and derivatives", async () => {
    const { x, weights } = makeProblem(16, 8);
    const run = async (wrap: Wrap) => {
      const { value, grad: slope } = valueAndGrad(network(wrap))(weights, x);
      const parts = await Promise.all([value, ...slope.flat()].map((part: Tensor) => part.data()));
      return parts.map(bits);
    };
    expect(await run(checkpoint)).toEqual(await run(identity));
  });

  it("carries derivatives back also where part of what it computed was asked for in between", async () => {
    const f = checkpoint((x: Tensor, y: Tensor) => {
      const shared = sin(x);
      return { a: exp(mul(shared, y)), b: sum(shared) };
    });
    const [x, y] = [tensor([1, 2, 3]), tensor([0.5, 0.25, 1])];
    const slopes = async (looks: boolean) => {
      const { value, pullback } = vjp(f, x, y);
      // What both results need is computed with the first one, and forgets what made it.
      if (looks) await value.a.data();
      const [forX, forY] = pullback({ b: tensor(1), a: tensor([1, 1, 1]) });
      return [await forX.data(), await forY.data()];
    };
    expect(await slopes(true)).toEqual(await slopes(false));
  });

  it("computes once more what it does not keep, and needs less memory", async () => {
    const { x, weights } = makeProblem(256, 16);
    const plan = async (wrap: Wrap) => {
      const step = jit((w: Tensor[][], given: Tensor) => {
        const { value, grad: slope } = valueAndGrad(network(wrap))(w, given);
        return [value, slope];
      });
      await step.compile(weights, x);
      const [{ ownBytes, dispatches }] = step.plans();
      step.dispose();
      return { bytes: ownBytes, products: dispatches.filter(({ kernel }) => kernel.startsWith("matmul_")).length };
    };
    const [kept, recomputed] = [await plan(identity), await plan(checkpoint)];
    // The first product of a layer makes what its second one and the derivative of gelu need.
    expect(recomputed.products).toBe(kept.products + LAYERS);
    expect(recomputed.bytes).toBeLessThan(0.75 * kept.bytes);
  });

  it("draws the same random numbers in both passes", async () => {
    const [x, key] = [new Numbers(2).tensor([64]), random.key(3)];
    const f = (y: Tensor) => sum(square(dropout(y, { rate: 0.5, key })));
    expect(await grad(checkpoint(f))(x).data()).toEqual(await grad(f)(x).data());
  });

  it("reaches tensors that the function closes over", async () => {
    const f = ([a, b]: Tensor[]) => {
      const product = mul(a, 3);
      return sum(checkpoint((x: Tensor) => mul(exp(mul(x, product)), b))(a));
    };
    const [a, b] = [tensor([0.5]), tensor([2])];
    const slope = grad(f)([a, b]);
    expectClose([await slope[0].item(), await slope[1].item()], [Math.exp(0.75) * 2 * 3, Math.exp(0.75)], 1e-6);
  });

  it("can be nested, differentiated again, and give trees", async () => {
    const inner = checkpoint((x: Tensor) => mul(exp(x), x));
    const outer = checkpoint((x: Tensor) => ({ y: square(inner(x)), same: x }));
    const plain = (x: Tensor) => ({ y: square(mul(exp(x), x)), same: x });
    const second = (f: typeof plain) =>
      grad((x: Tensor) => sum(square(grad((z: Tensor) => sum(add(f(z).y, f(z).same)))(x))));
    const x = tensor([0.1, -0.7, 1.2]);
    expectClose(await second(outer)(x).data(), await second(plain)(x).data(), 1e-6);
  });

  it("of checkpoints keeps only the outer boundary", async () => {
    const { x, weights } = makeProblem(256, 16);
    const plan = async (wrap: Wrap, outer: <F extends (y: Tensor, w: Tensor[][]) => Tensor>(f: F) => F) => {
      const part = (y: Tensor, some: Tensor[][]) => some.reduce((z, pair) => wrap(layer)(z, pair), y);
      const step = jit((w: Tensor[][], given: Tensor) =>
        grad((all: Tensor[][]) => {
          const halves = [all.slice(0, LAYERS / 2), all.slice(LAYERS / 2)];
          return mean(square(halves.reduce((y, half) => outer(part)(y, half), given)));
        })(w)
      );
      await step.compile(weights, x);
      const [{ ownBytes }] = step.plans();
      step.dispose();
      return ownBytes;
    };
    const single = await plan(checkpoint, identity);
    expect(await plan(checkpoint, checkpoint as typeof identity)).toBeLessThan(single);
  });

  it("changes nothing where nobody differentiates", async () => {
    const { x, weights } = makeProblem(4, 8);
    const device = await testDevice();
    const run = async (wrap: Wrap) => {
      const before = device.counters().dispatches;
      const value = await network(wrap)(weights, x).item();
      return [value, device.counters().dispatches - before];
    };
    expect(await run(checkpoint)).toEqual(await run(identity));
  });
});
