import {
  branchBindings,
  branchDeclarations,
  branchFields,
  type BranchForm,
  branchName,
  branchWords,
  subgroupBranch,
} from "./branch.ts";
import { type Epilogue, epilogueField, storeResult } from "./epilogue.ts";
import { type StoredAs, storedElement, storedName, storedReader, storedType } from "./half.ts";
import type { Grid, Kernel, TextureFormat } from "./kernel.ts";
import { bitsOf, type MatmulLayout, type MatmulSizes, type MatmulTile } from "./matmul.ts";
import { panelsOfA } from "./panels.ts";

/** Threads of a workgroup of {@linkcode packTexture}: neighbours in x write neighbours of a row of the texture. */
const PACK_WORKGROUP = [32, 2] as const;

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const over = (a: number, b: number) => Math.ceil(a / b);

/** The format of a texture that holds a matrix as it is stored. */
export function textureFormatOf(as: StoredAs): TextureFormat {
  return as === "f16" ? "rgba16float" : "rgba32float";
}

/**
 * Width and height in texels of the texture that holds a matrix: a column of texels is a row of the matrix, in fours.
 * Several matrices lie one below the other.
 */
export function textureSize(rows: number, columns: number, matrices = 1): readonly [width: number, height: number] {
  return [rows, matrices * columns / 4];
}

/**
 * Copies a matrix `[rows, columns]`, columns in fours, into a texture of {@linkcode textureSize}: four neighbours of a row
 * are a texel. All layouts then read neighbouring texels: `nt` along rows, `nn` and `tn` along steps of k. Of several
 * matrices each is a layer of the grid.
 */
export function packTexture(as: StoredAs = "f32"): Kernel {
  const [x, y] = PACK_WORKGROUP;
  return {
    name: `packTexture${storedName(as)}`,
    bindings: ["read", as === "f16" ? "write_half_texture" : "write_texture"],
    code: `struct Sizes { rows: u32, quads: u32, stride: u32, first: u32, next: u32, pad0: u32, pad1: u32, pad2: u32 }
@group(0) @binding(0) var<storage, read> X: array<${storedType(as, 4)}>;
@group(0) @binding(1) var Y: texture_storage_2d<${textureFormatOf(as)}, write>;
@group(0) @binding(2) var<uniform> d: Sizes;
${storedReader(as, "X", 4)}@compute @workgroup_size(${x}, ${y})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= d.rows || id.y >= d.quads) { return; }
  let x = ${storedElement(as, "X", "d.first + id.z * d.next + id.x * d.stride + id.y")};
  textureStore(Y, vec2<u32>(id.x, id.z * d.quads + id.y), x);
}
`,
  };
}

/** How many workgroups {@linkcode packTexture} needs. */
export function packTextureGrid(rows: number, columns: number, matrices = 1): Grid {
  const [width, height] = textureSize(rows, columns);
  return [over(width, PACK_WORKGROUP[0]), over(height, PACK_WORKGROUP[1]), matrices];
}

/**
 * Uniforms of {@linkcode packTexture}, in elements: where the first matrix begins, how far its rows are apart, and how far it
 * is to the next matrix.
 */
export function packTextureUniforms(
  rows: number,
  columns: number,
  { stride = columns, offset = 0, next = 0 }: {
    readonly stride?: number;
    readonly offset?: number;
    readonly next?: number;
  } = {},
): Uint32Array {
  return Uint32Array.of(rows, columns / 4, stride / 4, offset / 4, next / 4, 0, 0, 0);
}

/** Uniforms of {@linkcode matmulTexture}. */
export function matmulTextureUniforms(layout: MatmulLayout, sizes: MatmulSizes, epilogue: Epilogue): Uint32Array {
  const { m, n, k, lda, ldc, offsetA, offsetC, a1, b1, c1, scale = 1, branch } = sizes;
  // Matrices that lie one below the other are as far apart as each is high; all products may have the same one.
  const nextB = b1 === 0 ? 0 : (layout === "nt" ? k : n) / 4;
  return Uint32Array.from([
    m,
    n,
    k,
    lda,
    ldc,
    offsetA,
    offsetC,
    bitsOf(scale),
    a1,
    nextB,
    c1,
    0,
    ...branchWords(branch),
    ...epilogue.uniforms,
  ]);
}

/**
 * A product by a whole matrix that lies in a texture of {@linkcode packTexture}: one subgroup for each tile, as
 * {@linkcode matmulSubgroup}, with its bits. Drivers in software read a texture at half the cost of a storage buffer,
 * whose loads go lane by lane. Of several products, one level of batches, each is a layer of the grid. k, n, all strides and
 * in `tn` m are multiples of 4. The loops over results count rows and columns of C, so that drivers do not unroll them: that would take a second to compile.
 */
export function matmulTexture(
  layout: MatmulLayout,
  tile: MatmulTile,
  epilogue: Epilogue = storeResult(4),
  branch?: BranchForm,
  weight: StoredAs = "f32",
): Kernel {
  const own = 2 + branchBindings(branch).length;
  const { lanes, rows, columns } = tile;
  const span = lanes * columns;
  const quads = range(columns / 4);
  const steps = range(4);
  const part = "xyzw";
  const firstOf = (q: number) => `n0 + (lane + ${q * lanes}u) * 4u`;
  // A lane owns quads of neighbouring columns. nt: a texel is four steps of k of one column; nn: one step of a quad.
  const bLoads = layout === "nt"
    ? range(columns).map((j) => `let b${j} = textureLoad(B, vec2<u32>(col${j >> 2} + ${j & 3}u, zb + (k >> 2u)));`)
    : steps.flatMap((s) =>
      quads.map((q) => `let b${s}_${q} = textureLoad(B, vec2<u32>(k + ${s}u, zb + (col${q} >> 2u)));`)
    );
  const bValue = (s: number, j: number) => layout === "nt" ? `b${j}.${part[s]}` : `b${s}_${j >> 2}.${part[j & 3]}`;
  const a = panelsOfA(layout, tile, "za");
  const cell = (f: (i: number, q: number) => string) => range(rows).map((i) => quads.map((q) => f(i, q)).join(" "));
  const join = (lines: readonly string[]) => lines.join("\n    ");
  return {
    name: `matmul_${layout}_texture_${rows}x${span}${storedName(weight)}${branchName(branch)}${epilogue.name}`,
    bindings: ["read", weight === "f16" ? "half_texture" : "texture", ...branchBindings(branch), ...epilogue.bindings],
    code: `enable subgroups;
requires readonly_and_readwrite_storage_textures;
struct Sizes { m: u32, n: u32, k: u32, lda: u32, ldc: u32, offsetA: u32, offsetC: u32, scale: f32,
  nextA: u32, nextB: u32, nextC: u32, pad0: u32${branchFields(branch)}${epilogueField(epilogue)} }
@group(0) @binding(0) var<storage, read> A: array<vec4<f32>>;
@group(0) @binding(1) var B: texture_storage_2d<${textureFormatOf(weight)}, read>;
@group(0) @binding(${own + epilogue.bindings.length}) var<uniform> d: Sizes;
${branchDeclarations(branch)}${epilogue.code(own, true)}@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let m0 = w.x * ${rows}u;
  let n0 = w.y * ${span}u;
  let lda4 = d.lda / 4u;
  let za = d.offsetA + w.z * d.nextA;
  let zb = w.z * d.nextB;
  let zc = d.offsetC + w.z * d.nextC;
  ${join(a.setup)}
  ${join(quads.map((q) => `let col${q} = min(${firstOf(q)}, d.n - 4u);`))}
  ${range(rows).flatMap((i) => range(columns).map((j) => `var c${i}_${j} = 0f;`)).join(" ")}
  for (var k = 0u; k < d.k; k += 4u) {
    ${join(a.loads)}
    ${join(bLoads)}
    ${
      join(
        range(rows).flatMap((i) =>
          steps.map((s) =>
            `{ let x = ${a.value(i, s)}; ` +
            range(columns).map((j) => `c${i}_${j} = fma(x, ${bValue(s, j)}, c${i}_${j});`).join(" ") + " }"
          )
        ),
      )
    }
  }
  ${subgroupBranch(branch, { lanes, rows, columns, columnOf: (j) => `${firstOf(j >> 2)} + ${j & 3}u` })}
  var results: array<vec4<f32>, ${rows * quads.length}>;
  ${
      join(cell((i, q) =>
        `results[${i * quads.length + q}] = vec4<f32>(${steps.map((e) => `c${i}_${q * 4 + e}`).join(", ")});`
      ))
    }
  var piece = 0u;
  for (var col = n0 + lane * 4u; col < min(n0 + ${span}u, d.n); col += ${lanes * 4}u) {
    prepare(zc + m0 * d.ldc + col);
    for (var row = m0; row < min(m0 + ${rows}u, d.m); row++) {
      epilogue(zc + row * d.ldc + col, results[(row - m0) * ${quads.length}u + piece] * d.scale);
    }
    piece++;
  }
}
`,
  };
}
