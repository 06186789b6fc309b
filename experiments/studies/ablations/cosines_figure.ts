import * as Plot from "@observablehq/plot";
import { mean } from "simple-statistics";
import { COLOURS, figureSvg } from "../../../lib/experiment/figures/figure.ts";
import type { ChangeRow } from "./changes.ts";

/** Cosine similarity of W_0 and W_T by layer: runs as dots beside each other by method, and lines through their means, as SVG. */
export function cosinesFigure(rows: readonly ChangeRow[], { title }: { readonly title: string }): string {
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const methods = [...new Set(rows.map(({ method }) => method))];
  // Methods lie beside each other around their layer, so that none covers another.
  const placeOf = ({ layer, method }: Pick<ChangeRow, "layer" | "method">) =>
    layers.indexOf(layer) + 0.1 * (methods.indexOf(method) - (methods.length - 1) / 2);
  const dots = rows.map((row) => ({ ...row, at: placeOf(row) }));
  const means = [...Map.groupBy(dots, ({ method, at }) => `${method} ${at}`).values()]
    .map((own) => ({ method: own[0].method, at: own[0].at, cosine: mean(own.map(({ cosine }) => cosine)) }));
  return figureSvg({
    title,
    height: 340,
    marginLeft: 60,
    color: { domain: methods, range: COLOURS, legend: true },
    x: {
      label: "layer",
      ticks: layers.map((_, i) => i),
      tickFormat: (i: number) => layers[i],
      domain: [-0.5, layers.length - 0.5],
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: { label: "cosine of W₀ and W_T", grid: true, labelAnchor: "center", labelArrow: "none" },
    marks: [
      Plot.dot(dots, { x: "at", y: "cosine", stroke: "method", r: 2, strokeOpacity: 0.5 }),
      Plot.line(means, { x: "at", y: "cosine", z: "method", stroke: "method", strokeWidth: 1.5 }),
      Plot.dot(means, { x: "at", y: "cosine", fill: "method", r: 4 }),
    ],
  });
}
