/** WGSL that says whether an f32 is NaN, by its bits: compilers of shaders take x ≠ x for false. `words` is `u32`'s type. */
export function isNaNExpression(value: string, words: string): string {
  return `((bitcast<${words}>(${value}) & ${words}(0x7fffffffu)) > ${words}(0x7f800000u))`;
}

/** WGSL that says whether an f32 is neither NaN nor infinite, by its bits. */
export function isFiniteExpression(value: string, words: string): string {
  return `((bitcast<${words}>(${value}) & ${words}(0x7fffffffu)) < ${words}(0x7f800000u))`;
}
