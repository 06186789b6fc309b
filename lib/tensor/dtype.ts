/** Element types. `bool` is stored as a u32 of 0 or 1, since WGSL's bool has no place in a buffer. */
export type DType = "f32" | "i32" | "u32" | "bool";

/** What a tensor's elements are on the host: `bool` arrives as 0 and 1. */
export type TypedArray = Float32Array | Int32Array | Uint32Array;

/** Bytes of one element: four for every dtype. */
export const BYTES_PER_ELEMENT = 4;

/** A zeroed host array for `size` elements of `dtype`. */
export function allocate(dtype: DType, size: number): TypedArray {
  return dtype === "f32" ? new Float32Array(size) : dtype === "i32" ? new Int32Array(size) : new Uint32Array(size);
}

/** Reads the bytes of a buffer as elements of `dtype`. */
export function viewAs(dtype: DType, bytes: ArrayBuffer, offset = 0, size?: number): TypedArray {
  return dtype === "f32"
    ? new Float32Array(bytes, offset, size)
    : dtype === "i32"
    ? new Int32Array(bytes, offset, size)
    : new Uint32Array(bytes, offset, size);
}

/** The bits of a number as it is stored in an element of `dtype`. */
export function bitsOf(value: number, dtype: DType): number {
  if (dtype === "f32") return new Uint32Array(new Float32Array([value]).buffer)[0];
  if (dtype === "bool") return value ? 1 : 0;
  return value >>> 0;
}
