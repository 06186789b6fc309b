import { isNaNExpression } from "./is_nan.ts";

/**
 * WGSL function `hyperbolicTangent` of one f32 or four: 1 − 2 / (e²ˣ + 1), and near zero, where that cancels, Cephes'
 * polynomial. Drivers' own lose all digits of small arguments, and some overflow past 44.
 */
export function hyperbolicTangentSource(width: 1 | 4): string {
  const [T, U] = width === 1 ? ["f32", "u32"] : ["vec4<f32>", "vec4<u32>"];
  return `fn hyperbolicTangent(x: ${T}) -> ${T} {
  let z = x * x;
  var p = z * -5.70498872745e-3 + ${T}(2.06390887954e-2);
  p = p * z - ${T}(5.37397155531e-2);
  p = p * z + ${T}(1.33314422036e-1);
  p = p * z - ${T}(3.33332819422e-1);
  let far = ${T}(1.0) - ${T}(2.0) / (exp(abs(x) * 2.0) + ${T}(1.0));
  let value = select(select(far, -far, x < ${T}(0.0)), (p * z + ${T}(1.0)) * x, abs(x) < ${T}(0.625));
  return select(value, x, ${isNaNExpression("x", U)});
}
`;
}
