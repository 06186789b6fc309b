/**
 * Functions of functions: derivatives, recomputation, loops, many cells at once, compilation.
 *
 * @module
 */
export { checkpoint } from "./checkpoint.ts";
export { customVjp, type CustomVjpRules } from "./custom_vjp.ts";
export {
  type AnyFunction,
  grad,
  type GradOptions,
  type ValueAndGrad,
  valueAndGrad,
  type ValueAndGradOptions,
  vjp,
} from "./grad.ts";
export { jit } from "./jit.ts";
export type {
  JitArguments,
  JitOptions,
  JittedFunction,
  Lifted,
  LiftedAll,
  NumberPositions,
  TakesNumbers,
  WantsNumbers,
} from "./jit_types.ts";
export { scan, type ScanOptions } from "./scan.ts";
export { vmap, type VmapOptions } from "./vmap.ts";
export type { Axes } from "./axes.ts";
