import { allocate, type DType, holdsNumber } from "./dtype.ts";
import { formatShape, requireShape, sameShape, type Shape, sizeOf } from "./shape.ts";
import { makeTensor, type Tensor } from "./tensor.ts";

/** Numbers or booleans, nested as deep as the tensor has axes: a bare number makes a scalar. */
export type NestedArray = number | boolean | readonly NestedArray[];

/**
 * The typed arrays that {@linkcode tensor} copies. Float64Array becomes f32, integers become i32 where they have a sign
 * and u32 where they have none; `dtype` asks for another one.
 */
export type HostArray =
  | Float32Array
  | Int32Array
  | Uint32Array
  | Float16Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | BigInt64Array
  | BigUint64Array;

/** Options of {@linkcode tensor}. */
export interface TensorOptions {
  /** Sizes of the axes; by default those of the nested arrays, or one axis for a typed array. */
  readonly shape?: Shape;
  /**
   * Type of the elements; by default the typed array's (i32 or u32 of integers), bool for booleans, and f32 for
   * numbers.
   */
  readonly dtype?: DType;
}

/**
 * Makes a tensor from numbers, booleans, nested arrays of them, or a typed array, which is copied. Numbers become
 * elements as in typed arrays: integers are cut and taken modulo 2³² (`Int32Array.of(2.7)` is 2), and as bool anything
 * but 0 is true. The elements stay on the host until a computation needs them.
 *
 * Throws a RangeError where nested arrays are ragged, the number of elements is not the shape's, or an integer of 64
 * bits does not fit; and a TypeError where something else than numbers and booleans is among them.
 *
 * @see [jax.numpy.array](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.array.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * const ids = dd.tensor(Uint8Array.of(1, 2, 3, 4), { shape: [2, 2], dtype: "i32" });
 * console.log(String(x), String(ids), await x.data()); // Tensor f32 [2, 2] Tensor i32 [2, 2] Float32Array [1, 2, 3, 4]
 * ```
 */
export function tensor(data: NestedArray | HostArray, options: TensorOptions = {}): Tensor {
  const isTyped = ArrayBuffer.isView(data);
  const dtype = options.dtype ?? (isTyped ? dtypeOf(data) : isBoolean(data) ? "bool" : "f32");
  const nesting = isTyped ? [data.length] : shapeOf(data);
  const shape = options.shape ?? nesting;
  const flat = isTyped ? numbersOf(data, dtype) : flatten(data, sizeOf(nesting));
  requireShape("tensor", shape);
  if (sizeOf(shape) !== flat.length) {
    throw new RangeError(`tensor: ${flat.length} elements do not fill shape ${formatShape(shape)}`);
  }
  const elements = allocate(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) elements[i] = dtype === "bool" ? (flat[i] ? 1 : 0) : flat[i];
  return makeTensor(shape, dtype, { kind: "host", data: elements });
}

/** The dtype that holds a typed array's elements, all but those of 64 bits without loss. Throws a TypeError for views that have none. */
function dtypeOf(data: HostArray): DType {
  if (data instanceof Float32Array || data instanceof Float64Array) return "f32";
  if (data instanceof Float16Array) return "f16";
  if (data instanceof DataView) throw new TypeError("tensor: a DataView has no elements: make a typed array of it");
  const signed = [Int32Array, Int16Array, Int8Array, BigInt64Array];
  return signed.some((type) => data instanceof type) ? "i32" : "u32";
}

/** Elements of a typed array as numbers; integers of 64 bits must fit into the integers that they become. */
function numbersOf(data: HostArray, dtype: DType): ArrayLike<number> {
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return data;
  const elements: Iterable<bigint> = data;
  return Float64Array.from(elements, (value) => {
    if (dtype === "bool" || holdsNumber(dtype, Number(value))) return Number(value);
    throw new RangeError(`tensor: ${value} is out of the range of ${dtype}: { dtype: "f32" } takes the nearest f32`);
  });
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
