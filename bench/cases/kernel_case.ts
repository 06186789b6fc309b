import type { Contender } from "../measure/turns.ts";

/**
 * How the operands of a product lie: `nn` A[m,k] B[k,n], `nt` A[m,k] B[n,k] (projection by a weight), `tn` A[k,m] B[k,n]
 * (gradient of a weight).
 */
export type Layout = "nn" | "tn" | "nt";

/** Products of f32 matrices: `batch` of m × k by k × n. */
export interface ProductCase {
  readonly kind: "product";
  readonly layout: Layout;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Row-wise work on f32 `[rows, n]`; layer norm has a weight and a bias, GELU is the exact one. */
export interface RowCase {
  readonly kind: "rows";
  readonly operation: "softmax" | "layer norm" | "GELU";
  readonly rows: number;
  readonly n: number;
}

/** What is measured. */
export type KernelCase = ProductCase | RowCase;

/** Added to the variance in layer norms. */
export const EPSILON = 1e-5;

/** What a kernel reads; the same for every contender. */
export interface KernelInputs {
  /** A of a product, or the rows. */
  readonly left: Float32Array<ArrayBuffer>;
  /** B of a product. */
  readonly right: Float32Array<ArrayBuffer>;
  /** Weight and bias of a layer norm. */
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
}

/** A contender that can show its result. */
export interface KernelContender extends Contender {
  /** The result in row-major order. */
  result(): Promise<ArrayLike<number>>;
  /** Frees what it holds. */
  close(): void | Promise<void>;
}

/** Shapes of A and B as they lie in memory. */
export function storedShapes({ layout, batch, m, n, k }: ProductCase): { left: number[]; right: number[] } {
  const lead = batch > 1 ? [batch] : [];
  return {
    left: [...lead, ...layout === "tn" ? [k, m] : [m, k]],
    right: [...lead, ...layout === "nt" ? [n, k] : [k, n]],
  };
}

/** A case's name in tables. */
export function nameOf(work: KernelCase): string {
  if (work.kind === "rows") return `${work.operation} ${work.rows} × ${work.n}`;
  const { layout, batch, m, n, k } = work;
  return `matmul ${layout} ${batch > 1 ? `[${batch}] ` : ""}${m} × ${n} × ${k}`;
}

/** Multiplications and additions of a product, or bytes of one read and one write of all rows. */
export function amountOf(work: KernelCase): number {
  return work.kind === "rows" ? 2 * 4 * work.rows * work.n : 2 * work.batch * work.m * work.n * work.k;
}

/** How often one call repeats a case, so that waiting for the device counts little and memory suffices. */
export function repeatsOf(work: KernelCase): number {
  const wanted = work.kind === "rows" ? 2e8 : 1e9;
  return Math.max(2, Math.min(32, Math.round(wanted / amountOf(work))));
}

/** Numbers in [−1/2, 1/2) that look random and are the same every time (mulberry32). */
function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  });
}

/** Inputs of a case. */
export function inputsOf(work: KernelCase): KernelInputs {
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  if (work.kind === "rows") {
    const left = numbers(work.rows * work.n, 1).map((x) => 6 * x);
    return { left, right: new Float32Array(0), weight: numbers(work.n, 2), bias: numbers(work.n, 3) };
  }
  const shapes = storedShapes(work);
  const none = new Float32Array(0);
  return { left: numbers(size(shapes.left), 1), right: numbers(size(shapes.right), 2), weight: none, bias: none };
}

const cube = (size: number) =>
  (["nn", "tn", "nt"] as const).map((layout): ProductCase => (
    { kind: "product", layout, batch: 1, m: size, n: size, k: size }
  ));

/** A linear layer of a step: `tokens` rows go from `input` to `output`; its gradients by the input and by the weight. */
function linear(tokens: number, input: number, output: number): ProductCase[] {
  return [
    { kind: "product", layout: "nt", batch: 1, m: tokens, n: output, k: input },
    { kind: "product", layout: "nn", batch: 1, m: tokens, n: input, k: output },
    { kind: "product", layout: "tn", batch: 1, m: output, n: input, k: tokens },
  ];
}

/** Scores, mixing, and the gradient of values, of `batch` heads. */
function attention(batch: number, length: number, width: number): ProductCase[] {
  return [
    { kind: "product", layout: "nt", batch, m: length, n: length, k: width },
    { kind: "product", layout: "nn", batch, m: length, n: width, k: length },
    { kind: "product", layout: "tn", batch, m: length, n: width, k: length },
  ];
}

const rows = (operation: RowCase["operation"], count: number, n: number): RowCase => (
  { kind: "rows", operation, rows: count, n }
);

/**
 * All cases: cubes, the shapes of a MiniLM step of 16 × 64 tokens (hidden 384, inner 1536, 12 heads of 32, rank 8), and
 * row-wise kernels at a large size and at the step's own.
 */
export function kernelCases(isQuick: boolean): readonly KernelCase[] {
  if (isQuick) {
    return [
      ...cube(256),
      ...attention(16, 64, 32),
      rows("softmax", 1024, 64),
      rows("layer norm", 512, 384),
      rows("GELU", 512, 384),
    ];
  }
  return [
    ...[256, 512, 1024].flatMap(cube),
    ...linear(1024, 384, 384),
    ...linear(1024, 384, 1536),
    ...linear(1024, 1536, 384),
    ...linear(1024, 384, 8),
    ...linear(1024, 8, 384),
    ...attention(192, 64, 32),
    rows("softmax", 4096, 768),
    rows("softmax", 12288, 64),
    rows("layer norm", 4096, 768),
    rows("layer norm", 1024, 384),
    rows("GELU", 4096, 768),
    rows("GELU", 1024, 1536),
  ];
}
