import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup of the kernels here. */
export const DYNAMIC_SLICE_WORKGROUP = 64;

/** Boxes of tensors, of several cells each with a place of its own. */
export interface BoxSizes {
  readonly cells: number;
  /** Sizes of the axes of one cell's tensor. */
  readonly shape: readonly number[];
  /** Sizes of the axes of the box. */
  readonly box: readonly number[];
}

/** Uniforms of the kernels here, for `threads` elements. */
export function boxUniforms({ shape, box }: BoxSizes, threads: number): Uint32Array {
  const words = [threads, ...shape, ...box];
  return Uint32Array.from({ length: Math.ceil(words.length / 4) * 4 }, (_, i) => words[i] ?? 0);
}

const each = (rank: number, line: (axis: number) => string) => Array.from({ length: rank }, (_, a) => line(a)).join("");
const sizesOf = (rank: number) =>
  `struct Sizes { threads: u32${each(rank, (a) => `, n${a}: u32`)}${each(rank, (a) => `, b${a}: u32`)} }\n`;

/** Where a cell's box begins: negative places count from the end, and the box is moved so that it lies inside. */
const startsOf = (rank: number) =>
  each(rank, (a) =>
    `  var s${a} = S[cell * ${rank}u + ${a}u];
  s${a} = clamp(select(s${a}, s${a} + i32(d.n${a}), s${a} < 0), 0, i32(d.n${a} - d.b${a}));
`);

/** The place of the thread's element along each axis of a shape `n` or `b`, and its cell. */
const coordinatesOf = (rank: number, sizes: "n" | "b") =>
  `  var rest = t;\n${
    Array.from({ length: rank }, (_, i) => rank - 1 - i).map((a) =>
      `  let c${a} = rest % d.${sizes}${a};\n  rest /= d.${sizes}${a};\n`
    ).join("")
  }  let cell = rest;\n`;

/** Position in row-major order of the coordinates that `at` gives, in a shape `n` or `b`. */
const positionOf = (rank: number, sizes: "n" | "b", at: (axis: number) => string) =>
  Array.from({ length: rank }, (_, a) => a).reduce(
    (position, a) => `(${position} * d.${sizes}${a} + ${at(a)})`,
    "cell",
  );

const ENTRY = `@compute @workgroup_size(${DYNAMIC_SLICE_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${DYNAMIC_SLICE_WORKGROUP}u + l;
  if (t >= d.threads) { return; }
`;

/** A box of each cell: bindings input `[cells, ...]`, starts `[cells, rank]`, output. */
export function dynamicSliceKernel(rank: number): Kernel {
  return {
    name: `dynamicSlice${rank}`,
    bindings: ["read", "read", "read_write"],
    code: `${sizesOf(rank)}@group(0) @binding(0) var<storage, read> X: array<u32>;
@group(0) @binding(1) var<storage, read> S: array<i32>;
@group(0) @binding(2) var<storage, read_write> Y: array<u32>;
@group(0) @binding(3) var<uniform> d: Sizes;
${ENTRY}${coordinatesOf(rank, "b")}${startsOf(rank)}  Y[t] = X[${positionOf(rank, "n", (a) => `u32(s${a}) + c${a}`)}];
}
`,
  };
}

/** Where the elements of an update lie: the first one, and the strides from cell to cell and along each axis. */
export interface UpdatePlace {
  readonly offset: number;
  readonly cell: number;
  readonly axes: readonly number[];
}

/** What the kernels of updates may differ in. */
export interface UpdateKernelOptions {
  /** Axes of a cell. */
  readonly rank: number;
  /** Elements of a thread: four where whole rows of the last axis are replaced; 1 by default. */
  readonly width?: 1 | 4;
}

/** Uniforms of the kernels of updates; `place` counts elements. */
export function updateUniforms(
  { shape, box }: BoxSizes,
  { threads, place, width = 1 }: { readonly threads: number; readonly place: UpdatePlace; readonly width?: 1 | 4 },
): Uint32Array {
  const inQuads = (sizes: readonly number[]) => sizes.map((size, a) => a === sizes.length - 1 ? size / width : size);
  const strides = [place.cell, ...place.axes.slice(0, -1)].map((stride) => stride / width);
  const words = [threads, ...inQuads(shape), ...inQuads(box), place.offset / width, ...strides, place.axes.at(-1)!];
  return Uint32Array.from({ length: Math.ceil(words.length / 4) * 4 }, (_, i) => words[i] ?? 0);
}

/** Sizes as those of boxes, then where the update lies. */
const updateSizesOf = (rank: number) =>
  sizesOf(rank).replace(" }\n", `, first: u32, step: u32${each(rank, (a) => `, u${a}: u32`)} }\n`);

/** The position in the update of the coordinates that `at` gives. */
const positionInUpdate = (rank: number, at: (axis: number) => string) =>
  `d.first + cell * d.step${each(rank, (a) => ` + ${at(a)} * d.u${a}`)}`;

const typeOf = (width: 1 | 4) => width === 4 ? "vec4<u32>" : "u32";
const nameOf = (name: string, width: 1 | 4) => width === 4 ? `${name}_vec4` : name;

/** Each cell with its box replaced: bindings input, update, starts, output; a thread for each element of the output. */
export function dynamicUpdateKernel({ rank, width = 1 }: UpdateKernelOptions): Kernel {
  const isInside = each(rank, (a) => `${a > 0 ? " && " : ""}c${a} - u32(s${a}) < d.b${a}`);
  const type = typeOf(width);
  return {
    name: nameOf(`dynamicUpdate${rank}`, width),
    bindings: ["read", "read", "read", "read_write"],
    code: `${updateSizesOf(rank)}@group(0) @binding(0) var<storage, read> X: array<${type}>;
@group(0) @binding(1) var<storage, read> U: array<${type}>;
@group(0) @binding(2) var<storage, read> S: array<i32>;
@group(0) @binding(3) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(4) var<uniform> d: Sizes;
${ENTRY}${coordinatesOf(rank, "n")}${
      startsOf(rank)
    }  if (${isInside}) { // before the box, the difference is a large number
    Y[t] = U[${positionInUpdate(rank, (a) => `(c${a} - u32(s${a}))`)}];
  } else {
    Y[t] = X[t];
  }
}
`,
  };
}

/** The same over the input itself: bindings input, update, starts; a thread for each element of the update. */
export function dynamicUpdateInPlace({ rank, width = 1 }: UpdateKernelOptions): Kernel {
  const type = typeOf(width);
  return {
    name: nameOf(`dynamicUpdate${rank}_inPlace`, width),
    bindings: ["read_write", "read", "read"],
    code: `${updateSizesOf(rank)}@group(0) @binding(0) var<storage, read_write> X: array<${type}>;
@group(0) @binding(1) var<storage, read> U: array<${type}>;
@group(0) @binding(2) var<storage, read> S: array<i32>;
@group(0) @binding(3) var<uniform> d: Sizes;
${ENTRY}${coordinatesOf(rank, "b")}${startsOf(rank)}  X[${positionOf(rank, "n", (a) => `u32(s${a}) + c${a}`)}] = U[${
      positionInUpdate(rank, (a) => `c${a}`)
    }];
}
`,
  };
}
