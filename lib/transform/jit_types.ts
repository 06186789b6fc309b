import type { ExplainOptions } from "../compile/inspect/explain.ts";
import type { PlanSummary } from "../compile/inspect/plan_summary.ts";
import type { FunctionMemory } from "../compile/inspect/function_memory.ts";
import type { DispatchTime, ProfileClock } from "../compile/inspect/dispatch_times.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AnyFunction } from "./grad.ts";

/** Options of `jit()`. */
export interface JitOptions<Static extends number = number> {
  /**
   * Positions of arguments whose tensors are given up: their memory is taken over by results of the same shape and
   * dtype, and reading them afterwards is an error. Tensors that come out as they went in are not given up. None by
   * default.
   */
  readonly donate?: readonly number[];
  /**
   * Positions of arguments that are no data: the function gets them as they are, numbers too, and is traced and compiled
   * anew for each value. Plain objects and arrays are compared by what stands in them, functions and objects of classes
   * by identity; tensors cannot stand in them.
   */
  readonly static?: readonly Static[];
  /**
   * Names of the arguments, in order: errors and the report of `memory()` name tensors by them, such as
   * `state.base.embeddings.weight`. By default arguments are counted: `arguments[0].base.embeddings.weight`.
   */
  readonly names?: readonly string[];
}

/** Positions of arguments that are bare numbers, or lists of them, and not static. */
export type NumberPositions<Args extends readonly unknown[], Static extends number> = {
  [Position in Extract<keyof Args, `${number}`>]-?: Position extends `${Static}` ? never
    : 0 extends 1 & Args[Position] ? never
    : Tensor extends Args[Position] ? never
    : [Extract<Args[Position], number | readonly number[]>] extends [never] ? never
    : Position;
}[Extract<keyof Args, `${number}`>];

/** What {@linkcode jit} gives for a function that asks for a bare `number`: nothing that can be called. */
export type TakesNumbers =
  "jit: numbers among the arguments reach the function as tensors: type them Tensor, or name their argument in `static`";

/** Holds for a function of whose arguments, but for the static ones, one is a bare number or a list of them. */
export type WantsNumbers<F extends AnyFunction, Static extends number> =
  [NumberPositions<Parameters<F>, Static>] extends [never] ? never : unknown;

/** What may be given for an argument: a number, too, where the function takes a tensor. */
export type Lifted<T> = 0 extends 1 & T ? T : T extends Tensor ? T | number : T;

/** What may be given for each of some arguments. */
export type LiftedAll<Args extends readonly unknown[]> = { [Position in keyof Args]: Lifted<Args[Position]> };

/** The arguments that a jitted function takes: those of the function itself, or numbers in place of scalar tensors. */
export type JitArguments<F extends AnyFunction> = Parameters<F> | LiftedAll<Parameters<F>>;

/** A function that was compiled to plans, one for each signature of shapes, dtypes and static values. */
export interface JittedFunction<F extends AnyFunction> {
  /** Runs the function. Resolves once the work is encoded; at most two calls are in flight on the device. */
  (...args: JitArguments<F>): Promise<ReturnType<F>>;
  /** Traces and compiles for such arguments without running, so that the first call does not wait for it. */
  compile(...args: JitArguments<F>): Promise<void>;
  /**
   * Runs the function as a call does, donation included, and times each dispatch: by the device's own clock, or, where
   * it has no timestamps, by repeating each one afterwards on copies of what was donated. `clock` says which;
   * repetition finds caches warm.
   */
  profile(
    ...args: JitArguments<F>
  ): Promise<{ value: ReturnType<F>; clock: ProfileClock; dispatches: DispatchTime[] }>;
  /**
   * As `profile`, but each dispatch is repeated alone on any device: what it takes with warm caches and nothing before
   * it, to hold what it takes in the function against.
   */
  profileApart(
    ...args: JitArguments<F>
  ): Promise<{ value: ReturnType<F>; clock: ProfileClock; dispatches: DispatchTime[] }>;
  /**
   * Gives every plan made so far as data: its dispatches with what was fused into each, their work and bytes, and its
   * memory.
   */
  plans(): PlanSummary[];
  /**
   * Gives every plan made so far in words: dispatches with what was fused into each, their work and what they move, and
   * the memory. In `in0 → m1`, `in` is a leaf (an argument or a captured tensor), `m` a buffer of the plan's own, `a`
   * several leaves side by side, `t` a leaf's copy as a texture, `p` a texture into which an operand is packed.
   */
  explain(options?: ExplainOptions): string;
  /** Says what takes the bytes, for every plan made so far; `inspect.formatMemory()` puts one into words. */
  memory(): FunctionMemory[];
  /** Gives back the memory of all plans; a later call traces and compiles anew. */
  dispose(): void;
}
