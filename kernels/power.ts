/**
 * WGSL function `power` of f32 (`power4` of four) by C99's table, F.9.4.4: x⁰ and 1^y are 1 whatever the other is, NaN
 * too; a negative base needs a whole exponent and gives NaN else; zeros and infinities keep their sign for odd exponents.
 * WGSL's own pow() is undefined below zero, and drivers differ at zero, one, NaN and infinities: those never reach it.
 */
export function powerSource(width: 1 | 4): string {
  const scalar = `fn power(x: f32, y: f32) -> f32 {
  let one = 0x3f800000u;
  let infinity = 0x7f800000u;
  let base = bitcast<u32>(x) & 0x7fffffffu;
  let exponent = bitcast<u32>(y) & 0x7fffffffu;
  let isBelow = bitcast<u32>(x) != base;
  let isRoot = bitcast<u32>(y) != exponent; // 1 / a power
  if (exponent == 0u || (base == one && !isBelow)) { return 1.0; }
  if (max(base, exponent) > infinity) { return bitcast<f32>(max(base, exponent) | 0x7fc00000u); }
  if (exponent == one && !isRoot) { return x; }
  if (exponent == 0x40000000u && !isRoot) { return x * x; }
  // Whether y is whole, and odd, by its bits.
  let power2 = exponent >> 23u;
  let mantissa = (exponent & 0x7fffffu) | 0x800000u;
  let places = 150u - clamp(power2, 127u, 150u);
  let isWhole = power2 > 126u && (mantissa & ((1u << places) - 1u)) == 0u;
  let isOdd = isWhole && power2 <= 150u && ((mantissa >> places) & 1u) == 1u;
  let sign = select(0u, 0x80000000u, isBelow && isOdd);
  if (base == 0u || base == infinity) {
    return bitcast<f32>(sign | select(0u, infinity, (base == 0u) == isRoot));
  }
  if (exponent == infinity) {
    if (base == one) { return 1.0; }
    return bitcast<f32>(select(0u, infinity, (base > one) != isRoot));
  }
  if (isBelow && !isWhole) { return bitcast<f32>(base | 0x7fc00000u); }
  var value = pow(abs(x), y);
  if (base < 0x800000u) { value = exp2(y * (log2(f32(base)) - 149.0)); } // a subnormal is so many times 2⁻¹⁴⁹
  return bitcast<f32>(sign | bitcast<u32>(value));
}
`;
  return width === 1 ? scalar : `${scalar}fn power4(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(power(x.x, y.x), power(x.y, y.y), power(x.z, y.z), power(x.w, y.w));
}
`;
}
