import { expect } from "expect";
import { mul, sum } from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/grad.ts";
import { expectClose, Numbers } from "./numbers.ts";

/** Compares what a function makes with its graph computed in float64. */
export async function checkValue(make: () => Tensor, tolerance = 2e-5): Promise<void> {
  // Held, as a graph that is computed on the way has lost its leaves.
  const { result, wanted } = holdNodes(() => {
    const result = make();
    return { result, wanted: reference(result).data };
  });
  expectClose(await result.data(), wanted, tolerance);
}

/** How far points lie apart along the direction in which a derivative is checked. */
const STEP = 1 / 128;

/**
 * Checks the derivative of a function by all its inputs along one random direction: ⟨v, Jᵀu⟩ against ⟨u, Jv⟩ by central
 * differences in float64.
 */
export async function checkDerivative(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  tolerance = 5e-4,
): Promise<void> {
  const numbers = new Numbers(7);
  const hosts = await Promise.all(inputs.map((input) => input.data()));
  const probe = numbers.tensor(f(...inputs).shape);
  const moved = (sign: number, directions: readonly Float32Array[]) =>
    inputs.map(({ shape }, i) =>
      tensor(Float32Array.from(hosts[i], (x, j) => x + sign * STEP * directions[i][j]), { shape })
    );
  const directions = hosts.map((host) => Float32Array.from(host, () => numbers.next() - 0.5));
  const [ahead, behind] = [moved(1, directions), moved(-1, directions)];
  const along = (points: Tensor[]) => holdNodes(() => reference(sum(mul(f(...points), probe))).data[0]);
  const wanted = along(ahead) - along(behind);
  // Rounding moved the points: what counts is how far apart they are now.
  let got = 0;
  let size = 0;
  for (let i = 0; i < inputs.length; i++) {
    const derivative = await grad((...args: Tensor[]) => sum(mul(f(...args), probe)), { argument: i })(...inputs)
      .data();
    const [a, b] = await Promise.all([ahead[i].data(), behind[i].data()]);
    for (let j = 0; j < derivative.length; j++) {
      const term = derivative[j] * (a[j] - b[j]);
      got += term;
      size += Math.abs(term);
    }
  }
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(tolerance * (STEP + size));
}
