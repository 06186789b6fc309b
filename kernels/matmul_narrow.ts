import { type Epilogue, storeResult } from "./epilogue.ts";
import { type StoredAs, storedElement, storedName } from "./half.ts";
import type { Kernel } from "./kernel.ts";
import { matmulBindings, matmulDeclarations, type MatmulLayout, type MatmulTile, ORIGINS } from "./matmul.ts";
import { panelsOf } from "./panels.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const PARTS = "xyzw";

/**
 * A product with few columns, such as those by a factor of low rank, with the bits of {@linkcode matmulSubgroup}, whose
 * lanes share columns and would mostly lie idle: here they share rows. One subgroup computes `lanes · tile.columns` rows
 * of C by `tile.rows` columns. The operands change places: B is handed round, and each lane loads rows of A of its own.
 * Sizes are in fours as there; `epilogue` has width 4 where those of C are, too.
 */
export function matmulNarrow(
  layout: MatmulLayout,
  tile: MatmulTile,
  epilogue: Epilogue = storeResult(4),
  weight: StoredAs = "f32",
): Kernel {
  const { lanes, rows: wide, columns: own } = tile;
  const span = lanes * own;
  const isScalar = epilogue.width === 1;
  const quads = range(own / 4);
  // B lies by its columns in nt, and by steps of k otherwise, as A does in tn.
  const b = panelsOf({
    name: "b",
    isTransposed: layout !== "nt",
    origin: "zb",
    first: "n0",
    size: "d.n",
    stride: "d.ldb",
    strideInFours: "(d.ldb / 4u)",
    load: (at) => storedElement(weight, "B", at),
  }, tile);
  // A lane's rows: four neighbours and four more, lanes apart.
  const rowOf = (j: number) => `m0 + (lane + ${(j >> 2) * lanes}u) * 4u + ${j & 3}u`;
  const setup = layout === "tn"
    ? quads.map((q) => `let at${q} = za / 4u + min(m0 / 4u + lane + ${q * lanes}u, d.m / 4u - 1u);`)
    : range(own).map((j) => `let at${j} = (za + min(${rowOf(j)}, d.m - 1u) * d.lda) / 4u;`);
  const loads = layout === "tn"
    ? range(4).flatMap((s) => quads.map((q) => `let x${s}_${q} = A[at${q} + (k + ${s}u) * (d.lda / 4u)];`))
    : range(own).map((j) => `let x${j} = A[at${j} + k / 4u];`);
  const valueOf = (s: number, j: number) => layout === "tn" ? `x${s}_${j >> 2}.${PARTS[j & 3]}` : `x${j}.${PARTS[s]}`;
  const pieces = isScalar ? wide : wide / 4;
  const piece = (j: number, p: number) =>
    isScalar ? `c${p}_${j}` : `vec4<f32>(${range(4).map((e) => `c${4 * p + e}_${j}`).join(", ")})`;
  const join = (lines: readonly string[], indent = 4) => lines.join(`\n${" ".repeat(indent)}`);
  return {
    name: `matmul_${layout}_narrow_${span}x${wide}${isScalar ? "_scalar" : ""}${storedName(weight)}${epilogue.name}`,
    bindings: matmulBindings(epilogue),
    code: `enable subgroups;
${matmulDeclarations(4, epilogue, undefined, { weight })}@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
${ORIGINS}  let m0 = w.x * ${span}u;
  let n0 = w.y * ${wide}u;
  ${join(b.setup, 2)}
  ${join(setup, 2)}
  ${range(wide).flatMap((i) => range(own).map((j) => `var c${i}_${j} = 0f;`)).join(" ")}
  for (var k = 0u; k < d.k; k += 4u) {
    ${join(b.loads)}
    ${join(loads)}
    ${
      join(
        range(wide).flatMap((i) =>
          range(4).map((s) =>
            `{ let y = ${b.value(i, s)}; ` +
            range(own).map((j) => `c${i}_${j} = fma(${valueOf(s, j)}, y, c${i}_${j});`).join(" ") + " }"
          )
        ),
      )
    }
  }
  var results: array<${isScalar ? "f32" : "vec4<f32>"}, ${own * pieces}>;
  ${
      join(
        range(own).map((j) => range(pieces).map((p) => `results[${j * pieces + p}] = ${piece(j, p)};`).join(" ")),
        2,
      )
    }
  // Loops that count rows and columns of C, not from a constant: drivers would unroll them, and compile for long.
  for (var first = m0 + lane * 4u; first < min(m0 + ${span}u, d.m); first += ${4 * lanes}u) {
    for (var row = first; row < min(first + 4u, d.m); row++) {
      var at = ((first - m0) / ${4 * lanes}u * 4u + row - first) * ${pieces}u;
      for (var col = n0; col < min(n0 + ${wide}u, d.n); col += ${isScalar ? 1 : 4}u) {
        epilogue(zc + row * d.ldc + col, results[at] * d.scale);
        at++;
      }
    }
  }
}
`,
  };
}
