/**
 * WGSL of the same f32 or f32s, of which compilers of shaders do not see what made them: SwiftShader's takes (x · y) / y and
 * (x / y) · y for x, also where they are infinite or NaN. Compilers that know the larger of a word and 0 for the word make
 * nothing of it. `T` and `U` are the types of the value and of its bits.
 */
export function opaqueExpression(value: string, { T, U }: { readonly T: string; readonly U: string }): string {
  return `bitcast<${T}>(max(bitcast<${U}>(${value}), ${U}(0u)))`;
}
