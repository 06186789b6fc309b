import { Content } from "./content.ts";
import { displayTensor } from "./display_tensor.ts";
import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { currentExecutor } from "./executor.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";
import type { TensorState } from "./state.ts";
import type {
  AxisOption,
  ClipOptions,
  CumulativeSumOptions,
  DiagonalOption,
  DynamicSliceOptions,
  DynamicStart,
  GeluOptions,
  MatmulOptions,
  PadOptions,
  ReduceOptions,
  RollOptions,
  SliceOptions,
  SortOptions,
  SplitOptions,
  TensorLike,
  VarianceOptions,
} from "./operation_options.ts";
import { operations } from "./operations.ts";

/** Under this name Deno's notebooks ask a value how to show it. */
export const NOTEBOOK_DISPLAY: unique symbol = Symbol.for("Jupyter.display");

let created = 0;

// What executors and operations know of a tensor beside what its users see.

/** A new tensor of a shape and dtype whose elements are, or will be made, as `state` says. */
export let makeTensor: (shape: Shape, dtype: DType, state: TensorState) => Tensor;

/** A number that grows with each tensor, so that inputs have lower ones than what is made of them. */
export let idOf: (tensor: Tensor) => number;

/** The number that the next tensor will get: older ones have lower numbers. */
export function nextId(): number {
  return created + 1;
}

/** How many nodes were made of a tensor. */
export let usesOf: (tensor: Tensor) => number;

/** What became of a tensor that was given up, as `disposed`; `undefined` while it may be used. */
export let goneOf: (tensor: Tensor) => string | undefined;

/** Where the elements are: also those of a tensor that was given up, while pending work needs them. */
export let stateOf: (tensor: Tensor) => TensorState;

/** The elements, or what will make them. Throws where the tensor was given up and no work needs it. */
export let contentOf: (tensor: Tensor) => Content;

/** Takes a tensor from whoever has it, and says what became of it. Further calls do nothing. */
export let giveUp: (tensor: Tensor, reason: string) => void;

/**
 * An immutable array of numbers of one dtype. It is a value: operations on it make new tensors, and nothing changes or
 * consumes it except `dispose` and donation to a jitted function. Its elements are computed when they are asked for.
 * {@linkcode tensor} makes one of numbers.
 *
 * Its methods are the functions of the same names, where more is said; `astype` is {@linkcode cast}, and `at` is
 * {@linkcode select}.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * const y = x.sub(x.mean()).mul(2);
 * console.log(y.shape, y.dtype, await y.data()); // [2, 2] f32 Float32Array [-3, -1, 1, 3]
 * ```
 */
export class Tensor {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Type of the elements: f32, f16, i32, u32 or bool. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  readonly #id = ++created;
  /** Until the tensor is given up. */
  #content: Content | undefined;
  /** Afterwards: what pending work may still hold. */
  #rest: WeakRef<Content> | undefined;
  #gone: string | undefined;
  #uses = 0;

  private constructor(shape: Shape, dtype: DType, state: TensorState) {
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    const inputs = state.kind === "node" ? state.inputs : [];
    this.#content = new Content(state, inputs.map((input) => contentOf(input).retain()));
    for (const input of inputs) input.#uses++;
  }

  static {
    makeTensor = (shape, dtype, state) => new Tensor(shape, dtype, state);
    idOf = (tensor) => tensor.#id;
    usesOf = (tensor) => tensor.#uses;
    goneOf = (tensor) => tensor.#gone;
    stateOf = (tensor) => tensor.#held?.state ?? { kind: "gone", reason: tensor.#gone! };
    contentOf = (tensor) => {
      const content = tensor.#held;
      if (content) return content;
      throw new Error(`cannot use a tensor of shape ${formatShape(tensor.shape)}: it was ${tensor.#gone}`);
    };
    giveUp = (tensor, reason) => {
      const content = tensor.#content;
      if (!content) return;
      tensor.#content = undefined;
      tensor.#gone = reason;
      if (content.holders > 1) tensor.#rest = new WeakRef(content);
      content.release();
    };
  }

  /** The content, while there is one. */
  get #held(): Content | undefined {
    if (this.#content) return this.#content;
    const rest = this.#rest?.deref();
    return rest && rest.holders > 0 ? rest : undefined;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /**
   * Resolves to the elements in row-major order, a copy, with bool as 0 and 1; computes them where that is needed.
   *
   * Rejects with an Error where no device is open, where the tensor was disposed or donated, where it stands for an
   * argument of a function that is being traced, and with what the device reported since the last wait.
   */
  async data(): Promise<TypedArray> {
    if (this.#gone !== undefined) {
      throw new Error(`cannot read a tensor of shape ${formatShape(this.shape)}: it was ${this.#gone}`);
    }
    if (this.size === 0) return allocate(this.dtype, 0);
    const content = contentOf(this).retain();
    try {
      if (content.state.kind === "node") await currentExecutor().evaluate([this]);
      const { state } = content;
      switch (state.kind) {
        case "host":
          return state.data.slice();
        case "arriving": {
          const data = await state.data;
          if (content.state === state) content.settle({ kind: "host", data });
          return data.slice();
        }
        case "device":
          return await currentExecutor().read(this, state.storage);
        case "argument":
          throw new Error(
            "cannot read an argument while its function is traced: use where() in place of a branch on data",
          );
        case "gone":
        case "node":
          throw new Error("internal: evaluation left a tensor without data");
      }
    } finally {
      content.release();
    }
  }

  /** Resolves to the only element, as `data()` does. Rejects with a RangeError where there are more, or none. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new RangeError(`item() needs one element: this tensor has shape ${formatShape(this.shape)}`);
    }
    return (await this.data())[0];
  }

  /**
   * Gives the tensor up at once rather than when the garbage collector comes; further calls do nothing. Reading it or
   * making something of it afterwards is an error. What was made of it before is not touched: the memory goes back when
   * the last pending computation that needs it has run, or was dropped.
   */
  dispose(): void {
    giveUp(this, "disposed");
  }

  /** Disposes the tensor at the end of a scope with `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Adds another operand, element by element; integers wrap. See {@linkcode add}. */
  add(other: TensorLike): Tensor {
    return operations().add(this, other);
  }

  /** Subtracts another operand, element by element; integers wrap. See {@linkcode sub}. */
  sub(other: TensorLike): Tensor {
    return operations().sub(this, other);
  }

  /** Multiplies by another operand, element by element; integers wrap. See {@linkcode mul}. */
  mul(other: TensorLike): Tensor {
    return operations().mul(this, other);
  }

  /** Divides by another operand, element by element; integers are cut towards zero. See {@linkcode div}. */
  div(other: TensorLike): Tensor {
    return operations().div(this, other);
  }

  /** Raises elements to the power of another operand's, in f32. See {@linkcode pow}. */
  pow(exponent: TensorLike): Tensor {
    return operations().pow(this, exponent);
  }

  /** Takes the remainder with the divisor's sign, element by element. See {@linkcode mod}. */
  mod(divisor: TensorLike): Tensor {
    return operations().mod(this, divisor);
  }

  /** Takes the larger of two operands, element by element, and NaN where one is. See {@linkcode maximum}. */
  maximum(other: TensorLike): Tensor {
    return operations().maximum(this, other);
  }

  /** Takes the smaller of two operands, element by element, and NaN where one is. See {@linkcode minimum}. */
  minimum(other: TensorLike): Tensor {
    return operations().minimum(this, other);
  }

  /** Limits elements to what lies between two bounds, of which one may be left out. See {@linkcode clip}. */
  clip(options: ClipOptions): Tensor {
    return operations().clip(this, options);
  }

  /** Negates each element of an f32 or i32 tensor. See {@linkcode neg}. */
  neg(): Tensor {
    return operations().neg(this);
  }

  /** Takes the absolute value of each element of an f32 or i32 tensor. See {@linkcode abs}. */
  abs(): Tensor {
    return operations().abs(this);
  }

  /** Gives −1, 0 or 1 by the sign of each element of an f32 or i32 tensor. See {@linkcode sign}. */
  sign(): Tensor {
    return operations().sign(this);
  }

  /** Takes the largest whole number that is not above each element. See {@linkcode floor}. */
  floor(): Tensor {
    return operations().floor(this);
  }

  /** Takes the smallest whole number that is not below each element. See {@linkcode ceil}. */
  ceil(): Tensor {
    return operations().ceil(this);
  }

  /** Rounds each element to the nearest whole number, halves to the even one. See {@linkcode round}. */
  round(): Tensor {
    return operations().round(this);
  }

  /** Squares each element of an f32 tensor. See {@linkcode square}. */
  square(): Tensor {
    return operations().square(this);
  }

  /** Computes the square root of each element of an f32 tensor. See {@linkcode sqrt}. */
  sqrt(): Tensor {
    return operations().sqrt(this);
  }

  /** Computes `1/√x` of each element of an f32 tensor. See {@linkcode rsqrt}. */
  rsqrt(): Tensor {
    return operations().rsqrt(this);
  }

  /** Raises e to the power of each element of an f32 tensor. See {@linkcode exp}. */
  exp(): Tensor {
    return operations().exp(this);
  }

  /** Computes the natural logarithm of each element of an f32 tensor. See {@linkcode log}. */
  log(): Tensor {
    return operations().log(this);
  }

  /** Computes `log(1 + x)` of each element of an f32 tensor, with all digits also near 0. See {@linkcode log1p}. */
  log1p(): Tensor {
    return operations().log1p(this);
  }

  /** Computes `eˣ − 1` of each element of an f32 tensor, with all digits also near 0. See {@linkcode expm1}. */
  expm1(): Tensor {
    return operations().expm1(this);
  }

  /** Computes the sine of each element of an f32 tensor, in radians. See {@linkcode sin}. */
  sin(): Tensor {
    return operations().sin(this);
  }

  /** Computes the cosine of each element of an f32 tensor, in radians. See {@linkcode cos}. */
  cos(): Tensor {
    return operations().cos(this);
  }

  /** Computes the hyperbolic tangent of each element of an f32 tensor. See {@linkcode tanh}. */
  tanh(): Tensor {
    return operations().tanh(this);
  }

  /** Computes `1 / (1 + e⁻ˣ)` of each element of an f32 tensor. See {@linkcode sigmoid}. */
  sigmoid(): Tensor {
    return operations().sigmoid(this);
  }

  /** Computes the error function of each element of an f32 tensor. See {@linkcode erf}. */
  erf(): Tensor {
    return operations().erf(this);
  }

  /** Keeps each positive element of an f32 tensor and makes all others 0. See {@linkcode relu}. */
  relu(): Tensor {
    return operations().relu(this);
  }

  /** Computes `x·Φ(x)`, with the normal distribution's Φ, of each element of an f32 tensor. See {@linkcode gelu}. */
  gelu(options?: GeluOptions): Tensor {
    return operations().gelu(this, options);
  }

  /** Computes `x·sigmoid(x)`, also called swish, of each element of an f32 tensor. See {@linkcode silu}. */
  silu(): Tensor {
    return operations().silu(this);
  }

  /** Says where elements are equal to another operand's, as bool. See {@linkcode equal}. */
  equal(other: TensorLike): Tensor {
    return operations().equal(this, other);
  }

  /** Says where elements differ from another operand's, as bool. See {@linkcode notEqual}. */
  notEqual(other: TensorLike): Tensor {
    return operations().notEqual(this, other);
  }

  /** Says where elements are smaller than another operand's, as bool. See {@linkcode less}. */
  less(other: TensorLike): Tensor {
    return operations().less(this, other);
  }

  /** Says where elements are smaller than another operand's or equal, as bool. See {@linkcode lessEqual}. */
  lessEqual(other: TensorLike): Tensor {
    return operations().lessEqual(this, other);
  }

  /** Says where elements are larger than another operand's, as bool. See {@linkcode greater}. */
  greater(other: TensorLike): Tensor {
    return operations().greater(this, other);
  }

  /** Says where elements are larger than another operand's or equal, as bool. See {@linkcode greaterEqual}. */
  greaterEqual(other: TensorLike): Tensor {
    return operations().greaterEqual(this, other);
  }

  /** Says where both of two bool tensors are true. See {@linkcode logicalAnd}. */
  logicalAnd(other: Tensor): Tensor {
    return operations().logicalAnd(this, other);
  }

  /** Says where at least one of two bool tensors is true. See {@linkcode logicalOr}. */
  logicalOr(other: Tensor): Tensor {
    return operations().logicalOr(this, other);
  }

  /** Says where a bool tensor is false. See {@linkcode logicalNot}. */
  logicalNot(): Tensor {
    return operations().logicalNot(this);
  }

  /** Says where elements are NaN, as bool. See {@linkcode isNaN}. */
  isNaN(): Tensor {
    return operations().isNaN(this);
  }

  /** Says where elements are neither NaN nor infinite, as bool. See {@linkcode isFinite}. */
  isFinite(): Tensor {
    return operations().isFinite(this);
  }

  /** Sums the elements over axes, over all of them by default; of bool it counts the true ones. See {@linkcode sum}. */
  sum(options?: ReduceOptions): Tensor {
    return operations().sum(this, options);
  }

  /** Averages the elements over axes, over all of them by default, in f32. See {@linkcode mean}. */
  mean(options?: ReduceOptions): Tensor {
    return operations().mean(this, options);
  }

  /** Takes the largest element over axes, over all of them by default. See {@linkcode max}. */
  max(options?: ReduceOptions): Tensor {
    return operations().max(this, options);
  }

  /** Takes the smallest element over axes, over all of them by default. See {@linkcode min}. */
  min(options?: ReduceOptions): Tensor {
    return operations().min(this, options);
  }

  /** Multiplies the elements over axes, over all of them by default. See {@linkcode prod}. */
  prod(options?: ReduceOptions): Tensor {
    return operations().prod(this, options);
  }

  /** Computes the variance over axes, over all of them by default, in f32. See {@linkcode variance}. */
  variance(options?: VarianceOptions): Tensor {
    return operations().variance(this, options);
  }

  /** Computes `log Σeˣ` over axes, over all of them by default, without overflow. See {@linkcode logSumExp}. */
  logSumExp(options?: ReduceOptions): Tensor {
    return operations().logSumExp(this, options);
  }

  /** Says, as bool, whether any element over axes is true, over all of them by default. See {@linkcode any}. */
  any(options?: ReduceOptions): Tensor {
    return operations().any(this, options);
  }

  /** Says, as bool, whether all elements over axes are true, over all of them by default. See {@linkcode all}. */
  all(options?: ReduceOptions): Tensor {
    return operations().all(this, options);
  }

  /** Finds the position of the largest element along an axis, the last by default, as i32. See {@linkcode argmax}. */
  argmax(options?: AxisOption): Tensor {
    return operations().argmax(this, options);
  }

  /** Finds the position of the smallest element along an axis, the last by default, as i32. See {@linkcode argmin}. */
  argmin(options?: AxisOption): Tensor {
    return operations().argmin(this, options);
  }

  /** Finds the positions, as i32, that sort an axis, the last by default. See {@linkcode argsort}. */
  argsort(options?: SortOptions): Tensor {
    return operations().argsort(this, options);
  }

  /** Sorts the elements along an axis, the last by default. See {@linkcode sort}. */
  sort(options?: SortOptions): Tensor {
    return operations().sort(this, options);
  }

  /** Finds the `k` largest elements along an axis, the last by default, and their positions. See {@linkcode topK}. */
  topK(k: number, options?: AxisOption): [values: Tensor, indices: Tensor] {
    return operations().topK(this, k, options);
  }

  /** Sums each element and those before it along an axis, the last by default. See {@linkcode cumulativeSum}. */
  cumulativeSum(options?: CumulativeSumOptions): Tensor {
    return operations().cumulativeSum(this, options);
  }

  /** Computes `eˣ / Σeˣ` along an axis, the last by default. See {@linkcode softmax}. */
  softmax(options?: AxisOption): Tensor {
    return operations().softmax(this, options);
  }

  /** Computes the logarithm of softmax along an axis, the last by default. See {@linkcode logSoftmax}. */
  logSoftmax(options?: AxisOption): Tensor {
    return operations().logSoftmax(this, options);
  }

  /** Gives each row of the last axis a mean of 0 and a variance of 1. See {@linkcode normalize}. */
  normalize(options?: { readonly epsilon?: number }): Tensor {
    return operations().normalize(this, options);
  }

  /** Multiplies matrices: `[..., m, k] · [..., k, n] → [..., m, n]`. See {@linkcode matmul}. */
  matmul(other: Tensor, options?: MatmulOptions): Tensor {
    return operations().matmul(this, other, options);
  }

  /** Gives the same elements another shape, of which one size may be −1. See {@linkcode reshape}. */
  reshape(shape: Shape): Tensor {
    return operations().reshape(this, shape);
  }

  /** Puts the axes into another order, and reverses them by default. See {@linkcode transpose}. */
  transpose(permutation?: readonly number[]): Tensor {
    return operations().transpose(this, permutation);
  }

  /** Reverses the order of the elements along axes, along all of them by default. See {@linkcode flip}. */
  flip(options?: { readonly axis?: number | readonly number[] }): Tensor {
    return operations().flip(this, options);
  }

  /** Moves elements along axes; those that leave at one end come in at the other. See {@linkcode roll}. */
  roll(options: RollOptions): Tensor {
    return operations().roll(this, options);
  }

  /** Puts copies of the tensor beside each other, so many along each axis. See {@linkcode tile}. */
  tile(repeats: number | readonly number[]): Tensor {
    return operations().tile(this, repeats);
  }

  /** Adds elements of one value before and after each axis. See {@linkcode pad}. */
  pad(options: PadOptions): Tensor {
    return operations().pad(this, options);
  }

  /** Keeps the lower triangle of the matrices in the last two axes, and gives 0 above. See {@linkcode tril}. */
  tril(options?: DiagonalOption): Tensor {
    return operations().tril(this, options);
  }

  /** Keeps the upper triangle of the matrices in the last two axes, and gives 0 below. See {@linkcode triu}. */
  triu(options?: DiagonalOption): Tensor {
    return operations().triu(this, options);
  }

  /** Adds an axis of size 1 at a position that is counted in the result. See {@linkcode expandDims}. */
  expandDims(axis: number): Tensor {
    return operations().expandDims(this, axis);
  }

  /** Drops axes of size 1: the given ones, or all of them. See {@linkcode squeeze}. */
  squeeze(axis?: number | readonly number[]): Tensor {
    return operations().squeeze(this, axis);
  }

  /** Stretches axes of size 1, and adds missing ones in front, up to a larger shape. See {@linkcode broadcastTo}. */
  broadcastTo(shape: Shape): Tensor {
    return operations().broadcastTo(this, shape);
  }

  /** Takes one position of an axis, the first by default, which goes; −1 is the last. See {@linkcode select}. */
  at(index: number, options?: { readonly axis?: number }): Tensor {
    return operations().at(this, index, options);
  }

  /** Cuts out a box. See {@linkcode slice}. */
  slice(options: SliceOptions): Tensor {
    return operations().slice(this, options);
  }

  /** Cuts out a box of a fixed size at a place that is data. See {@linkcode dynamicSlice}. */
  dynamicSlice(options: DynamicSliceOptions): Tensor {
    return operations().dynamicSlice(this, options);
  }

  /** Replaces a box at a place that is data, and gives the whole. See {@linkcode dynamicUpdateSlice}. */
  dynamicUpdateSlice(update: Tensor, options: { readonly start: DynamicStart }): Tensor {
    return operations().dynamicUpdateSlice(this, update, options);
  }

  /** Takes elements by their positions along an axis, the last by default. See {@linkcode takeAlong}. */
  takeAlong(indices: Tensor, options?: AxisOption): Tensor {
    return operations().takeAlong(this, indices, options);
  }

  /** Adds updates at positions along an axis, the last by default, and gives the whole. See {@linkcode scatterAdd}. */
  scatterAdd(indices: Tensor, updates: Tensor, options?: AxisOption): Tensor {
    return operations().scatterAdd(this, indices, updates, options);
  }

  /** Cuts along an axis, the last by default, into parts. See {@linkcode split}. */
  split(options: SplitOptions): Tensor[] {
    return operations().split(this, options);
  }

  /** Converts the elements to another dtype. See {@linkcode cast}. */
  astype(dtype: DType): Tensor {
    return operations().astype(this, dtype);
  }

  /** Copies the elements into memory of their own, as another dtype where one is given. See {@linkcode copy}. */
  copy(options?: { readonly dtype?: DType }): Tensor {
    return operations().copy(this, options);
  }

  /** Gives the same elements, which derivatives take for constants. See {@linkcode stopGradient}. */
  stopGradient(): Tensor {
    return operations().stopGradient(this);
  }

  /** Resolves to what a notebook shows where a cell ends in this tensor, by MIME type; computes and reads the elements. */
  async [NOTEBOOK_DISPLAY](): Promise<Readonly<Record<string, string>>> {
    if (this.#gone !== undefined) return { "text/plain": `${this}, gone` };
    if (stateOf(this).kind === "argument") return { "text/plain": `${this}, argument` };
    return displayTensor(this.shape, this.dtype, await this.data());
  }

  /**
   * Gives text where JavaScript asks for text. Throws a TypeError where it would make a number of the tensor (`t * 2`,
   * `t < 5`), which could only be NaN.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      `Cannot use ${this} as a JavaScript number: use operations such as mul() and less(), or await item(). Numbers among ` +
        "a jitted function's arguments are tensors inside it: what must stay a number is named in jit's `static`",
    );
  }

  /** Names dtype and shape, without elements: `Tensor f32 [2, 3]`. */
  toString(): string {
    return `Tensor ${this.dtype} ${formatShape(this.shape)}`;
  }
}

/** Another tensor with the same elements, which lasts without the first; pending tensors have none. */
export function aliasOf(tensor: Tensor, shape: Shape): Tensor {
  const state = stateOf(tensor);
  if (state.kind === "host" || state.kind === "device") state.storage?.retain();
  else if (state.kind !== "arriving") {
    throw new Error(`internal: a tensor in state ${state.kind} takes no other name`);
  }
  return makeTensor(shape, tensor.dtype, state);
}

/** What a pending tensor is made of; nothing for any other. */
export function inputsOf(tensor: Tensor): readonly Tensor[] {
  const state = stateOf(tensor);
  return state.kind === "node" ? state.inputs : [];
}
