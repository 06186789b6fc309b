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
/** x·Φ(x). */
export const geluPrimitive: Primitive<undefined> = elementwise({
  name: "gelu",
  wgsl: "($0 * 0.5 * ($T(1.0) + errorFunction($0 * 0.7071067811865476)))",
  prelude: ERF,
  reference: (x) => x * 0.5 * (1 + erfReference(x / Math.SQRT2)),
  vjp: ({ inputs: [x], cotangent }) => {
    const cumulative = x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
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

/** The error function, to 2e-7. */
export function erf(x: Tensor): Tensor {
  return unary(erfPrimitive, x);
}
/** x where positive, else 0; the derivative at 0 is 0. */
export function relu(x: Tensor): Tensor {
  return unary(reluPrimitive, x);
}
/** x·Φ(x) (1606.08415): exact by default, or its approximation by tanh. */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  return unary(options.approximate === "tanh" ? geluTanhPrimitive : geluPrimitive, x);
}
/** x·sigmoid(x), also called swish. */
export function silu(x: Tensor): Tensor {
  return unary(siluPrimitive, x);
}
