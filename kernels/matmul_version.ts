import { fingerprint } from "./fingerprint.ts";
import { matmulNaive, matmulSubgroup, matmulTiled } from "./matmul.ts";
import { matmulTexture } from "./matmul_texture.ts";

/**
 * A word that changes with the text of the kernels of products: what was measured of other texts says nothing of these.
 */
export function matmulVersion(): string {
  const tile = { lanes: 8, rows: 8, columns: 4 };
  const layouts = ["nn", "tn", "nt"] as const;
  const kernels = [
    ...layouts.flatMap((layout) => [matmulNaive(layout), matmulTiled(layout), matmulSubgroup(layout, tile)]),
    matmulTexture("nn", tile),
    matmulTexture("nt", tile),
  ];
  return fingerprint(kernels.map(({ code }) => code));
}
