import { Content } from "./content.ts";
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
  | { readonly kind: "host"; readonly data: TypedArray; readonly storage?: Storage }
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
  /** Until the tensor is given up. */
  #content: Content | undefined;
  /** Afterwards: what pending work may still hold. */
  #rest: WeakRef<Content> | undefined;
  #gone: string | undefined;
  #uses = 0;

  /** For executors and operations; users call `tensor()`. */
  constructor(shape: Shape, dtype: DType, state: TensorState) {
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.#content = new Content(state);
    if (state.kind === "node") { for (const input of state.inputs) input.#uses++; }
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Where the elements are, for executors: also those of a tensor that was given up, while pending work needs them. */
  get state(): TensorState {
    return this.#held?.state ?? { kind: "gone", reason: this.#gone! };
  }

  /** The content, while there is one. */
  get #held(): Content | undefined {
    if (this.#content) return this.#content;
    const rest = this.#rest?.deref();
    return rest && rest.holders > 0 ? rest : undefined;
  }

  /** What became of a tensor that was given up, as `disposed`; `undefined` while it may be used. */
  get gone(): string | undefined {
    return this.#gone;
  }

  /** How many nodes were made of this tensor. For executors. */
  get uses(): number {
    return this.#uses;
  }

  /** The elements, or what will make them. For executors. Throws where the tensor was given up and no work needs it. */
  requireContent(): Content {
    const content = this.#held;
    if (!content) throw new Error(`cannot use a tensor of shape ${formatShape(this.shape)}: it was ${this.#gone}`);
    return content;
  }

  /** Takes a share in the elements, which they last for. For executors. */
  hold(): Content {
    return this.requireContent().retain();
  }

  /** Records where the elements are now, with a share of the storage. For executors. */
  settle(state: TensorState): void {
    this.requireContent().settle(state);
  }

  /** Keeps a device copy of host data beside it, in place of an earlier one. For executors. */
  attach(storage: Storage): void {
    this.requireContent().attach(storage);
  }

  /** Another tensor with the same elements, which lasts without this one. For executors; pending tensors have none. */
  alias(shape: Shape): Tensor {
    const { state } = this;
    if (state.kind === "host" || state.kind === "device") state.storage?.retain();
    else if (state.kind !== "arriving") {
      throw new Error(`internal: a tensor in state ${state.kind} takes no other name`);
    }
    return new Tensor(shape, this.dtype, state);
  }

  /** Takes the tensor from whoever has it, and says what became of it. For executors. */
  giveUp(reason: string): void {
    const content = this.#content;
    if (!content) return;
    this.#content = undefined;
    this.#gone = reason;
    if (content.holders > 1) this.#rest = new WeakRef(content);
    content.release();
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
    const content = this.hold();
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
    this.giveUp("disposed");
  }

  /** `using` disposes at the end of a scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What a notebook shows where a cell ends in this tensor, by MIME type; it computes and reads the elements. */
  async [NOTEBOOK_DISPLAY](): Promise<Readonly<Record<string, string>>> {
    if (this.#gone !== undefined) return { "text/plain": `${this}, gone` };
    if (this.state.kind === "argument") return { "text/plain": `${this}, argument` };
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
