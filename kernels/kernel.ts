/** How a kernel uses one of its storage buffers: it reads it, or reads and writes it. */
export type Access = "read" | "read_write";

/**
 * What a kernel binds: a storage buffer, or a storage texture that it reads (where WGSL has
 * `readonly_and_readwrite_storage_textures`) or writes, of f32 or of f16.
 */
export type Binding = Access | "texture" | "write_texture" | "half_texture" | "write_half_texture";

/** What the texels of a texture hold: four numbers of f32 (`rgba32float`), or of f16 (`rgba16float`). */
export type TextureFormat = "rgba32float" | "rgba16float";

/** The format of a binding's texture; `undefined` for a buffer. */
export function textureFormat(binding: Binding): TextureFormat | undefined {
  switch (binding) {
    case "texture":
    case "write_texture":
      return "rgba32float";
    case "half_texture":
    case "write_half_texture":
      return "rgba16float";
    default:
      return undefined;
  }
}

/** Whether a kernel writes what it binds. */
export function isWritten(binding: Binding): boolean {
  return binding === "read_write" || binding === "write_texture" || binding === "write_half_texture";
}

/**
 * A compute shader as data. Its storage buffers and textures are bindings 0 … n−1 of group 0 in the order of `bindings`;
 * its sizes arrive in a uniform buffer of u32 words at binding n (floats by bitcast), so that one pipeline serves every
 * shape. The entry point is called `main`.
 */
export interface Kernel {
  /** A name that is unique to the text: what profiles and errors call it. */
  readonly name: string;
  /** Text of the shader, in WGSL. */
  readonly code: string;
  /** How each storage buffer and texture is used, at most 8 of them. */
  readonly bindings: readonly Binding[];
}

/** How many workgroups to start along x, y and z: each at most 65,535. */
export type Grid = readonly [x: number, y: number, z: number];

/** Spreads `count` workgroups over x and y; the kernel finds its number as `w.y * g.x + w.x` and checks the bound. */
export function linearGrid(count: number): Grid {
  const y = Math.max(1, Math.ceil(count / 65_535));
  return [Math.max(1, Math.ceil(count / y)), y, 1];
}
