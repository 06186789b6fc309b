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
export type { ExplainOptions } from "../compile/inspect/explain.ts";
export { formatMemory } from "../compile/inspect/format_memory.ts";
export type { FunctionMemory, MemoryItem, MemoryKind } from "../compile/inspect/function_memory.ts";
export { type AtBest, atBest, atBestTogether, type BoundBy, type Roofline } from "../compile/inspect/roofline.ts";
export type { DispatchTime, ProfileClock } from "../compile/inspect/dispatch_times.ts";
