/**
 * Functions of functions: derivatives, recomputation, compilation.
 *
 * @module
 */
export { checkpoint } from "./checkpoint.ts";
export { customVjp, type CustomVjpRules } from "./custom_vjp.ts";
export { type AnyFunction, grad, type GradOptions, valueAndGrad, type ValueAndGradOptions, vjp } from "./grad.ts";
export { jit, type JitOptions, type JittedFunction } from "./jit.ts";
export type { DispatchTime } from "../compile/timer.ts";
