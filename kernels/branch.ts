/** How the second operand of a branch lies: `nn` V[r,n], `nt` V[n,r]; where both are in two blocks, twice. */
export type BranchLayout = "nn" | "nt" | "nn_nn" | "nt_nt";

/** How a kernel reads a branch: element by element, or as subgroups do by four neighbours, where all sizes are in fours. */
export type BranchForm = BranchLayout | "nn4" | "nt4" | "nn4_nn4" | "nt4_nt4";

const IN_FOURS = { nn: "nn4", nt: "nt4", nn_nn: "nn4_nn4", nt_nt: "nt4_nt4" } as const;

/** A block of a branch's operands: strides of stored rows, first elements, and strides from one cell to the next. */
export interface BranchBlock {
  readonly ldz: number;
  readonly ldv: number;
  readonly offsetZ: number;
  readonly offsetV: number;
  /** From one batch of rows to the next, and from one V to the next; 0 by default. */
  readonly nextZ?: number;
  readonly nextV?: number;
}

/**
 * A narrow product Z·V, Z `[m, r]`, that is added to a wide one in the same pass, the way LoRA's branch is to its
 * base: each element's chain of fma over k goes on over r.
 */
export interface Branch extends BranchBlock {
  readonly layout: BranchLayout;
  /** Length of the chain that is added. */
  readonly r: number;
  /**
   * Rows of Z that have one V, a multiple of {@linkcode CELL_ROWS}; all of a batch by default. The rows of several cells
   * then are one product with their shared base, and each cell's have a V of its own.
   */
  readonly rows?: number;
  /** Where the chain goes on in blocks of their own, and after how many steps. */
  readonly second?: BranchBlock & { readonly from: number };
}

/** No kernel computes rows of two cells in one tile where a cell has a multiple of so many. */
export const CELL_ROWS = 32;

const hasTwoBlocks = (branch: BranchForm) => branch.includes("_");
const isByFours = (branch: BranchForm) => branch.includes("4");

/** How subgroups read a branch beside a product with `n` columns, of which each lane has whole fours where `isQuad`. */
export function branchForm(branch: Branch, { n, isQuad }: { n: number; isQuad: boolean }): BranchForm {
  const { layout, r, second } = branch;
  const blocks = second ? [branch, second] : [branch];
  const sizes = blocks.flatMap((
    { ldz, ldv, offsetZ, offsetV, nextZ = 0, nextV = 0 },
  ) => [ldz, ldv, offsetZ, offsetV, nextZ, nextV]);
  const fits = [r, second?.from ?? 0, ...sizes].every((size) => size % 4 === 0) &&
    (layout.startsWith("nt") || isQuad && n % 4 === 0);
  return fits ? IN_FOURS[layout] : layout;
}

/** Buffers of a branch, after those of A and B: Z and V, then those of the second block. */
export const branchBindings = (branch?: BranchForm): readonly "read"[] =>
  branch ? Array.from({ length: hasTwoBlocks(branch) ? 4 : 2 }, () => "read") : [];

/** What a branch adds to a kernel's name. */
export const branchName = (branch?: BranchForm) => branch ? `_plus_${branch}` : "";

/** Fields of the kernel's uniforms for a branch, with their comma. */
export function branchFields(branch?: BranchForm): string {
  if (!branch) return "";
  const block = (number: string) => ["ldz", "ldv", "offsetZ", "offsetV", "nextZ", "nextV"].map((name) => name + number);
  const first = ["r", "turn", "cellRows", "pad2", ...block(""), "pad3", "pad4"];
  const names = hasTwoBlocks(branch) ? [...first, ...block("1"), "pad5", "pad6"] : first;
  return names.map((name) => `, ${name}: u32`).join("");
}

/** Words of those fields. */
export function branchWords(branch?: Branch): readonly number[] {
  if (!branch) return [];
  const blockWords = (
    { ldz, ldv, offsetZ, offsetV, nextZ = 0, nextV = 0 }: BranchBlock,
  ) => [ldz, ldv, offsetZ, offsetV, nextZ, nextV, 0, 0];
  const { r, second, rows = 2 ** 32 - 1 } = branch;
  return [r, second?.from ?? r, rows, 0, ...blockWords(branch), ...second ? blockWords(second) : []];
}

/**
 * Declarations of Z and V, with functions that read them: bindings from 2 on. `batch` is the number of the product, `cell`
 * that of V, which {@linkcode branchCell} gives.
 */
export function branchDeclarations(branch?: BranchForm): string {
  if (!branch) return "";
  if (isByFours(branch)) return declarationsByFours(branch);
  const z = (block: string, k: string) =>
    `Z${block}[d.offsetZ${block} + batch * d.nextZ${block} + min(row, d.m - 1u) * d.ldz${block} + ${k}]`;
  const v = (block: string, k: string) => {
    const [column, stride] = ["min(col, d.n - 1u)", `d.ldv${block}`];
    const place = branch.startsWith("nt") ? `${column} * ${stride} + ${k}` : `${k} * ${stride} + ${column}`;
    return `V${block}[d.offsetV${block} + cell * d.nextV${block} + ${place}]`;
  };
  const hasTwo = hasTwoBlocks(branch);
  const buffers = (hasTwo ? ["", "1"] : [""]).flatMap((block) => [`Z${block}`, `V${block}`]);
  // z and v know the whole chain; a loop over one block is better off with the block's own.
  const chain = (name: string) => hasTwo ? `if (k >= d.turn) { return ${name}; } ` : "";
  const [row, column] = ["batch: u32, row: u32, k: u32", "cell: u32, k: u32, col: u32"];
  return `${
    buffers.map((name, i) => `@group(0) @binding(${2 + i}) var<storage, read> ${name}: array<f32>;\n`).join("")
  }fn z(${row}) -> f32 { ${chain("zOf1(batch, row, k)")}return ${z("", "k")}; }
fn v(${column}) -> f32 { ${chain("vOf1(cell, k, col)")}return ${v("", "k")}; }
${
    hasTwo
      ? `fn zOf0(${row}) -> f32 { return ${z("", "k")}; }
fn vOf0(${column}) -> f32 { return ${v("", "k")}; }
fn zOf1(${row}) -> f32 { return ${z("1", "(k - d.turn)")}; }
fn vOf1(${column}) -> f32 { return ${v("1", "(k - d.turn)")}; }
`
      : ""
  }`;
}

/** Z and V of each block by fours: `z` a row's steps from k on, `v` those of a column (nt), or a step's columns (nn). */
function declarationsByFours(branch: BranchForm): string {
  const blocks = hasTwoBlocks(branch) ? ["0", "1"] : ["0"];
  return blocks.map((block, i) => {
    const field = i === 0 ? "" : block;
    const k = i === 0 ? "k" : "(k - d.turn)";
    const v = branch.startsWith("nt")
      ? `min(col, d.n - 1u) * d.ldv${field} + ${k}`
      : `${k} * d.ldv${field} + min(col, d.n - 4u)`;
    return `@group(0) @binding(${2 + 2 * i}) var<storage, read> Z${field}: array<vec4<f32>>;
@group(0) @binding(${3 + 2 * i}) var<storage, read> V${field}: array<vec4<f32>>;
fn zOf${block}(batch: u32, row: u32, k: u32) -> vec4<f32> {
  return Z${field}[(d.offsetZ${field} + batch * d.nextZ${field} + min(row, d.m - 1u) * d.ldz${field} + ${k}) / 4u];
}
fn vOf${block}(cell: u32, k: u32, col: u32) -> vec4<f32> {
  return V${field}[(d.offsetV${field} + cell * d.nextV${field} + ${v}) / 4u];
}
`;
  }).join("");
}

/** WGSL that says whose V a row has, in the product number `w.z`. */
export const branchCell = (row: string) => `let cell = ${row} / d.cellRows + w.z;`;

/** A subgroup's tile whose element of row i and the lane's column j is `c<i>_<j>`; its columns start where `columnOf` says. */
interface BranchTile {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly columnOf: (j: number) => string;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The loop of a block, a step for each turn. */
function loopByOne(block: string, [start, end]: readonly string[], { lanes, rows, columns, columnOf }: BranchTile) {
  const panels = range(Math.ceil(rows / lanes));
  return `for (var k = ${start}; k < ${end}; k++) {
    ${panels.map((p) => `let z${p} = z${block}(w.z, m0 + (lane + ${p * lanes}u) % ${rows}u, k);`).join(" ")}
    ${range(columns).map((j) => `let v${j} = v${block}(cell, k, ${columnOf(j)});`).join("\n    ")}
    ${
    range(rows).map((i) =>
      `{ let x = subgroupBroadcast(z${Math.floor(i / lanes)}, ${i % lanes}u); ` +
      range(columns).map((j) => `c${i}_${j} = fma(x, v${j}, c${i}_${j});`).join(" ") + " }"
    ).join("\n    ")
  }
  }`;
}

/** The loop of a block, four steps for each turn. */
function loopByFours(
  branch: BranchForm,
  block: string,
  [start, end]: readonly string[],
  { lanes, rows, columns, columnOf }: BranchTile,
) {
  const panels = range(Math.ceil(rows / lanes));
  const isAlongK = branch.startsWith("nt");
  const loads = isAlongK
    ? range(columns).map((j) => `let v${j} = vOf${block}(cell, k, ${columnOf(j)});`)
    : range(4).flatMap((s) =>
      range(columns / 4).map((q) => `let v${s}_${q} = vOf${block}(cell, k + ${s}u, ${columnOf(4 * q)});`)
    );
  const valueOf = (s: number, j: number) => isAlongK ? `v${j}.${"xyzw"[s]}` : `v${s}_${j >> 2}.${"xyzw"[j & 3]}`;
  return `for (var k = ${start}; k < ${end}; k += 4u) {
    ${panels.map((p) => `let z${p} = zOf${block}(w.z, m0 + (lane + ${p * lanes}u) % ${rows}u, k);`).join(" ")}
    ${loads.join("\n    ")}
    ${
    range(rows).flatMap((i) =>
      range(4).map((s) =>
        `{ let x = subgroupBroadcast(z${Math.floor(i / lanes)}.${"xyzw"[s]}, ${i % lanes}u); ` +
        range(columns).map((j) => `c${i}_${j} = fma(x, ${valueOf(s, j)}, c${i}_${j});`).join(" ") + " }"
      )
    ).join("\n    ")
  }
  }`;
}

/** The loop of a branch, one for each block, in a subgroup's tile: rows sit in lanes and are handed round. */
export function subgroupBranch(branch: BranchForm | undefined, tile: BranchTile): string {
  if (!branch) return "";
  const bounds = hasTwoBlocks(branch) ? [["0u", "d.turn"], ["d.turn", "d.r"]] : [["0u", "d.r"]];
  const loops = bounds.map((ends, i) =>
    isByFours(branch)
      ? loopByFours(branch, String(i), ends, tile)
      : loopByOne(hasTwoBlocks(branch) ? `Of${i}` : "", ends, tile)
  );
  return `${branchCell("m0")}\n  ${loops.join("\n  ")}`;
}
