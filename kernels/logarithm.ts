/**
 * WGSL function `logarithm` of one f32 or four. By bits it is NaN below zero and of NaN, and −∞ of zero, where drivers give
 * other numbers; and a subnormal, of which they give wrong logarithms, is taken as so many times 2⁻¹⁴⁹.
 * Functions that are built on it have one of another `name`, so that both may stand in one kernel.
 */
export function logarithmSource(width: 1 | 4, name = "logarithm"): string {
  const [T, U] = width === 1 ? ["f32", "u32"] : ["vec4<f32>", "vec4<u32>"];
  return `fn ${name}(x: ${T}) -> ${T} {
  let bits = bitcast<${U}>(x);
  let size = bits & ${U}(0x7fffffffu);
  let isSmall = size < ${U}(0x800000u);
  let value = log(select(x, ${T}(size), isSmall)) - select(${T}(0.0), ${T}(103.278929903), isSmall);
  let isNone = (bits > ${U}(0x7f800000u)) & (size != ${U}(0u));
  let special = bitcast<${T}>(bits | select(${U}(0xff800000u), ${U}(0x7fc00000u), isNone));
  return select(value, special, isNone | (size == ${U}(0u)));
}
`;
}
