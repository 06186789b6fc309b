import { displayTensor } from "./display_tensor.ts";
import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { currentExecutor, type Storage } from "./executor.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

/** What a graph's node needs to say of its operation here; `lib/ops` knows the rest. */
export interface Operation {
  /** What messages call it. */
  readonly name: string;
}

/** Where a tensor's elements are, or what will make them. */
export type TensorState =
  | { readonly kind: "host"; readonly data: TypedArray; storage?: Storage }
  | {
    readonly kind: "node";
    readonly operation: Operation;
    readonly inputs: readonly Tensor[];
    readonly params: unknown;
  }
  | { readonly kind: "device"; readonly storage: Storage }
  | { readonly kind: "arriving"; readonly data: Promise<TypedArray> }
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "gone"; readonly reason: string };

/** Under this name Deno's notebooks ask a value how to show it. */
export const NOTEBOOK_DISPLAY: unique symbol = Symbol.for("Jupyter.display");

const storages = new FinalizationRegistry<Storage>((storage) => storage.release());
let created = 0;

/**
 * An immutable array of numbers. It is a value: operations on it make new tensors, and nothing changes or consumes it
 * except `dispose` and donation to a jitted function. Its elements are computed when they are asked for.
 */
export class Tensor {
  /** Grows with each tensor, so that inputs have lower numbers than what is made of them. */
  readonly id: number = ++created;
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
  /** Type of the elements. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  #state: TensorState;
  #uses = 0;

  /** For executors and operations; users call `tensor()`. */
  constructor(shape: Shape, dtype: DType, state: TensorState) {
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.#state = state;
    if (state.kind === "device") storages.register(this, state.storage, this);
    if (state.kind === "node") { for (const input of state.inputs) input.#uses++; }
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Where the elements are. For executors. */
  get state(): TensorState {
    return this.#state;
  }

  /** How many nodes were made of this tensor. For executors. */
  get uses(): number {
    return this.#uses;
  }

  /** Records where the elements are now. For executors. */
  settle(state: TensorState): void {
    if (this.#state.kind === "device" || (this.#state.kind === "host" && this.#state.storage)) {
      storages.unregister(this);
    }
    this.#state = state;
    if (state.kind === "device") storages.register(this, state.storage, this);
  }

  /** Keeps a device copy of host data beside it, in place of an earlier one. For executors. */
  attach(storage: Storage): void {
    if (this.#state.kind !== "host") throw new Error("internal: only host data takes a device copy");
    if (this.#state.storage) storages.unregister(this);
    this.#state.storage = storage;
    storages.register(this, storage, this);
  }

  /**
   * The elements in row-major order; `bool` as 0 and 1. Computes them where needed.
   *
   * Throws where the tensor was disposed, donated, or stands for an argument of a function that is being traced.
   */
  async data(): Promise<TypedArray> {
    if (this.size === 0) return allocate(this.dtype, 0);
    if (this.#state.kind === "node") await currentExecutor().evaluate([this]);
    const state = this.#state;
    switch (state.kind) {
      case "host":
        return state.data.slice();
      case "arriving": {
        const data = await state.data;
        if (this.#state === state) this.#state = { kind: "host", data };
        return data.slice();
      }
      case "device":
        return await currentExecutor().read(this, state.storage);
      case "argument":
        throw new Error(
          "cannot read an argument while its function is traced: use where() in place of a branch on data",
        );
      case "gone":
        throw new Error(`cannot read a tensor of shape ${formatShape(this.shape)}: it was ${state.reason}`);
      case "node":
        throw new Error("internal: evaluation left a tensor without data");
    }
  }

  /** The only element. Throws a RangeError where there is more than one. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new RangeError(`item() needs one element: this tensor has shape ${formatShape(this.shape)}`);
    }
    return (await this.data())[0];
  }

  /** Gives the memory back at once rather than when the garbage collector comes. Reading it afterwards is an error. */
  dispose(): void {
    const state = this.#state;
    if (state.kind === "gone") return;
    this.settle({ kind: "gone", reason: "disposed" });
    if (state.kind === "device") state.storage.release();
    else if (state.kind === "host") state.storage?.release();
  }

  /** `using` disposes at the end of a scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What a notebook shows where a cell ends in this tensor, by MIME type; it computes and reads the elements. */
  async [NOTEBOOK_DISPLAY](): Promise<Readonly<Record<string, string>>> {
    const { kind } = this.#state;
    if (kind === "gone" || kind === "argument") return { "text/plain": `${this}, ${kind}` };
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
