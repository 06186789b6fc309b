import { fingerprint } from "./fingerprint.ts";
import { matmulNaive, matmulSubgroup, matmulTiled } from "./matmul.ts";
import { matmulNarrow } from "./matmul_narrow.ts";
import { matmulTexture } from "./matmul_texture.ts";

/**
 * A word that changes with the text of the kernels of products: what was measured of other texts says nothing of these.
 */
export function matmulVersion(): string {
  const tile = { lanes: 8, rows: 8, columns: 4 };
  const layouts = ["nn", "tn", "nt"] as const;
  const stored = ["f32", "f16"] as const;
  const kernels = stored.flatMap((weight) => [
    ...layouts.flatMap((layout) => [
      matmulNaive(layout, undefined, undefined, weight),
      matmulTiled(layout, undefined, undefined, weight),
      matmulSubgroup(layout, tile, undefined, undefined, weight),
      matmulNarrow(layout, tile, undefined, weight),
    ]),
    matmulTexture("nn", tile, undefined, undefined, weight),
    matmulTexture("nt", tile, undefined, undefined, weight),
  ]);
  return fingerprint(kernels.map(({ code }) => code));
}
