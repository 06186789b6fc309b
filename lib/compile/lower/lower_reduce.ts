import { type Combine, fusedGrid, fusedReduce, type ReduceStyle } from "../../../kernels/fused.ts";
import type { Scalar } from "../../../kernels/fused_source.ts";
import { linearGrid } from "../../../kernels/kernel.ts";
import { bitsOf } from "../../tensor/dtype.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { permuteView, type View } from "../../tensor/view.ts";
import type { Command, Layout, Lowered } from "./command.ts";
import { type Cluster, reductionOf, takeApart } from "../fuse/cluster.ts";
import { Fused, nameOf, viewInJoined } from "./fused_kernel.ts";
import { isWhole } from "../graph/graph.ts";
import { spreadOf, whole } from "./spread.ts";

interface ReducePlan {
  readonly style: ReduceStyle;
  readonly width: 1 | 4;
  /** Rows or columns that remain. */
  readonly kept: number;
  readonly reduced: number;
  /** Parts of a row or column that are reduced apart, and then together. */
  readonly chunks: number;
  readonly chunk: number;
}

/** How a reduction is spread: a pure function of its sizes, so that the order of summation is, too. */
function planReduce(direction: "row" | "column", kept: number, reduced: number): ReducePlan {
  const width = (direction === "row" ? reduced : kept) % 4 === 0 ? 4 : 1;
  if (direction === "row") {
    if (reduced <= 128 && kept >= 16) return { style: "threadRow", width, kept, reduced, chunks: 1, chunk: reduced };
    const wanted = kept < 8 ? Math.min(64, Math.ceil(reduced / 8192)) : 1;
    const chunk = Math.ceil(reduced / wanted / width) * width;
    return { style: "groupRow", width, kept, reduced, chunks: Math.ceil(reduced / chunk), chunk };
  }
  const wanted = Math.max(1, Math.min(Math.ceil(reduced / 32), Math.ceil(2048 / Math.ceil(kept / width))));
  const chunk = Math.ceil(reduced / wanted);
  return { style: "column", width, kept, reduced, chunks: Math.ceil(reduced / chunk), chunk };
}

const NEUTRAL = { sum: 0, prod: 1, max: -Infinity, min: Infinity };

function neutralBits(combine: Combine, dtype: Scalar): number {
  if (dtype === "f32" || combine === "sum" || combine === "prod") return bitsOf(NEUTRAL[combine], dtype);
  const [low, high] = dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return bitsOf(combine === "max" ? low : high, dtype);
}

function reduceCommand(
  name: string,
  fused: Fused,
  plan: ReducePlan,
  combine: Combine,
  value: string,
  output: { binding: number; dtype: Scalar; offset: number },
  several: Several,
): Command {
  const { style, width, kept, reduced, chunks, chunk } = plan;
  const across = style === "column" ? kept / width : chunks;
  const groups = style === "column" ? chunks * across : style === "groupRows" ? kept / 4 : kept * chunks;
  const { count, first, step, stepOut } = several;
  // Columns are written as many at once as they are read.
  const unit = style === "column" ? width : 1;
  const header = [groups, reduced, across, chunk, neutralBits(combine, output.dtype), first, step, stepOut / unit];
  const [x, y] = style.startsWith("group") ? linearGrid(groups) : fusedGrid(groups);
  return {
    kernel: fusedReduce(`${name}_${style}`, fused.program(), {
      combine,
      style,
      value,
      output: { ...output, value, mode: "linear", rank: 0, exact: false },
    }),
    grid: [x, y, count],
    uniforms: fused.uniforms(header, [Uint32Array.of(output.offset / unit)]),
    places: fused.places,
  };
}

/**
 * A view `[kept, reduced]` with so many kept axes as `[kept / 4, reduced, 4]`, where four rows beside each other have their
 * elements side by side: as columns of a part of a larger tensor do, which is no whole one.
 */
function byFourRows({ shape, strides, offset }: View, keptAxes: number): View | undefined {
  const last = keptAxes - 1;
  const others = strides.filter((_, axis) => axis !== last);
  const isBeside = last >= 0 && strides[last] === 1 && shape[last] % 4 === 0 &&
    [offset, ...others].every((step) => step % 4 === 0);
  if (!isBeside) return undefined;
  return {
    shape: [...shape.with(last, shape[last] / 4), 4],
    strides: [...strides.with(last, 4), 1],
    offset,
  };
}

/** How many reductions run at once, and how their elements and results lie. */
interface Several {
  readonly count: number;
  readonly first: number;
  readonly step: number;
  readonly stepOut: number;
}

/** A reduction by itself. */
const ALONE: Several = { count: 1, first: 0, step: 0, stepOut: 0 };

/** A reduction with what flows into it, as one dispatch or as two where it is done in chunks. */
export function lowerReduce(cluster: Cluster, layout: Layout): Lowered {
  const { products } = cluster;
  if (!products) return lowerOneOrSeveral(cluster, layout, { several: ALONE, offset: 0 });
  const [read, made] = [products.map(({ others }) => others[0]), products.map(({ results }) => results[0])].map((
    column,
  ) => spreadOf(column.map(whole), (node) => layout.placeOf(node)));
  if (!read || !made) throw new Error("internal: joined reductions lie in several memories");
  const several = { count: products.length, first: read.first, step: read.step, stepOut: made.step };
  const template = takeApart(cluster).find(({ nodes }) => nodes.includes(products[0].kernel))!;
  return lowerOneOrSeveral(template, layout, { several, offset: made.first });
}

function lowerOneOrSeveral(
  cluster: Cluster,
  layout: Layout,
  { several: joined, offset }: { readonly several: Several; readonly offset: number },
): Lowered {
  const node = cluster.nodes[cluster.nodes.length - 1];
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "reduce") throw new Error("internal: a reduction's cluster ends with something else");
  const { axes, cells, ...reduction } = reductionOf(node);
  const [operand] = node.inputs;
  const isPrologue = cluster.nodes.length > 1;
  const direction = isWhole(operand) ? reduction.direction : undefined;
  const reduced = sizeOf(axes.map((axis) => operand.view.shape[axis]));
  // One cell alone decides how each is summed; the rows of all are rows, the columns of each run by themselves.
  const ofCell = planReduce(direction ?? "row", node.size / cells, reduced);
  const ofAll = direction === "column" ? ofCell : { ...ofCell, kept: node.size };
  const isJoined = joined !== ALONE;
  const several = direction === "column" && cells !== 1
    ? { count: cells, first: 0, step: ofAll.kept * reduced, stepOut: ofAll.kept }
    : joined;
  // Axes that lie between others go last in the operand's view.
  const kept = operand.view.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const permuted = isPrologue || direction ? undefined : permuteView(operand.view, [...kept, ...axes]);
  const isOneGroup = !isJoined && ofAll.style === "groupRow" && ofAll.width === 4 && ofAll.chunks === 1;
  const fourRows = permuted && isOneGroup ? byFourRows(permuted, kept.length) : undefined;
  const plan: ReducePlan = fourRows ? { ...ofAll, style: "groupRows" } : ofAll;
  // Positions in a permuted view are no places in memory: the way from one reduction to the next is an axis in front.
  const ahead: View | undefined = permuted && isJoined
    ? {
      shape: [several.count, ...permuted.shape],
      strides: [several.step, ...permuted.strides],
      offset: permuted.offset + several.first,
    }
    : fourRows ?? permuted;
  const read = permuted && isJoined ? { ...several, first: 0, step: sizeOf(permuted.shape) } : several;
  const fused = new Fused(plan.width, layout, (one) => isJoined ? viewInJoined(one, layout) : one.view);
  for (const part of cluster.nodes.slice(0, -1)) fused.compute(part, cluster);
  const value = ahead ? fused.load({ node: operand.node, view: ahead }) : fused.value(operand);
  const name = nameOf(cluster);
  const { combine } = lowering;
  if (plan.chunks === 1) {
    const output = { binding: fused.binding(node, "read_write"), dtype: node.dtype };
    return {
      commands: [reduceCommand(name, fused, plan, combine, value, { ...output, offset }, read)],
      scratch: [],
    };
  }
  fused.bindings.push({ dtype: node.dtype, access: "read_write" });
  fused.places.push({ scratch: 0 });
  const first = reduceCommand(name, fused, plan, combine, value, {
    binding: fused.bindings.length - 1,
    dtype: node.dtype,
    offset: 0,
  }, { ...read, stepOut: plan.kept * plan.chunks });
  // Second pass over [kept, chunks] or [chunks, kept].
  const second: ReducePlan = plan.style === "column"
    ? { ...plan, reduced: plan.chunks, chunks: 1, chunk: plan.chunks }
    : {
      style: "threadRow",
      width: plan.chunks % 4 === 0 ? 4 : 1,
      kept: plan.kept,
      reduced: plan.chunks,
      chunks: 1,
      chunk: plan.chunks,
    };
  const rest = new Fused(second.width, layout);
  rest.bindings.push({ dtype: node.dtype, access: "read" });
  rest.places.push({ scratch: 0 });
  rest.inputs.push({ binding: 0, dtype: node.dtype, mode: "linear", rank: 0, exact: false });
  rest.inputWords.push(Uint32Array.of(0));
  const output = { binding: rest.binding(node, "read_write"), dtype: node.dtype };
  return {
    commands: [
      first,
      reduceCommand(combine, rest, second, combine, "x0", { ...output, offset }, {
        ...several,
        first: 0,
        step: plan.kept * plan.chunks,
      }),
    ],
    scratch: [plan.kept * plan.chunks * several.count * 4],
  };
}
