import {
  type Branch,
  branchBindings,
  branchCell,
  branchDeclarations,
  branchFields,
  type BranchForm,
  branchName,
  branchWords,
  subgroupBranch,
} from "./branch.ts";
import { type Epilogue, epilogueField, storeResult } from "./epilogue.ts";
import { type StoredAs, storedElement, storedName, storedReader, storedType } from "./half.ts";
import type { Kernel } from "./kernel.ts";
import { panelsOfA } from "./panels.ts";

/**
 * How the operands of C = A·B lie: `nn` A[m,k] B[k,n] (forward), `tn` A[k,m] B[k,n] (gradient of weights), `nt` A[m,k]
 * B[n,k] (projection by a weight, scores).
 */
export type MatmulLayout = "nn" | "tn" | "nt";

/** Sizes, row strides, batches and offsets of a product, in elements. */
export interface MatmulSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Strides of stored rows. */
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
  /** Products in all, and how many of them make one turn of the outer batch index. */
  readonly batch: number;
  readonly inner: number;
  /** Strides of the outer and the inner batch index; 0 where an operand is shared. */
  readonly a0: number;
  readonly a1: number;
  readonly b0: number;
  readonly b1: number;
  readonly c0: number;
  readonly c1: number;
  readonly offsetA: number;
  readonly offsetB: number;
  readonly offsetC: number;
  /** Factor of the result, 1 by default. */
  readonly scale?: number;
  /** A narrow product that is added to it; only for `nn` or `nt`, and one level of batches. */
  readonly branch?: Branch;
}

/** Batches, and offsets, of a single product of whole matrices. */
export const SINGLE_PRODUCT = {
  batch: 1,
  inner: 1,
  a0: 0,
  a1: 0,
  b0: 0,
  b1: 0,
  c0: 0,
  c1: 0,
  offsetA: 0,
  offsetB: 0,
  offsetC: 0,
} as const satisfies Partial<MatmulSizes>;

/** What one subgroup computes of C: `rows` × (`lanes` · `columns`). */
export interface MatmulTile {
  readonly lanes: number;
  /** A multiple of 4, or 1 where the layout is not `tn`. */
  readonly rows: number;
  /** Columns for each lane, a multiple of 4. */
  readonly columns: number;
  /** Whether k need not be a multiple of 4, which only `tn` can do: each step asks whether there is one more. */
  readonly endsAnywhere?: boolean;
}

const FIELDS = [
  "m",
  "n",
  "k",
  "lda",
  "ldb",
  "ldc",
  "batch",
  "inner",
  "a0",
  "a1",
  "b0",
  "b1",
  "c0",
  "c1",
  "offsetA",
  "offsetB",
  "offsetC",
] as const;

/** Uniforms of every product kernel, and those of what it does with its results. */
export function matmulUniforms(sizes: MatmulSizes, epilogue: Epilogue): Uint32Array {
  const own = [...FIELDS.map((name) => sizes[name]), bitsOf(sizes.scale ?? 1), 0, 0];
  return Uint32Array.from([...own, ...branchWords(sizes.branch), ...epilogue.uniforms]);
}

/** A float as the word of a uniform. */
export function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Declarations of every product kernel's operands and sizes, and of what it does with its results. */
export function matmulDeclarations(
  width: 1 | 4,
  epilogue: Epilogue,
  branch: BranchForm | undefined,
  { weight, byColumn = false }: { readonly weight: StoredAs; readonly byColumn?: boolean },
): string {
  const own = 2 + branchBindings(branch).length;
  const sizes = FIELDS.map((name) => `${name}: u32`).join(", ");
  return `struct Sizes { ${sizes}, scale: f32, pad0: u32, pad1: u32${branchFields(branch)}${epilogueField(epilogue)} }
@group(0) @binding(0) var<storage, read> A: array<${storedType("f32", width)}>;
@group(0) @binding(1) var<storage, read> B: array<${storedType(weight, width)}>;
@group(0) @binding(${own + epilogue.bindings.length}) var<uniform> d: Sizes;
${storedReader(weight, "B", width)}${branchDeclarations(branch)}${epilogue.code(own, byColumn)}`;
}

/** First elements of this batch's matrices. */
export const ORIGINS = `  let zo = w.z / d.inner;
  let zi = w.z % d.inner;
  let za = d.offsetA + zo * d.a0 + zi * d.a1;
  let zb = d.offsetB + zo * d.b0 + zi * d.b1;
  let zc = d.offsetC + zo * d.c0 + zi * d.c1;
`;

/** Bindings of every product kernel before the uniforms. */
export const matmulBindings = (epilogue: Epilogue, branch?: BranchForm) =>
  ["read", "read", ...branchBindings(branch), ...epilogue.bindings] as const;
const elementOfA = (layout: MatmulLayout, k: string) => layout === "tn" ? `${k} * d.lda + row` : `row * d.lda + ${k}`;
const elementOfB = (layout: MatmulLayout, k: string) => layout === "nt" ? `col * d.ldb + ${k}` : `${k} * d.ldb + col`;

/**
 * One invocation for each element of C: the obvious product, which all others must equal bit for bit. `weight` says how
 * B is stored, here and in the other kernels; A and C are f32, and so are all sums.
 */
export function matmulNaive(
  layout: MatmulLayout,
  epilogue: Epilogue = storeResult(1),
  branch?: BranchForm,
  weight: StoredAs = "f32",
): Kernel {
  const b = storedElement(weight, "B", `zb + ${elementOfB(layout, "k")}`);
  return {
    name: `matmul_${layout}_naive${storedName(weight)}${branchName(branch)}${epilogue.name}`,
    bindings: matmulBindings(epilogue, branch),
    code: `${matmulDeclarations(1, epilogue, branch, { weight })}@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) w: vec3<u32>) {
  let row = id.x;
  let col = id.y;
  if (row >= d.m || col >= d.n) { return; }
${ORIGINS}  var sum = 0f;
  for (var k = 0u; k < d.k; k++) { sum = fma(A[za + ${elementOfA(layout, "k")}], ${b}, sum); }
${
      branch
        ? `  ${
          branchCell("row")
        }\n  for (var k = 0u; k < d.r; k++) { sum = fma(z(w.z, row, k), v(cell, k, col), sum); }\n`
        : ""
    }  epilogue(zc + row * d.ldc + col, sum * d.scale);
}
`,
  };
}

/**
 * 64 × 64 of C for each workgroup, 4 × 4 for each of its 256 invocations, through workgroup memory. A driver that unrolls
 * every loop that counts from a constant would compile for seconds: these loops count from the invocation's own place.
 */
export function matmulTiled(
  layout: MatmulLayout,
  epilogue: Epilogue = storeResult(1),
  branch?: BranchForm,
  weight: StoredAs = "f32",
): Kernel {
  return {
    name: `matmul_${layout}_tiled${storedName(weight)}${branchName(branch)}${epilogue.name}`,
    bindings: matmulBindings(epilogue, branch),
    code: `${
      matmulDeclarations(1, epilogue, branch, { weight })
    }var<workgroup> As: array<vec4<f32>, 256>; // [16 k][64 rows]
var<workgroup> Bs: array<vec4<f32>, 256>; // [16 k][64 columns]
fn a(za: u32, row: u32, k: u32) -> f32 {
  if (row >= d.m || k >= d.k) { return 0f; }
  return A[za + ${elementOfA(layout, "k")}];
}
fn b(zb: u32, k: u32, col: u32) -> f32 {
  if (col >= d.n || k >= d.k) { return 0f; }
  return ${storedElement(weight, "B", `zb + ${elementOfB(layout, "k")}`)};
}
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) t: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
${ORIGINS}  let m0 = w.x * 64u;
  let n0 = w.y * 64u;
  let q = (i % 16u) * 4u; // this invocation fetches four neighbours of k row i / 16 of both tiles
  ${range(4).map((r) => `var c${r} = vec4<f32>();`).join(" ")}
  for (var k0 = 0u; k0 < d.k; k0 += 16u) {
    let k = k0 + i / 16u;
    As[i] = vec4<f32>(${range(4).map((e) => `a(za, m0 + q + ${e}u, k)`).join(", ")});
    Bs[i] = vec4<f32>(${range(4).map((e) => `b(zb, k, n0 + q + ${e}u)`).join(", ")});
    workgroupBarrier();
    for (var at = t.y; at < 256u; at += 64u) {
      ${
      range(4).map((step) =>
        `{ let x = As[at + ${16 * step}u]; let y = Bs[at - t.y + t.x + ${16 * step}u]; ` +
        range(4).map((r) => `c${r} = fma(vec4<f32>(x[${r}]), y, c${r});`).join(" ") + " }"
      ).join("\n      ")
    }
    }
    workgroupBarrier();
  }
  let row0 = m0 + t.y * 4u;
  let col0 = n0 + t.x * 4u;
  ${
      branch
        ? `${branchCell("row0")}
  for (var k = 0u; k < d.r; k++) {
    let y = vec4<f32>(${range(4).map((e) => `v(cell, k, col0 + ${e}u)`).join(", ")});
    ${range(4).map((r) => `c${r} = fma(vec4<f32>(z(w.z, row0 + ${r}u, k)), y, c${r});`).join(" ")}
  }`
        : ""
    }
  let rows = array(c0, c1, c2, c3);
  for (var row = row0; row < min(row0 + 4u, d.m); row++) {
    let sums = rows[row - row0];
    for (var col = col0; col < min(col0 + 4u, d.n); col++) { epilogue(zc + row * d.ldc + col, sums[col - col0] * d.scale); }
  }
}
`,
  };
}

/** Components of a vec4. */
const PARTS = "xyzw";

/**
 * One subgroup, alone in its workgroup, computes rows × (lanes · columns) of C in registers. Loads are what costs on a
 * driver in software (a storage buffer is read lane by lane, with a branch each), so every element is loaded once for
 * each subgroup, as part of a vec4: a piece of A sits in one lane and is handed round with subgroupBroadcast, B is loaded
 * by the lane that owns the column. Four steps of k for each turn of the loop. `epilogue` has width 1 only in nt. A tile that
 * ends anywhere may load what lies behind k, but takes nothing of it into a sum.
 */
export function matmulSubgroup(
  layout: MatmulLayout,
  tile: MatmulTile,
  epilogue: Epilogue = storeResult(4),
  branch?: BranchForm,
  weight: StoredAs = "f32",
): Kernel {
  const { lanes, rows, columns, endsAnywhere = false } = tile;
  const isScalar = epilogue.width === 1;
  const span = lanes * columns;
  const quads = range(columns / 4);
  const a = panelsOfA(layout, tile, "za");
  // B and C: a lane owns quads of neighbouring columns; where C's rows are no whole quads, every lanes-th column.
  const columnOf = (j: number) =>
    isScalar ? `n0 + lane + ${j * lanes}u` : `n0 + (lane + ${(j >> 2) * lanes}u) * 4u + ${j & 3}u`;
  const bSetup = layout === "nt"
    ? range(columns).map((j) => `let bt${j} = (zb + min(${columnOf(j)}, d.n - 1u) * d.ldb) / 4u;`)
    : quads.map((q) => `let bt${q} = zb / 4u + min(n0 / 4u + lane + ${q * lanes}u, d.n / 4u - 1u);`);
  const bAt = (at: string) => storedElement(weight, "B", at);
  const bLoads = layout === "nt"
    ? range(columns).map((j) => `let b${j} = ${bAt(`bt${j} + k / 4u`)};`)
    : range(4).flatMap((step) => quads.map((q) => `let b${step}_${q} = ${bAt(`bt${q} + (k + ${step}u) * ldb4`)};`));
  const bValue = (step: number, j: number) =>
    layout === "nt" ? `b${j}.${PARTS[step]}` : `b${step}_${j >> 2}.${PARTS[j & 3]}`;
  const step = (i: number, s: number) =>
    `{ let x = ${a.value(i, s)}; ` +
    range(columns).map((j) => `c${i}_${j} = fma(x, ${bValue(s, j)}, c${i}_${j});`).join(" ") + " }";
  const steps = endsAnywhere
    ? range(4).flatMap((s) => [`if (k + ${s}u < d.k) {`, ...range(rows).map((i) => `  ${step(i, s)}`), "}"])
    : range(rows).flatMap((i) => range(4).map((s) => step(i, s)));
  // Work on results is written once, in loops over a private array that count rows and columns of C, not from a constant:
  // lavapipe would unroll them, and compile several times as long.
  const pieces = isScalar ? columns : columns / 4;
  const piece = (i: number, q: number) =>
    isScalar ? `c${i}_${q}` : `vec4<f32>(${range(4).map((e) => `c${i}_${q * 4 + e}`).join(", ")})`;
  const join = (lines: readonly string[]) => lines.join("\n    ");
  return {
    name: `matmul_${layout}_${rows}x${span}${isScalar ? "_scalar" : ""}${endsAnywhere ? "_any_k" : ""}${
      storedName(weight)
    }${branchName(branch)}${epilogue.name}`,
    bindings: matmulBindings(epilogue, branch),
    code: `enable subgroups;
${matmulDeclarations(4, epilogue, branch, { weight, byColumn: true })}@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
${ORIGINS}  let m0 = w.x * ${rows}u;
  let n0 = w.y * ${span}u;
  let lda4 = d.lda / 4u;
  let ldb4 = d.ldb / 4u;
  ${a.setup.join("\n  ")}
  ${bSetup.join("\n  ")}
  ${range(rows).flatMap((i) => range(columns).map((j) => `var c${i}_${j} = 0f;`)).join(" ")}
  for (var k = 0u; k < d.k; k += 4u) {
    ${join(a.loads)}
    ${join(bLoads)}
    ${join(steps)}
  }
  ${subgroupBranch(branch, { lanes, rows, columns, columnOf })}
  var results: array<${isScalar ? "f32" : "vec4<f32>"}, ${rows * pieces}>;
  ${
      range(rows).map((i) => range(pieces).map((q) => `results[${i * pieces + q}] = ${piece(i, q)};`).join(" "))
        .join("\n  ")
    }
  let col0 = n0 + lane${isScalar ? "" : " * 4u"};
  var piece = 0u;
  for (var col = col0; col < min(n0 + ${span}u, d.n); col += ${isScalar ? lanes : lanes * 4}u) {
    prepare(zc + m0 * d.ldc + col);
    for (var row = m0; row < min(m0 + ${rows}u, d.m); row++) {
      epilogue(zc + row * d.ldc + col, results[(row - m0) * ${pieces}u + piece] * d.scale);
    }
    piece++;
  }
}
`,
  };
}
