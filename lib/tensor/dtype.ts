/**
 * Element types. `bool` is stored as a u32 of 0 or 1, since WGSL's bool has no place in a buffer. `f16` is for storing
 * alone: two elements share a word, and whatever is computed of them is computed in f32.
 */
export type DType = "f32" | "i32" | "u32" | "bool" | "f16";

/** What a tensor's elements are on the host: `bool` arrives as 0 and 1. */
export type TypedArray = Float32Array | Int32Array | Uint32Array | Float16Array;

/** Bytes of a word: an element of any dtype but f16, or two of f16. */
const WORD_BYTES = 4;

/** Bytes that `size` elements of `dtype`, those of a tensor say, take in whole words. */
export function storedBytes({ dtype, size }: { readonly dtype: DType; readonly size: number }): number {
  return WORD_BYTES * (dtype === "f16" ? Math.ceil(size / 2) : size);
}

/** Whether a dtype has fractions, and so derivatives. */
export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16";
}

/** A zeroed host array for `size` elements of `dtype`. */
export function allocate(dtype: DType, size: number): TypedArray {
  return viewAs(dtype, new ArrayBuffer(storedBytes({ dtype, size })), 0, size);
}

/** Reads the bytes of a buffer as elements of `dtype`. */
export function viewAs(dtype: DType, bytes: ArrayBuffer, offset = 0, size?: number): TypedArray {
  switch (dtype) {
    case "f32":
      return new Float32Array(bytes, offset, size);
    case "f16":
      return new Float16Array(bytes, offset, size);
    case "i32":
      return new Int32Array(bytes, offset, size);
    default:
      return new Uint32Array(bytes, offset, size);
  }
}

/** The bits of a number as it is stored in an element of `dtype`. */
export function bitsOf(value: number, dtype: DType): number {
  if (dtype === "f32") return new Uint32Array(new Float32Array([value]).buffer)[0];
  if (dtype === "f16") return new Uint16Array(new Float16Array([value]).buffer)[0];
  if (dtype === "bool") return value ? 1 : 0;
  return value >>> 0;
}
