import type { Kernel } from "./kernel.ts";

/** How a kernel finds the elements of a matrix in memory: f32, or f16 with two elements in a word. */
export type StoredAs = "f32" | "f16";

/** What is added to the name of a kernel that reads a matrix so. */
export const storedName = (as: StoredAs) => as === "f16" ? "_f16" : "";

/** Element type of a buffer whose kernel reads one element at a time, or four. */
export function storedType(as: StoredAs, width: 1 | 4): string {
  if (as === "f32") return width === 1 ? "f32" : "vec4<f32>";
  return width === 1 ? "u32" : "vec2<u32>";
}

/** Element `at` of a buffer, or its `at`-th four, as f32; of f16 by the function that {@linkcode storedReader} declares. */
export function storedElement(as: StoredAs, buffer: string, at: string): string {
  return as === "f32" ? `${buffer}[${at}]` : `read${buffer}(${at})`;
}

/**
 * The function that reads a buffer of f16, after the buffer's declaration; nothing for f32. `unpack2x16float` is a part of
 * the language: no device needs a feature for it.
 */
export function storedReader(as: StoredAs, buffer: string, width: 1 | 4): string {
  if (as === "f32") return "";
  return width === 1
    ? `fn read${buffer}(i: u32) -> f32 { return ${halfElement(buffer, "i")}; }\n`
    : `fn read${buffer}(i: u32) -> vec4<f32> {
  let words = ${buffer}[i];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
`;
}

/** Element `at` of a buffer of words that hold two f16 each, the first of them in the lower half. */
export function halfElement(buffer: string, at: string): string {
  return `unpack2x16float(${buffer}[(${at}) >> 1u] >> (((${at}) & 1u) << 4u)).x`;
}

/** Threads of a workgroup of {@linkcode packHalf}. */
export const PACK_HALF_WORKGROUP = 64;

/**
 * Numbers as f16, the nearest ones, ties to even, and infinite from 65,520 on: bindings input, output, a thread for each
 * word; the uniform holds the number of elements. By integers, as how `pack2x16float` rounds is left to drivers.
 */
export function packHalf(): Kernel {
  return {
    name: "packHalf",
    bindings: ["read", "read_write"],
    code: `struct Sizes { size: u32 }
@group(0) @binding(0) var<storage, read> X: array<u32>;
@group(0) @binding(1) var<storage, read_write> Y: array<u32>;
@group(0) @binding(2) var<uniform> d: Sizes;
fn half(i: u32) -> u32 {
  if (i >= d.size) { return 0u; }
  let bits = X[i];
  let sign = (bits >> 16u) & 0x8000u;
  let x = bits & 0x7fffffffu;
  if (x > 0x7f800000u) { return sign | 0x7e00u; }
  if (x >= 0x477ff000u) { return sign | 0x7c00u; }
  if (x >= 0x38800000u) { return sign | ((x - 0x38000000u + 0xfffu + ((x >> 13u) & 1u)) >> 13u); }
  if (x < 0x33000000u) { return sign; } // below half of the smallest one
  let mantissa = (x & 0x7fffffu) | 0x800000u;
  let shift = 126u - (x >> 23u);
  return sign | ((mantissa + (1u << (shift - 1u)) - 1u + ((mantissa >> shift) & 1u)) >> shift);
}
@compute @workgroup_size(${PACK_HALF_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${PACK_HALF_WORKGROUP}u + l;
  if (2u * t >= d.size) { return; }
  Y[t] = half(2u * t) | (half(2u * t + 1u) << 16u);
}
`,
  };
}
