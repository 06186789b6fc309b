/** How the second operand of a branch lies: `nn` V[r,n], `nt` V[n,r]. */
export type BranchLayout = "nn" | "nt";

/**
 * A narrow product Z·V, Z `[m, r]`, that is added to a wide one in the same pass, as LoRA's branch is to its base: each
 * element's chain of fma over k goes on over r.
 */
export interface Branch {
  readonly layout: BranchLayout;
  /** Length of the chain that is added. */
  readonly r: number;
  /** Strides of stored rows and first elements. */
  readonly ldz: number;
  readonly ldv: number;
  readonly offsetZ: number;
  readonly offsetV: number;
}

/** Buffers of a branch, after those of A and B. */
export const branchBindings = (branch?: BranchLayout) => branch ? ["read", "read"] as const : [];

/** What a branch adds to a kernel's name. */
export const branchName = (branch?: BranchLayout) => branch ? `_plus_${branch}` : "";

/** Fields of the kernel's uniforms for a branch, with their comma. */
export function branchFields(branch?: BranchLayout): string {
  const names = ["r", "ldz", "ldv", "offsetZ", "offsetV", "pad2", "pad3", "pad4"];
  return branch ? names.map((name) => `, ${name}: u32`).join("") : "";
}

/** Words of those fields. */
export function branchWords(branch?: Branch): readonly number[] {
  return branch ? [branch.r, branch.ldz, branch.ldv, branch.offsetZ, branch.offsetV, 0, 0, 0] : [];
}

/** Declarations of Z and V, with functions that read them: bindings 2 and 3. */
export function branchDeclarations(branch?: BranchLayout): string {
  if (!branch) return "";
  const place = branch === "nt" ? "min(col, d.n - 1u) * d.ldv + k" : "k * d.ldv + min(col, d.n - 1u)";
  return `@group(0) @binding(2) var<storage, read> Z: array<f32>;
@group(0) @binding(3) var<storage, read> V: array<f32>;
fn z(row: u32, k: u32) -> f32 { return Z[d.offsetZ + min(row, d.m - 1u) * d.ldz + k]; }
fn v(k: u32, col: u32) -> f32 { return V[d.offsetV + ${place}]; }
`;
}

/**
 * The loop of a branch in a subgroup's tile whose element of row i and the lane's column j is `c<i>_<j>`: rows sit in
 * lanes and are handed round, the lane's columns start where `columnOf` says.
 */
export function subgroupBranch(
  branch: BranchLayout | undefined,
  { lanes, rows, columns, columnOf }: {
    readonly lanes: number;
    readonly rows: number;
    readonly columns: number;
    readonly columnOf: (j: number) => string;
  },
): string {
  if (!branch) return "";
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const panels = range(Math.ceil(rows / lanes));
  return `for (var k = 0u; k < d.r; k++) {
    ${panels.map((p) => `let z${p} = z(m0 + (lane + ${p * lanes}u) % ${rows}u, k);`).join(" ")}
    ${range(columns).map((j) => `let v${j} = v(k, ${columnOf(j)});`).join("\n    ")}
    ${
    range(rows).map((i) =>
      `{ let x = subgroupBroadcast(z${Math.floor(i / lanes)}, ${i % lanes}u); ` +
      range(columns).map((j) => `c${i}_${j} = fma(x, v${j}, c${i}_${j});`).join(" ") + " }"
    ).join("\n    ")
  }
  }`;
}
