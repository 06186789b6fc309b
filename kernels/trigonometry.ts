/** 2/π in words of 32 bits behind the point, with a word of nothing before and behind. */
const TWO_OVER_PI = [0, 0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0];

/**
 * WGSL functions `sine` and `cosine` of f32 (`sine4`, `cosine4` of four), good to two units in the last place for every
 * f32. WGSL's own are right within [−π, π] alone, and there to 5·10⁻⁴. The angle is taken to quarter turns in integers,
 * which have the same bits on every device (Payne and Hanek 1983, in fixed point as by N. Juffa), and what is left within
 * an eighth of a turn goes to the polynomials of Cephes.
 */
export function trigonometrySource(width: 1 | 4): string {
  const fours = ["sine", "cosine"].map((name) =>
    `fn ${name}4(x: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(${[..."xyzw"].map((lane) => `${name}(x.${lane})`).join(", ")});
}
`
  );
  return `struct Angle { rest: f32, quarters: u32 }
fn highProduct(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u);
}
fn quartersOf(bits: u32) -> Angle {
  if (bits < 0x3f490fdbu) { return Angle(bitcast<f32>(bits), 0u); } // within an eighth of a turn
  var table = array<u32, ${TWO_OVER_PI.length}>(${TWO_OVER_PI.map((word) => `${word}u`).join(", ")});
  let mantissa = (bits << 8u) | 0x80000000u;
  let exponent = (bits >> 23u) - 126u;
  let first = exponent >> 5u;
  let shift = exponent & 31u;
  var words = vec3<u32>(table[first], table[first + 1u], table[first + 2u]);
  if (shift > 0u) {
    let behind = vec3<u32>(words.yz, table[first + 3u]);
    words = (words << vec3<u32>(shift)) | (behind >> vec3<u32>(32u - shift));
  }
  // The product modulo 4 quarters, 62 bits of it behind the point.
  let middle = mantissa * words.y;
  var low = middle + highProduct(mantissa, words.z);
  var high = mantissa * words.x + highProduct(mantissa, words.y) + select(0u, 1u, low < middle);
  var quarters = high >> 30u;
  high &= 0x3fffffffu;
  let isAbove = high >= 0x20000000u;
  if (isAbove) {
    quarters += 1u;
    low = ~low + 1u;
    high = 0x3fffffffu - high + select(0u, 1u, low == 0u);
  }
  let zeros = select(countLeadingZeros(high), 32u + countLeadingZeros(low), high == 0u);
  let top = select((high << (zeros & 31u)) | (low >> ((32u - zeros) & 31u)), low << (zeros & 31u), zeros >= 32u);
  let rest = f32(top) * 1.57079632679 * bitcast<f32>((97u - zeros) << 23u);
  return Angle(select(rest, -rest, isAbove), quarters);
}
fn sineOf(r: f32) -> f32 {
  let z = r * r;
  return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
}
fn cosineOf(r: f32) -> f32 {
  let z = r * r;
  return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}
fn sine(x: f32) -> f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) { return bitcast<f32>(bits | 0x7fc00000u); }
  let angle = quartersOf(bits);
  let value = select(sineOf(angle.rest), cosineOf(angle.rest), (angle.quarters & 1u) == 1u);
  return bitcast<f32>(bitcast<u32>(value) ^ (bitcast<u32>(x) & 0x80000000u) ^ ((angle.quarters & 2u) << 30u));
}
fn cosine(x: f32) -> f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  if (bits >= 0x7f800000u) { return bitcast<f32>(bits | 0x7fc00000u); }
  let angle = quartersOf(bits);
  let value = select(cosineOf(angle.rest), sineOf(angle.rest), (angle.quarters & 1u) == 1u);
  return bitcast<f32>(bitcast<u32>(value) ^ (((angle.quarters + 1u) & 2u) << 30u));
}
${width === 4 ? fours.join("") : ""}`;
}
