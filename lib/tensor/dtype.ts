/**
 * The type of a tensor's elements. f32, i32 and u32 take 4 bytes each, and so does bool, which is stored as a u32 of 0
 * or 1. f16 takes 2 bytes and is for storing alone: whatever is computed of it is computed in f32 ({@linkcode cast}).
 */
export type DType = "f32" | "i32" | "u32" | "bool" | "f16";

/**
 * What the elements of a tensor are on the host: one typed array for each dtype, with bool as 0 and 1 in a
 * `Uint32Array`.
 */
export type TypedArray =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>;

/** Bytes of a word: an element of any dtype but f16, or two of f16. */
const WORD_BYTES = 4;

/** Bytes that `size` elements of `dtype`, those of a tensor say, take in whole words. */
export function storedBytes({ dtype, size }: { readonly dtype: DType; readonly size: number }): number {
  return WORD_BYTES * (dtype === "f16" ? Math.ceil(size / 2) : size);
}

/** Whether a dtype has fractions, and so derivatives. */
export function isFloat(dtype: DType): dtype is "f32" | "f16" {
  return dtype === "f32" || dtype === "f16";
}

/** Least and greatest number of a dtype that has whole numbers alone. */
export const WHOLE_RANGE: Readonly<Record<"i32" | "u32" | "bool", readonly [low: number, high: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  bool: [0, 1],
};

/** Whether an element of `dtype` can be this number: any, but for rounding, where there are fractions. */
export function holdsNumber(dtype: DType, value: number): boolean {
  if (isFloat(dtype)) return true;
  const [low, high] = WHOLE_RANGE[dtype];
  return Number.isInteger(value) && value >= low && value <= high;
}

/** A whole number as integer arithmetic leaves it in an element of `dtype`: modulo 2³². Floats stay as they are. */
export function wrapNumber(dtype: DType, value: number): number {
  return dtype === "i32" ? value | 0 : dtype === "u32" ? value >>> 0 : value;
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

/** The whole number or truth that a number becomes in an element of `dtype`, as in typed arrays: cut, and modulo 2³². */
export function elementOf(value: number, dtype: "i32" | "u32" | "bool"): number {
  return dtype === "bool" ? (value === 0 ? 0 : 1) : wrapNumber(dtype, value);
}

/** The bits of a number as it is stored in an element of `dtype`. */
export function bitsOf(value: number, dtype: DType): number {
  if (dtype === "f32") return new Uint32Array(new Float32Array([value]).buffer)[0];
  if (dtype === "f16") return new Uint16Array(new Float16Array([value]).buffer)[0];
  return elementOf(value, dtype) >>> 0;
}
