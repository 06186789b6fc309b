import { allocate, type DType, type TypedArray } from "./dtype.ts";
import { formatShape, sameShape, type Shape, sizeOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Numbers or booleans nested as deep as the tensor has axes. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** Options of {@linkcode tensor}. */
export interface TensorOptions {
  /** Shape of the result; by default the nesting's, or one axis for a typed array. */
  readonly shape?: Shape;
  /** Element type; by default the typed array's, `bool` for booleans, else `f32`. */
  readonly dtype?: DType;
}

/**
 * Makes a tensor from numbers, nested arrays or a typed array, which is copied; numbers become elements as in typed
 * arrays (`Int32Array.of(2.7)` is 2), and anything but 0 is true. It stays on the host until a computation needs it.
 *
 * Throws a RangeError where nested arrays are ragged or the number of elements is not the shape's, and a TypeError where
 * something else than numbers and booleans is in them.
 */
export function tensor(data: NestedArray | TypedArray | Float64Array, options: TensorOptions = {}): Tensor {
  const isTyped = ArrayBuffer.isView(data);
  const nesting = isTyped ? [data.length] : shapeOf(data);
  const shape = options.shape ?? nesting;
  const flat = isTyped ? data : flatten(data, sizeOf(nesting));
  if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new RangeError(`tensor: ${formatShape(shape)} is no shape: sizes are whole numbers from 0`);
  }
  if (sizeOf(shape) !== flat.length) {
    throw new RangeError(`tensor: ${flat.length} elements do not fill shape ${formatShape(shape)}`);
  }
  const dtype = options.dtype ?? (isTyped ? dtypeOf(data) : isBoolean(data) ? "bool" : "f32");
  const elements = allocate(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) elements[i] = dtype === "bool" ? (flat[i] ? 1 : 0) : flat[i];
  return new Tensor(shape, dtype, { kind: "host", data: elements });
}

function dtypeOf(data: TypedArray | Float64Array): DType {
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint32Array) return "u32";
  return data instanceof Float32Array || data instanceof Float64Array ? "f32" : "f16";
}

function isBoolean(data: NestedArray): boolean {
  return Array.isArray(data) ? data.length > 0 && isBoolean(data[0]) : typeof data === "boolean";
}

function shapeOf(data: NestedArray): number[] {
  if (!Array.isArray(data)) return [];
  if (data.length === 0) return [0];
  const inner = shapeOf(data[0]);
  for (const part of data) {
    if (!sameShape(shapeOf(part), inner)) throw new RangeError("tensor: nested arrays differ in length");
  }
  return [data.length, ...inner];
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null ? `a ${value.constructor?.name ?? "object"}` : String(value);
}

function flatten(data: NestedArray, size: number): Float64Array {
  const flat = new Float64Array(size);
  let position = 0;
  const visit = (part: NestedArray): void => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === "number" || typeof part === "boolean") flat[position++] = Number(part);
    else throw new TypeError(`tensor: an element is ${describe(part)}, and must be a number or a boolean`);
  };
  visit(data);
  return flat;
}
