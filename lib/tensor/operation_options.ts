import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * What binary operations accept beside tensors: numbers and booleans. A number takes the other operand's dtype where
 * that has such a number; beside integers, a fraction, NaN, an infinity or a whole number out of range makes the result
 * f32. Comparisons are exact with any number.
 */
export type TensorLike = Tensor | number | boolean;

/** Options of the reductions, such as `sum()`, `mean()` and `max()`. */
export interface ReduceOptions {
  /** Axes to reduce, counted from the end where they are negative; all of them by default. */
  readonly axis?: number | readonly number[];
  /** Keeps reduced axes, with size 1; `false` by default. */
  readonly keepDims?: boolean;
}

/** Options of the functions that work along one axis, such as `softmax()` and `argmax()`. */
export interface AxisOption {
  /** The axis to work along, counted from the end where it is negative; the last by default. */
  readonly axis?: number;
}

/** Options of `sort()` and `argsort()`. */
export interface SortOptions {
  /** The axis to sort along, the last by default. */
  readonly axis?: number;
  /** Whether the greatest come first; false by default. */
  readonly descending?: boolean;
}

/** Options of `cumulativeSum()`. */
export interface CumulativeSumOptions extends AxisOption {
  /** Sums from the end to the beginning. */
  readonly reverse?: boolean;
}

/** Options of `tril()` and `triu()`. */
export interface DiagonalOption {
  /** How many places to the right of the main diagonal the last one that is kept lies; negative to its left. */
  readonly diagonal?: number;
}

/** Options of `roll()`. */
export interface RollOptions {
  /** How many positions elements move on: one number for all axes, or one each. */
  readonly shift: number | readonly number[];
  /** Axes to move along; all elements in row-major order by default. */
  readonly axis?: number | readonly number[];
}

/** Options of `pad()`. */
export interface PadOptions {
  /** How many elements are added at every end, or for each axis at both of its ends, or `[before, after]`. */
  readonly width: number | readonly (number | readonly [before: number, after: number])[];
  /** What they are, 0 by default. */
  readonly value?: number;
}

/** Options of `matmul()`. */
export interface MatmulOptions {
  /** Swaps the last two axes of the first operand, which copies nothing; `false` by default. */
  readonly transposeA?: boolean;
  /** Swaps the last two axes of the second operand, which copies nothing; `false` by default. */
  readonly transposeB?: boolean;
}

/** Options of `gelu()`. */
export interface GeluOptions {
  /** `none`, the default, is exact; `tanh` is the approximation that GPT-2 uses. */
  readonly approximate?: "none" | "tanh";
}

/** The box that `slice()` cuts out of a tensor. */
export interface SliceOptions {
  /** The first position of each axis. */
  readonly start: readonly number[];
  /** How many positions of each axis; −1 stands for all that follow. */
  readonly size: Shape;
}

/** Where a box begins: a place for each axis, numbers and scalar tensors in i32, or one i32 tensor `[rank]`. */
export type DynamicStart = Tensor | readonly (number | Tensor)[];

/** The box that `dynamicSlice()` cuts out of a tensor. */
export interface DynamicSliceOptions {
  /** The first position of each axis, which may be data. */
  readonly start: DynamicStart;
  /** How many positions of each axis. */
  readonly size: Shape;
}

/** Options of `split()`. */
export interface SplitOptions {
  /** The number of equal parts, or the sizes of the parts. */
  readonly sections: number | readonly number[];
  /** The axis to cut, the last by default. */
  readonly axis?: number;
}

/** Options of `variance()`. */
export interface VarianceOptions extends ReduceOptions {
  /** What is taken from the number of elements before it divides; 0 by default, 1 for the unbiased estimate. */
  readonly correction?: number;
}

/** The bounds of `clip()`: at least one. */
export interface ClipOptions {
  /** What smaller elements become. */
  readonly min?: TensorLike;
  /** What larger elements become. */
  readonly max?: TensorLike;
}
