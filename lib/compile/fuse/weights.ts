import type { Primitive } from "../../ops/primitive.ts";
import type { Node } from "../graph/graph.ts";

/** Characters of a function that weigh as much as a node: it is compiled anew wherever a kernel calls it. */
const CHARACTERS = 256;

function weightOf({ lowering }: Primitive): number {
  const prelude = lowering.kind === "map" ? lowering.prelude?.(1) ?? "" : "";
  return 1 + Math.round(prelude.length / CHARACTERS);
}

/** How much of what a kernel may compute nodes take: sine, say, many times as much as a sum. */
export class Weights {
  readonly #known = new Map<Primitive, number>();

  /** The weight of a node: 1 of a simple one. */
  of({ primitive }: Node): number {
    const known = this.#known.get(primitive!);
    if (known !== undefined) return known;
    const weight = weightOf(primitive!);
    this.#known.set(primitive!, weight);
    return weight;
  }
}
