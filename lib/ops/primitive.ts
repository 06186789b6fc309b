import type { EpilogueFor } from "../../kernels/epilogue.ts";
import type { Combine } from "../../kernels/fused.ts";
import type { Grid, Kernel } from "../../kernels/kernel.ts";
import type { Measured, TextureSize } from "../../kernels/target.ts";
import type { DType } from "../tensor/dtype.ts";
import { requireShape, type Shape } from "../tensor/shape.ts";
import { goneOf, makeTensor, type Tensor } from "../tensor/tensor.ts";
import type { View } from "../tensor/view.ts";

/** What is known of a tensor before it is computed. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Elements in float64 with their shape and dtype: what `inspect.reference()` gives. */
export interface ReferenceArray {
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** What the elements are: integers are exact and wrap. */
  readonly dtype: DType;
  /** Elements in row-major order. */
  readonly data: Float64Array;
}

/** What an expression in WGSL may ask for. */
export interface ExpressionSite {
  /** Elements handled at once. */
  readonly width: 1 | 4;
  /** Type of a value: `f32` or `vec4<f32>`; bool is WGSL's own. */
  type(dtype: DType): string;
  /** Position of the element in row-major order, `u32` or `vec4<u32>`. */
  readonly index: string;
  /** Dtypes of the arguments. */
  readonly inputs: readonly DType[];
  /** Names of the operations that make the arguments in the same kernel; `undefined` for what is read from memory. */
  readonly makers: readonly (string | undefined)[];
  /** Dtype of the result. */
  readonly output: DType;
}

/**
 * A buffer that a dispatch uses: an input, the output, scratch memory of the primitive's own, or those that go with
 * `epilogue`.
 */
export type BufferRef = { readonly input: number } | { readonly scratch: number } | "output" | "epilogue";

/** One dispatch of a primitive with kernels of its own. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  readonly buffers: readonly BufferRef[];
  /** Multiplications and additions of a product or a factorization, for profiles. */
  readonly operations?: number;
}

/** The device, as far as the choice of kernels may depend on it. */
export interface Target {
  readonly driver: "lavapipe" | "swiftshader" | "other";
  readonly isSoftware: boolean;
  /** Lanes of a subgroup; 0 where there are none, or of no fixed number. */
  readonly subgroupSize: number;
  readonly maxInvocations: number;
  /** Longest side of a storage texture that kernels read; absent where they cannot. */
  readonly textureSize?: number;
  /** What is known of products by measuring; absent where the heuristic decides alone. */
  readonly measured?: Measured;
}

/** An input of a primitive with kernels of its own. */
export interface KernelInput {
  readonly view: View;
  readonly dtype: DType;
  /** Whether it is a whole matrix that nothing writes while it is used: a texture may hold a copy of it. */
  readonly isFrozen?: boolean;
  /** What stands for the buffer in which it lies, and its first element there: for those that take shared memory. */
  readonly memory?: unknown;
  readonly first?: number;
}

/** What a primitive with kernels of its own is given. */
export interface KernelSite<P> {
  readonly inputs: readonly KernelInput[];
  readonly output: Aval;
  /** Where the output goes, where it is not the whole of its buffer: only for those that `batches`. */
  readonly result?: View;
  readonly params: P;
  readonly target: Target;
  /** Whether the output is the buffer of the input named in `inPlace`. */
  readonly inPlace: boolean;
  /** What the kernel does with its results, where the primitive `takesEpilogue`. */
  readonly epilogue: EpilogueFor;
}

/** What a primitive with kernels of its own becomes. */
export interface Emission {
  readonly dispatches: readonly Dispatch[];
  /** Its scratch memory: buffers of so many bytes, and textures. */
  readonly scratch?: readonly (number | TextureSize)[];
}

/** How a primitive becomes work on the device. */
export type Lowering<P> =
  | {
    /** Element by element: fused with its neighbours. */
    readonly kind: "map";
    /** WGSL that holds for scalars and vec4 alike. */
    expression(args: readonly string[], site: ExpressionSite): string;
    /** Functions that the expression calls, for a width. */
    prelude?(width: 1 | 4): string;
  }
  | { readonly kind: "constant" }
  | {
    /** Nothing is computed: the same memory seen otherwise; `undefined` where only a copy can do it. */
    readonly kind: "view";
    view(input: View, params: P, output: Aval): View | undefined;
  }
  | {
    readonly kind: "reduce";
    readonly combine: Combine;
    axes(params: P): readonly number[];
    /** How many axes in front go from cell to cell: they are kept, and the order of summation is that of one cell alone. */
    cellAxes(params: P): number;
  }
  | {
    /** Turns of a loop, whose results are nodes of their own: `ops/loop.ts`. */
    readonly kind: "loop";
  }
  | {
    /** Inputs are written into boxes of the output, which holds one number elsewhere. */
    readonly kind: "place";
    starts(params: P, inputs: readonly Aval[]): readonly (readonly number[])[];
    covers(params: P): boolean;
    /** The number, 0 where it is left out. */
    fill?(params: P): number;
  }
  | {
    readonly kind: "kernel";
    /** Whether an input may be a view of a larger buffer; by default only whole row-major ones. */
    accepts?(input: number, views: readonly View[], params: P): boolean;
    /** The input whose buffer the output may take over. */
    readonly inPlace?: number;
    /** Whether its kernels take element-wise work on their results: they hand them to `epilogue`. */
    readonly takesEpilogue?: boolean;
    /**
     * Whether it can be emitted for several sets of operands at once: all views, that of the result too, then have an
     * axis in front that goes from one set to the next, by a negative stride perhaps.
     */
    readonly batches?: boolean;
    /** Whether it takes inputs as parts of the buffers in which they lie, so that several share a binding. */
    readonly sharesMemory?: boolean;
    /** Parameters of the same primitive with its result times a number; absent where it has none. */
    scaled?(params: P, factor: number): P;
    emit(site: KernelSite<P>): Emission;
  };

/** What a derivative rule is given. */
export interface VjpSite<P> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly params: P;
  /** Derivative of the loss by the output. */
  readonly cotangent: Tensor;
  /** Which inputs need a derivative. */
  readonly needs: readonly boolean[];
}

/** What a batching rule is given. At least one input is mapped. */
export interface BatchSite<P> {
  /** Inputs of all cells: those that are mapped have the axis of cells in front, the others are shared by all. */
  readonly inputs: readonly Tensor[];
  readonly isMapped: readonly boolean[];
  /** How many cells there are. */
  readonly cells: number;
  readonly params: P;
}

/** Everything known of one operation, in one place. */
export interface Primitive<P = unknown> {
  readonly name: string;
  /** Shape and dtype of the result. Inputs were checked by the function that users call. */
  infer(inputs: readonly Aval[], params: P): Aval;
  readonly lowering: Lowering<P>;
  /** The result in float64, by the obvious loop. */
  reference(inputs: readonly ReferenceArray[], params: P, output: Aval): Float64Array;
  /** Derivatives by the inputs, written in operations; `undefined` for none. Absent: not differentiable. */
  vjp?(site: VjpSite<P>): readonly (Tensor | undefined)[];
  /** The same value written in other operations: what is differentiated where there is no rule. */
  decompose?(inputs: readonly Tensor[], params: P): Tensor;
  /** The results of all cells at once, with the axis of cells in front. Absent where there are no inputs. */
  batch?(site: BatchSite<P>): Tensor;
}

let isContinued = false;

/**
 * Runs a function that goes on with work recorded before, as derivatives do: it may use tensors that were disposed of
 * since, as long as what was recorded holds them.
 */
export function continueNodes<T>(run: () => T): T {
  const before = isContinued;
  isContinued = true;
  try {
    return run();
  } finally {
    isContinued = before;
  }
}

/** Makes the node that applies a primitive; computes nothing. */
export function apply<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): Tensor {
  for (const input of inputs) {
    if (goneOf(input) !== undefined && !isContinued) {
      throw new Error(`${primitive.name}: an input of shape [${input.shape.join(", ")}] was ${goneOf(input)}`);
    }
  }
  const { shape, dtype } = primitive.infer(inputs, params);
  requireShape(primitive.name, shape);
  const { kind } = primitive.lowering;
  if (dtype === "f16" && kind !== "view" && kind !== "kernel") {
    throw new TypeError(`${primitive.name}: f16 is for storing alone, sums are f32: cast(x, "f32")`);
  }
  const result = makeTensor(shape, dtype, { kind: "node", operation: primitive, inputs, params });
  noteNode(result);
  return result;
}

/** The primitive of a node. */
export function primitiveOf(node: { readonly operation: { readonly name: string } }): Primitive {
  // The type of a tensor knows an operation's name alone; nodes are made by apply(), of primitives.
  return node.operation as Primitive;
}

/** The parameters of a node of this primitive; `undefined` for a node of another one. */
export function paramsOf<P>(
  primitive: Primitive<P>,
  node: { readonly operation?: { readonly name: string }; readonly params: unknown },
): P | undefined {
  // apply() made the node of the primitive and its parameters.
  return node.operation === primitive ? node.params as P : undefined;
}

// Eager programs would grow their graph without end where nobody asks for data: whoever owns the pending nodes may
// register here to hear of each new one.
let listener: ((node: Tensor, isHeld: boolean) => void) | undefined;
let holds = 0;

/** Registers what hears of each new node; for the executor. A held node must not be computed yet. */
export function onNode(listen: ((node: Tensor, isHeld: boolean) => void) | undefined): void {
  listener = listen;
}

/** Runs a function whose graph somebody will walk: none of its nodes is computed before it returns. */
export function holdNodes<T>(run: () => T): T {
  holds++;
  try {
    return run();
  } finally {
    holds--;
  }
}

let isDescribing = false;

/**
 * Runs a function whose nodes only describe work, as those of a loop's body do: nobody hears of them, so that nobody
 * computes them.
 */
export function describeNodes<T>(run: () => T): T {
  const before = isDescribing;
  isDescribing = true;
  try {
    return run();
  } finally {
    isDescribing = before;
  }
}

function noteNode(node: Tensor): void {
  if (!isDescribing) listener?.(node, holds > 0);
}
