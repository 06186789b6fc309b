/**
 * WGSL of a root of an f32 or several, `sqrt` or `inverseSqrt`, which is NaN below zero whatever is done with it: drivers
 * make |x| of √x · √x. `T` and `U` are the types of the value and of its bits.
 */
export function rootExpression(
  name: "sqrt" | "inverseSqrt",
  x: string,
  { T, U }: { readonly T: string; readonly U: string },
): string {
  return `select(${name}(${x}), bitcast<${T}>(bitcast<${U}>(${x}) | ${U}(0x7fc00000u)), ${x} < ${T}(0.0))`;
}
