import { isNaNExpression } from "../../kernels/is_nan.ts";
import type { GeluOptions } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sub } from "./arithmetic.ts";
import { elementwise, unary } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";
import { where } from "./where.ts";

// erf(x) = sign(x)·(1 − e^(−x²)·P(t)), t = 1/(1 + x/2): Numerical Recipes' Chebyshev fit of erfc, good to 1.2e-7; near
// zero, where it cancels, the Taylor series.
const ERF = (width: 1 | 4): string => {
  const T = width === 1 ? "f32" : "vec4<f32>";
  return `fn errorFunction(x: ${T}) -> ${T} {
  let z = abs(x);
  let t = ${T}(1.0) / (${T}(1.0) + z * 0.5);
  var p = t * 0.17087277 - ${T}(0.82215223);
  p = p * t + ${T}(1.48851587);
  p = p * t - ${T}(1.13520398);
  p = p * t + ${T}(0.27886807);
  p = p * t - ${T}(0.18628806);
  p = p * t + ${T}(0.09678418);
  p = p * t + ${T}(0.37409196);
  p = p * t + ${T}(1.00002368);
  p = p * t - ${T}(1.26551223);
  let far = sign(x) * (${T}(1.0) - t * exp(p - z * z));
  let s = x * x;
  let near = x * (${T}(1.1283791671) - s * (${T}(0.3761263890) - s * (${T}(0.1128379167) - s * ${T}(0.0268661706))));
  return select(far, near, z < ${T}(0.3));
}
`;
};

/** The error function in float64, by its series and its continued fraction. */
export function erfReference(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) {
    let term = z;
    let total = z;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * total; n++) {
      term *= -z * z / n;
      total += term / (2 * n + 1);
    }
    return Math.sign(x) * total * 2 / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
}

/** The error function. */
export const erfPrimitive: Primitive<undefined> = elementwise({
  name: "erf",
  wgsl: "errorFunction($0)",
  prelude: ERF,
  reference: erfReference,
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.square().mul(-1).exp().mul(2 / Math.sqrt(Math.PI)))],
});
/** x where positive, else 0. */
export const reluPrimitive: Primitive<undefined> = elementwise({
  name: "relu",
  wgsl: "select($0, $T(0.0), $0 < $T(0.0))",
  reference: (x) => x < 0 ? 0 : x,
  // As in PyTorch, NaN passes the cotangent on.
  vjp: ({ inputs: [x], cotangent }) => [where(x.lessEqual(0), 0, cotangent)],
});
/**
 * erf(x/√2), in the words of {@linkcode geluPrimitive}: where one kernel computes GELU and its derivative, the driver finds
 * that it needs it once.
 */
const normalErfPrimitive: Primitive<undefined> = elementwise({
  name: "normalErf",
  wgsl: "errorFunction($0 * 0.7071067811865476)",
  prelude: ERF,
  reference: (x) => erfReference(x / Math.SQRT2),
  vjp: ({ inputs: [x], cotangent }) => [cotangent.mul(x.square().mul(-0.5).exp().mul(Math.sqrt(2 / Math.PI)))],
});
/** x·Φ(x). */
export const geluPrimitive: Primitive<undefined> = elementwise({
  name: "gelu",
  wgsl: "($0 * 0.5 * ($T(1.0) + errorFunction($0 * 0.7071067811865476)))",
  prelude: ERF,
  reference: (x) => x * 0.5 * (1 + erfReference(x / Math.SQRT2)),
  vjp: ({ inputs: [x], cotangent }) => {
    const cumulative = unary(normalErfPrimitive, x).add(1).mul(0.5);
    const density = x.square().mul(-0.5).exp().mul(1 / Math.sqrt(2 * Math.PI));
    return [cotangent.mul(cumulative.add(x.mul(density)))];
  },
});

const CUBIC = 0.044715;
const ROOT = Math.sqrt(2 / Math.PI);

/** The approximation of x·Φ(x) by tanh, as in GPT-2. */
export const geluTanhPrimitive: Primitive<undefined> = elementwise({
  name: "geluTanh",
  wgsl: `($0 * 0.5 * ($T(1.0) + tanh(clamp(${ROOT} * ($0 + ${CUBIC} * $0 * $0 * $0), $T(-15.0), $T(15.0)))))`,
  reference: (x) => x * 0.5 * (1 + Math.tanh(ROOT * (x + CUBIC * x ** 3))),
  vjp: ({ inputs: [x], cotangent }) => {
    const t = x.mul(x.square().mul(CUBIC).add(1)).mul(ROOT).tanh();
    const slope = x.square().mul(3 * CUBIC).add(1).mul(ROOT);
    return [cotangent.mul(t.add(1).add(x.mul(sub(1, t.square())).mul(slope)).mul(0.5))];
  },
});

/** x/(1 + e⁻ˣ): one quotient, as the logistic function alone is subnormal below −87. */
export const siluPrimitive: Primitive<undefined> = elementwise({
  name: "silu",
  wgsl: ([x], { type }) =>
    `(${x} / (${type("f32")}(1.0) + select(exp(-${x}), ${x}, ${isNaNExpression(x, type("u32"))})))`,
  reference: (x) => x / (1 + Math.exp(-x)),
  vjp({ inputs: [x], cotangent }) {
    const slope = x.sigmoid();
    return [cotangent.mul(slope.mul(x.mul(sub(1, slope)).add(1)))];
  },
});

/**
 * Computes the error function, `2/√π · ∫₀ˣ e^(−t²) dt`, of each element of an f32 tensor, to 2·10⁻⁷.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.scipy.special.erf](https://docs.jax.dev/en/latest/_autosummary/jax.scipy.special.erf.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.erf(dd.tensor([0, 0.5, Infinity])).data()); // ≈ Float32Array [0, 0.5205, 1]
 * ```
 */
export function erf(x: Tensor): Tensor {
  return unary(erfPrimitive, x);
}

/**
 * Keeps each positive element of an f32 tensor and makes all others 0; NaN stays NaN. The derivative at 0 is 0.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.nn.relu](https://docs.jax.dev/en/latest/_autosummary/jax.nn.relu.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.relu(dd.tensor([-1, 0, 2])).data()); // Float32Array [0, 0, 2]
 * ```
 */
export function relu(x: Tensor): Tensor {
  return unary(reluPrimitive, x);
}

/**
 * Applies GELU, `x·Φ(x)` with the normal distribution's Φ, to each element of an f32 tensor ([Hendrycks and Gimpel
 * 2016](https://arxiv.org/abs/1606.08415)). It is exact by default, as in BERT; `{ approximate: "tanh" }` computes
 * GPT-2's approximation by tanh.
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [torch.nn.functional.gelu](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([-1, 0, 2]);
 * console.log(await dd.gelu(x).data()); // ≈ Float32Array [-0.15866, 0, 1.9545]
 * console.log(await dd.gelu(x, { approximate: "tanh" }).data()); // ≈ Float32Array [-0.15881, 0, 1.9546]
 * ```
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  return unary(options.approximate === "tanh" ? geluTanhPrimitive : geluPrimitive, x);
}

/**
 * Applies SiLU, `x / (1 + e⁻ˣ)`, also called swish, to each element of an f32 tensor ([Ramachandran et al.
 * 2017](https://arxiv.org/abs/1710.05941)).
 *
 * Throws a TypeError where `x` is of another dtype.
 *
 * @see [jax.nn.silu](https://docs.jax.dev/en/latest/_autosummary/jax.nn.silu.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.silu(dd.tensor([-1, 0, 2])).data()); // ≈ Float32Array [-0.2689, 0, 1.7616]
 * ```
 */
export function silu(x: Tensor): Tensor {
  return unary(siluPrimitive, x);
}
