/**
 * Functions of functions: derivatives, recomputation, compilation.
 *
 * @module
 */
export { checkpoint } from "./checkpoint.ts";
export { customVjp, type CustomVjpRules } from "./custom_vjp.ts";
export { type AnyFunction, grad, type GradOptions, valueAndGrad, type ValueAndGradOptions, vjp } from "./grad.ts";
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
export type { ExplainOptions } from "../compile/explain.ts";
export { formatMemory } from "../compile/format_memory.ts";
export type { FunctionMemory, MemoryItem, MemoryKind } from "../compile/function_memory.ts";
export { type AtBest, atBest, atBestTogether, type BoundBy, type Roofline } from "../compile/roofline.ts";
export type { DispatchTime, ProfileClock } from "../compile/timer.ts";
