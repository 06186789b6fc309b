import type { MatmulLayout, MatmulTile } from "./matmul.ts";

/** Components of a vec4. */
const PARTS = "xyzw";

/** A matrix that the subgroups of a product hand round: each of its rows meets all lanes. */
export interface PanelSource {
  /** What its pieces are called. */
  readonly name: "a" | "b";
  /** Whether it is stored by steps of k, neighbours among its rows side by side; else by rows. */
  readonly isTransposed: boolean;
  /** Its first element, the first row of the tile, and how many rows it has. */
  readonly origin: string;
  readonly first: string;
  readonly size: string;
  /** How far stored rows are apart, in elements and in fours. */
  readonly stride: string;
  readonly strideInFours: string;
  /** Its four elements number `at`. */
  load(at: string): string;
}

/** How a tile reads what is handed round. */
export interface Panels {
  readonly setup: readonly string[];
  readonly loads: readonly string[];
  /** What all lanes multiply by in a row at a step. */
  value(row: number, step: number): string;
}

/**
 * How a subgroup's tile reads what it hands round: four steps of k for each turn, every element once. Piece p of lane l is
 * number l + p · lanes of the tile's rows (stored by rows: a row's four k; by steps: four rows' k).
 */
export function panelsOf(source: PanelSource, { lanes, rows }: MatmulTile): Panels {
  const { name, isTransposed, origin, first, size, stride, strideInFours, load } = source;
  const panels = Array.from({ length: Math.ceil(rows / lanes) }, (_, p) => p);
  return {
    setup: panels.map((p) => {
      const i = `(lane + ${p * lanes}u)`;
      const at = isTransposed
        ? `${origin} / 4u + min(${first} / 4u + ${i} % ${rows / 4}u, ${size} / 4u - 1u)`
        : `(${origin} + min(${first} + ${i} % ${rows}u, ${size} - 1u) * ${stride}) / 4u`;
      return `${isTransposed ? `let ${name}${p}k = ${i} / ${rows / 4}u; ` : ""}let ${name}t${p} = ${at};`;
    }),
    loads: panels.map((p) => {
      const step = isTransposed ? `(k + min(${name}${p}k, 3u)) * ${strideInFours}` : "k / 4u";
      return `let ${name}${p} = ${load(`${name}t${p} + ${step}`)};`;
    }),
    value(row, step) {
      const number = isTransposed ? step * (rows / 4) + (row >> 2) : row;
      const part = PARTS[isTransposed ? row & 3 : step];
      return `subgroupBroadcast(${name}${Math.floor(number / lanes)}.${part}, ${number % lanes}u)`;
    },
  };
}

/** How a subgroup's tile reads A, whose first element is number `origin`; `lda4` is the stride of its rows in fours. */
export function panelsOfA(layout: MatmulLayout, tile: MatmulTile, origin: string): Panels {
  return panelsOf({
    name: "a",
    isTransposed: layout === "tn",
    origin,
    first: "m0",
    size: "d.m",
    stride: "d.lda",
    strideInFours: "lda4",
    load: (at) => `A[${at}]`,
  }, tile);
}
