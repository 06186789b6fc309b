import { Content } from "./content.ts";
import { displayTensor } from "./display_tensor.ts";
import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { currentExecutor } from "./executor.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";
import type { TensorState } from "./state.ts";
import type {
  AxisOption,
  DynamicSliceOptions,
  DynamicStart,
  GeluOptions,
  MatmulOptions,
  ReduceOptions,
  SliceOptions,
  SortOptions,
  SplitOptions,
  TensorLike,
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
 * An immutable array of numbers. It is a value: operations on it make new tensors, and nothing changes or consumes it
 * except `dispose` and donation to a jitted function. Its elements are computed when they are asked for.
 */
export class Tensor {
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Type of the elements. */
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
   * The elements in row-major order; `bool` as 0 and 1. Computes them where needed.
   *
   * Throws where the tensor was disposed, donated, or stands for an argument of a function that is being traced.
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

  /** The only element. Throws a RangeError where there is more than one. */
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

  /** `using` disposes at the end of a scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  // Operations as methods: each is the function of its name (`astype` is cast(), `at` is select()), where more is said.

  /** Sum, element by element; integers wrap. */
  add(other: TensorLike): Tensor {
    return operations().add(this, other);
  }

  /** Difference, element by element. */
  sub(other: TensorLike): Tensor {
    return operations().sub(this, other);
  }

  /** Product, element by element. */
  mul(other: TensorLike): Tensor {
    return operations().mul(this, other);
  }

  /** Quotient, element by element; of integers it is cut towards zero. */
  div(other: TensorLike): Tensor {
    return operations().div(this, other);
  }

  /** Power, element by element. */
  pow(exponent: TensorLike): Tensor {
    return operations().pow(this, exponent);
  }

  /** The larger of two, element by element. */
  maximum(other: TensorLike): Tensor {
    return operations().maximum(this, other);
  }

  /** The smaller of two, element by element. */
  minimum(other: TensorLike): Tensor {
    return operations().minimum(this, other);
  }

  /** Negation. */
  neg(): Tensor {
    return operations().neg(this);
  }

  /** Absolute value. */
  abs(): Tensor {
    return operations().abs(this);
  }

  /** −1, 0 or 1 by the sign. */
  sign(): Tensor {
    return operations().sign(this);
  }

  /** x². */
  square(): Tensor {
    return operations().square(this);
  }

  /** √x. */
  sqrt(): Tensor {
    return operations().sqrt(this);
  }

  /** 1 / √x. */
  rsqrt(): Tensor {
    return operations().rsqrt(this);
  }

  /** eˣ. */
  exp(): Tensor {
    return operations().exp(this);
  }

  /** Natural logarithm. */
  log(): Tensor {
    return operations().log(this);
  }

  /** Sine, of radians. */
  sin(): Tensor {
    return operations().sin(this);
  }

  /** Cosine, of radians. */
  cos(): Tensor {
    return operations().cos(this);
  }

  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return operations().tanh(this);
  }

  /** 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return operations().sigmoid(this);
  }

  /** The error function. */
  erf(): Tensor {
    return operations().erf(this);
  }

  /** max(x, 0). */
  relu(): Tensor {
    return operations().relu(this);
  }

  /** x·Φ(x), Φ being the normal distribution: exact by default. */
  gelu(options?: GeluOptions): Tensor {
    return operations().gelu(this, options);
  }

  /** x·sigmoid(x), also called swish. */
  silu(): Tensor {
    return operations().silu(this);
  }

  /** Whether elements are equal, as bool. */
  equal(other: TensorLike): Tensor {
    return operations().equal(this, other);
  }

  /** Whether elements differ, as bool. */
  notEqual(other: TensorLike): Tensor {
    return operations().notEqual(this, other);
  }

  /** Whether elements are less than others, as bool. */
  less(other: TensorLike): Tensor {
    return operations().less(this, other);
  }

  /** Whether elements are less than others or equal, as bool. */
  lessEqual(other: TensorLike): Tensor {
    return operations().lessEqual(this, other);
  }

  /** Whether elements are greater than others, as bool. */
  greater(other: TensorLike): Tensor {
    return operations().greater(this, other);
  }

  /** Whether elements are greater than others or equal, as bool. */
  greaterEqual(other: TensorLike): Tensor {
    return operations().greaterEqual(this, other);
  }

  /** Whether both of two bool elements are true. */
  logicalAnd(other: Tensor): Tensor {
    return operations().logicalAnd(this, other);
  }

  /** Whether one of two bool elements is true. */
  logicalOr(other: Tensor): Tensor {
    return operations().logicalOr(this, other);
  }

  /** Whether a bool element is false. */
  logicalNot(): Tensor {
    return operations().logicalNot(this);
  }

  /** Whether elements are NaN, as bool. */
  isNaN(): Tensor {
    return operations().isNaN(this);
  }

  /** Whether elements are neither NaN nor infinite, as bool. */
  isFinite(): Tensor {
    return operations().isFinite(this);
  }

  /** Sum over axes, over all by default; of bool the number that are true. */
  sum(options?: ReduceOptions): Tensor {
    return operations().sum(this, options);
  }

  /** Mean over axes, over all by default, in f32. */
  mean(options?: ReduceOptions): Tensor {
    return operations().mean(this, options);
  }

  /** Largest element over axes, over all by default. */
  max(options?: ReduceOptions): Tensor {
    return operations().max(this, options);
  }

  /** Smallest element over axes, over all by default. */
  min(options?: ReduceOptions): Tensor {
    return operations().min(this, options);
  }

  /** Position of the largest element along an axis, as i32; the first where several are equal. */
  argmax(options?: AxisOption): Tensor {
    return operations().argmax(this, options);
  }

  /** Positions that put the elements along an axis in order, as i32. */
  argsort(options?: SortOptions): Tensor {
    return operations().argsort(this, options);
  }

  /** The elements along an axis in ascending or descending order. */
  sort(options?: SortOptions): Tensor {
    return operations().sort(this, options);
  }

  /** The `k` largest elements along an axis, and their positions as i32. */
  topK(k: number, options?: AxisOption): [values: Tensor, indices: Tensor] {
    return operations().topK(this, k, options);
  }

  /** eˣ / Σeˣ along an axis. */
  softmax(options?: AxisOption): Tensor {
    return operations().softmax(this, options);
  }

  /** The logarithm of softmax along an axis. */
  logSoftmax(options?: AxisOption): Tensor {
    return operations().logSoftmax(this, options);
  }

  /** (x − mean) / √(variance + ε) over the last axis. */
  normalize(options?: { readonly epsilon?: number }): Tensor {
    return operations().normalize(this, options);
  }

  /** Matrix product over the last two axes, `[..., m, k] · [..., k, n] → [..., m, n]`; batch axes broadcast. */
  matmul(other: Tensor, options?: MatmulOptions): Tensor {
    return operations().matmul(this, other, options);
  }

  /** The same elements in row-major order under another shape, of which one size may be −1. */
  reshape(shape: Shape): Tensor {
    return operations().reshape(this, shape);
  }

  /** Axes in another order, reversed by default. */
  transpose(permutation?: readonly number[]): Tensor {
    return operations().transpose(this, permutation);
  }

  /** One more axis, of size 1, at a position that is counted in the result. */
  expandDims(axis: number): Tensor {
    return operations().expandDims(this, axis);
  }

  /** Without axes of size 1: the given ones, or all. */
  squeeze(axis?: number | readonly number[]): Tensor {
    return operations().squeeze(this, axis);
  }

  /** Stretched to a larger shape, as binary operations do. */
  broadcastTo(shape: Shape): Tensor {
    return operations().broadcastTo(this, shape);
  }

  /** One position of an axis (the first by default), which goes; −1 is the last. */
  at(index: number, options?: { readonly axis?: number }): Tensor {
    return operations().at(this, index, options);
  }

  /** A box of the tensor. */
  slice(options: SliceOptions): Tensor {
    return operations().slice(this, options);
  }

  /** A box of a fixed size at a place that is data. */
  dynamicSlice(options: DynamicSliceOptions): Tensor {
    return operations().dynamicSlice(this, options);
  }

  /** The tensor with a box replaced, at a place that is data. */
  dynamicUpdateSlice(update: Tensor, options: { readonly start: DynamicStart }): Tensor {
    return operations().dynamicUpdateSlice(this, update, options);
  }

  /** Elements by their positions along an axis. */
  takeAlong(indices: Tensor, options?: AxisOption): Tensor {
    return operations().takeAlong(this, indices, options);
  }

  /** The tensor with updates added at positions along an axis. */
  scatterAdd(indices: Tensor, updates: Tensor, options?: AxisOption): Tensor {
    return operations().scatterAdd(this, indices, updates, options);
  }

  /** Parts along an axis. */
  split(options: SplitOptions): Tensor[] {
    return operations().split(this, options);
  }

  /** Converted to another dtype. */
  astype(dtype: DType): Tensor {
    return operations().astype(this, dtype);
  }

  /** The same elements in memory of their own, of another dtype where one is asked for. */
  copy(options?: { readonly dtype?: DType }): Tensor {
    return operations().copy(this, options);
  }

  /** The same elements, taken as constants by derivatives. */
  stopGradient(): Tensor {
    return operations().stopGradient(this);
  }

  /** What a notebook shows where a cell ends in this tensor, by MIME type; it computes and reads the elements. */
  async [NOTEBOOK_DISPLAY](): Promise<Readonly<Record<string, string>>> {
    if (this.#gone !== undefined) return { "text/plain": `${this}, gone` };
    if (stateOf(this).kind === "argument") return { "text/plain": `${this}, argument` };
    return displayTensor(this.shape, this.dtype, await this.data());
  }

  /**
   * Text, where text is asked for. Throws a TypeError where JavaScript would make a number of the tensor (`t * 2`,
   * `t < 5`), which could only be NaN.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError(
      `Cannot use ${this} as a JavaScript number: use operations such as mul() and less(), or await item(). Numbers among ` +
        "a jitted function's arguments are tensors inside it: what must stay a number is named in jit's `static`",
    );
  }

  /** `Tensor f32 [2, 3]`. */
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
