/**
 * WGSL functions of the remainder with the divisor's sign: `remainder` of f32, `remainder4` of four, `wholeRemainder` of
 * i32. The remainder of f32 is exact, like C's fmod, where WGSL's `%` loses digits of large quotients: it is the long
 * division of the mantissas, eight places at a time. A remainder of the other sign gets the divisor added, which rounds
 * once. By 0, and of NaN and infinities, it is NaN; of integers, what is divided by 0 stays.
 */
export function remainderSource(width: 1 | 4): string {
  const I = width === 1 ? "i32" : "vec4<i32>";
  const scalar = `fn remainder(x: f32, y: f32) -> f32 {
  let infinity = 0x7f800000u;
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= infinity || b > infinity || b == 0u) { return bitcast<f32>(max(a, b) | 0x7fc00000u); }
  var rest = a;
  if (a >= b) {
    let place = max(b >> 23u, 1u);
    let divisor = (b & 0x7fffffu) | select(0x800000u, 0u, b < 0x800000u);
    rest = ((a & 0x7fffffu) | select(0x800000u, 0u, a < 0x800000u)) % divisor;
    for (var places = max(a >> 23u, 1u) - place; places > 0u && rest > 0u;) {
      let step = min(places, 8u);
      rest = (rest << step) % divisor;
      places -= step;
    }
    if (rest > 0u) {
      let shift = min(countLeadingZeros(rest) - 8u, place - 1u);
      rest = (rest << shift) + ((place - shift - 1u) << 23u);
    }
  }
  let value = bitcast<f32>(rest | (bitcast<u32>(x) & 0x80000000u));
  let isOpposite = ((bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u) != 0u;
  if (isOpposite && rest > 0u) { return value + y; }
  return value;
}
fn wholeRemainder(a: ${I}, b: ${I}) -> ${I} {
  let rest = a % select(b, ${I}(1), b == ${I}(0));
  let isOpposite = (rest != ${I}(0)) & ((rest < ${I}(0)) != (b < ${I}(0)));
  return select(rest + select(${I}(0), b, isOpposite), a, b == ${I}(0));
}
`;
  return width === 1 ? scalar : `${scalar}fn remainder4(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(remainder(x.x, y.x), remainder(x.y, y.y), remainder(x.z, y.z), remainder(x.w, y.w));
}
`;
}
