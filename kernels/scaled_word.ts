/**
 * A 64-bit number below a limit's share of all: ⌊(high · 2³² + low) · limit / 2⁶⁴⌋, as a function of WGSL for scalars or
 * four at once. Products of 32 bits are made of such of 16.
 */
export function scaledWordSource(width: 1 | 4): string {
  const T = width === 1 ? "u32" : "vec4<u32>";
  return `fn upperProduct(a: ${T}, b: ${T}) -> ${T} {
  let half = ${T}(16u);
  let lower = ${T}(0xffffu);
  let p = (a & lower) * (b & lower);
  let q = (a & lower) * (b >> half);
  let r = (a >> half) * (b & lower);
  let carry = ((p >> half) + (q & lower) + (r & lower)) >> half;
  return (a >> half) * (b >> half) + (q >> half) + (r >> half) + carry;
}
fn scaledWord(high: ${T}, low: ${T}, limit: ${T}) -> ${T} {
  let added = upperProduct(low, limit);
  let sum = high * limit + added;
  return upperProduct(high, limit) + select(${T}(0u), ${T}(1u), sum < added);
}
`;
}
