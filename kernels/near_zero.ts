import { isNaNExpression } from "./is_nan.ts";
import { logarithmSource } from "./logarithm.ts";

/** Up to here x itself is the nearest f32 to log(1 + x) and eˣ − 1, subnormal numbers and zeros of both signs included. */
const TINY = "5.9604645e-8";

/** The polynomial in `x` with these coefficients, those of high powers first, as statements that leave it in `p`. */
function polynomial(T: string, [first, second, ...rest]: readonly number[]): string {
  return `  var p = x * ${first} + ${T}(${second});\n${rest.map((c) => `  p = p * x + ${T}(${c});\n`).join("")}`;
}

/** Cephes' coefficients of (log(1 + x) − x + x²/2) / x³. */
const LOGARITHM = [
  ...[7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1],
  ...[-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
];

/** 1/11!, 1/10! … 1/2!: of (eˣ − 1 − x) / x². */
const EXPONENTIAL = Array.from({ length: 10 }, (_, i) => {
  let factorial = 1;
  for (let n = 2; n <= 11 - i; n++) factorial *= n;
  return 1 / factorial;
});

/** WGSL function `logarithmOfOnePlus` of one f32 or four: log(1 + x), by a polynomial where 1 + x would lose x's digits. */
export function log1pSource(width: 1 | 4): string {
  const T = width === 1 ? "f32" : "vec4<f32>";
  return `${logarithmSource(width, "logarithmFarOff")}fn logarithmOfOnePlus(x: ${T}) -> ${T} {
  let z = x * x;
${polynomial(T, LOGARITHM)}  let near = x + (p * x * z - z * 0.5);
  let far = logarithmFarOff(x + ${T}(1.0));
  let value = select(far, near, (x > ${T}(-0.292893)) & (x < ${T}(0.414213)));
  return select(value, x, abs(x) < ${T}(${TINY}));
}
`;
}

/** WGSL function `exponentialMinusOne` of one f32 or four: eˣ − 1, by its series where the difference would cancel. */
export function expm1Source(width: 1 | 4): string {
  const [T, U] = width === 1 ? ["f32", "u32"] : ["vec4<f32>", "vec4<u32>"];
  return `fn exponentialMinusOne(x: ${T}) -> ${T} {
${polynomial(T, EXPONENTIAL)}  let near = x + x * x * p;
  let value = select(exp(x) - ${T}(1.0), near, abs(x) < ${T}(1.0));
  return select(value, x, (abs(x) < ${T}(${TINY})) | ${isNaNExpression("x", U)});
}
`;
}
