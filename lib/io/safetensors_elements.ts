import type { DType, TypedArray } from "../tensor/dtype.ts";
import { makeTensor, type Tensor } from "../tensor/tensor.ts";
import type { Fail, TensorEntry } from "./safetensors_header.ts";

/** How F16 is read. */
export interface ReadHalves {
  /** What F16 becomes: f32 by default, or f16, which is the file's own bytes. */
  readonly halves?: "f32" | "f16";
}

/**
 * The bytes of a tensor as one; F64 and BF16 become f32, and so does F16 unless `halves` keeps it; I64 becomes i32 where it
 * fits, U8 becomes u32.
 */
export function decodeTensor(
  { name, dtype, shape }: TensorEntry,
  bytes: ArrayBuffer,
  { fail, halves = "f32" }: ReadHalves & { readonly fail: Fail },
): Tensor {
  const make = (type: DType, data: TypedArray) => makeTensor(shape, type, { kind: "host", data });
  switch (dtype) {
    case "F32":
      return make("f32", new Float32Array(bytes));
    case "F64":
      return make("f32", new Float32Array(new Float64Array(bytes)));
    case "F16":
      return halves === "f16"
        ? make("f16", new Float16Array(bytes))
        : make("f32", new Float32Array(new Float16Array(bytes)));
    case "BF16":
      return make("f32", bfloatToFloat(new Uint16Array(bytes)));
    case "I32":
      return make("i32", new Int32Array(bytes));
    case "U32":
      return make("u32", new Uint32Array(bytes));
    case "U8":
      return make("u32", new Uint32Array(new Uint8Array(bytes)));
    case "BOOL":
      return make("bool", Uint32Array.from(new Uint8Array(bytes), (x) => x ? 1 : 0));
    case "I64": {
      const values = new BigInt64Array(bytes);
      const large = values.find((x) => BigInt.asIntN(32, x) !== x);
      if (large !== undefined) fail(`tensor ${name}: its I64 value ${large} does not fit i32`);
      return make("i32", Int32Array.from(values, Number));
    }
  }
}

/** A bfloat16 is the upper half of an f32. */
function bfloatToFloat(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** The nearest bfloat16, ties to even; a NaN stays one. */
function floatToBfloat(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const upper = bits[i] >>> 16;
    halves[i] = Number.isNaN(values[i]) ? upper | 0x40 : (bits[i] + 0x7fff + (upper & 1)) >>> 16;
  }
  return halves;
}

/** How f32 is written: in 4 bytes each (`F32`), or rounded to 2 (`F16`, `BF16`). */
export type FloatFormat = "F32" | "F16" | "BF16";

/** The dtype under which a tensor is written: f16 is written as it is. */
export function writtenDType({ dtype }: Tensor, floats: FloatFormat): FloatFormat | "I32" | "U32" | "BOOL" {
  return dtype === "f32" ? floats : ({ f16: "F16", i32: "I32", u32: "U32", bool: "BOOL" } as const)[dtype];
}

/** The bytes of a tensor as they are written. */
export async function encodeTensor(tensor: Tensor, floats: FloatFormat): Promise<Uint8Array<ArrayBuffer>> {
  const data = await tensor.data();
  const dtype = writtenDType(tensor, floats);
  if (dtype === "BOOL") return new Uint8Array(data);
  const elements = dtype === "F16"
    ? data instanceof Float16Array ? data : new Float16Array(data)
    : dtype === "BF16"
    ? floatToBfloat(data instanceof Float32Array ? data : Float32Array.from(data))
    : data;
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}
