import type { Grid, Kernel } from "./kernel.ts";

/** A product as one dispatch of (A, B, then the buffers of its epilogue). */
export interface ProductDispatch {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  /** Multiplications and additions. */
  readonly operations: number;
  /** Width and height of the texture that holds B, where one does. */
  readonly texture?: TextureSize;
  /** The dispatch of (B, texture) that has to come first, where the texture is not there yet. */
  readonly pack?: Pick<ProductDispatch, "kernel" | "grid" | "uniforms">;
}

/** Width and height of a texture of four f32 a texel. */
export type TextureSize = readonly [width: number, height: number];

/** A product of a class, with the variants that can do it by their names, the heuristic one first. */
export interface ProductQuestion {
  readonly variants: ReadonlyMap<string, () => ProductDispatch>;
  /** Elements of the largest of its matrices. */
  readonly elements: number;
}

/**
 * Says which variant was measured to be the fastest for a class of products; `undefined` where nothing is known of it.
 */
export type Measured = (name: string, question: () => ProductQuestion) => string | undefined;

/** The device, as far as the choice of kernels depends on it. */
export interface KernelTarget {
  readonly driver: "lavapipe" | "swiftshader" | "other";
  readonly isSoftware: boolean;
  /** Lanes of a subgroup; 0 where there are none, or of no fixed number. */
  readonly subgroupSize: number;
  readonly maxInvocations: number;
  /** Longest side of a storage texture that kernels read; absent where they cannot. */
  readonly textureSize?: number;
  /** What is known by measuring; absent where the heuristic decides alone. */
  readonly measured?: Measured;
}
