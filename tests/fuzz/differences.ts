import { primitiveOf } from "../../lib/ops/primitive.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import type { Numbers } from "../support/numbers.ts";
import { elementsOf } from "./build.ts";
import { plainStep } from "./plain.ts";
import { inOrder, interpret } from "./interpret.ts";
import { fromPlain, leafIndex, type Program } from "./program.ts";

/** How far points lie apart, in float64. */
const STEP = 2 ** -17;
/** Beyond this, float64 has too few digits left for a difference. */
const LARGEST = 2 ** 20;
/** Operations whose derivative is by definition not that of their value. */
const DEFINED = new Set(["stopGradient", "packHalf"]);

/**
 * Holds a program's derivatives against central differences in float64 along one random direction. Gives what is wrong,
 * in words; `undefined` where they agree, and where the function has an edge at that point.
 */
export function differencesFault(program: Program, noise: Numbers): string | undefined {
  const { derive } = program;
  if (!derive || program.leaves.some(({ same }) => same !== undefined)) return undefined;
  // Without a rule of one's own, which gives NaN also for what the function does not depend on.
  const { leaves, result } = plainStep({
    ...program,
    loop: undefined,
    segment: undefined,
    cells: undefined,
    outputs: derive.of,
  });
  const order = inOrder([...result.outputs, ...result.derivatives]);
  if (order.some(({ state }) => state.kind === "node" && DEFINED.has(primitiveOf(state).name))) return undefined;
  const exact = interpret(order);
  const isLarge = [...exact.values()].some(({ data }) => data.some((x) => Math.abs(x) > LARGEST));
  if (isLarge) return undefined;
  const sources = derive.by.map((name) => leaves[name]);
  const elements = derive.by.map((name) => Float64Array.from(elementsOf(program.leaves[leafIndex(name)!])));
  const directions = sources.map(({ size }) => Float64Array.from({ length: size }, () => noise.next() < 0.5 ? -1 : 1));
  const weights = derive.cotangents?.map((name) => program.leaves[leafIndex(name)!].values.map(fromPlain));
  const forward = inOrder(result.outputs);
  /** The function at a point along the direction. */
  const at = (distance: number) => {
    const moved = new Map<Tensor, Float64Array>(
      sources.map((source, i) => [source, elements[i].map((x, k) => x + distance * directions[i][k])]),
    );
    const values = interpret(forward, { leaves: moved });
    return result.outputs.reduce((total, output, i) => {
      const of = weights?.[i];
      return values.get(output)!.data.reduce((sum, x, k) => sum + x * (of ? of[k % of.length] : 1), total);
    }, 0);
  };
  const terms = sources.flatMap((_, i) =>
    Array.from(exact.get(result.derivatives[i])!.data, (slope, k) => slope * directions[i][k])
  );
  const got = terms.reduce((a, b) => a + b, 0);
  const [middle, ahead, behind, nearAhead, nearBehind] = [0, STEP, -STEP, STEP / 2, -STEP / 2].map(at);
  const wide = (ahead - behind) / (2 * STEP);
  const wanted = (nearAhead - nearBehind) / STEP;
  const scale = Math.abs(wanted) + terms.reduce((total, x) => total + Math.abs(x), 0) +
    2 ** -20 * (1 + Math.abs(middle));
  const isSmooth = Math.abs(wide - wanted) < 1e-4 * scale &&
    Math.abs((ahead - middle) - (middle - behind)) < 1e-2 * scale * STEP;
  if (!isSmooth || Math.abs(got - wanted) < 1e-2 * scale) return undefined;
  return `derivatives by ${derive.by.join(", ")} give ${got} along a direction in which differences give ${wanted}`;
}
