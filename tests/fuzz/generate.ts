import { sameShape } from "../../lib/tensor/shape.ts";
import { Numbers } from "../support/numbers.ts";
import { Draft, type Mood } from "./draft.ts";
import { drawCells, drawSegment } from "./draw_transforms.ts";
import { DRAWINGS } from "./operations.ts";
import { drawTrial } from "./trials.ts";
import { unnoticed } from "./unnoticed.ts";
import type { Derivation, Leaf, Loop, Program } from "./program.ts";

const NAMES = Object.keys(DRAWINGS);

/** What compilers get wrong of NaN and infinities most often. */
const ON_SPECIALS = ["equal", "notEqual", "less", "greaterEqual", "isNaN", "maximum", "min", "cast", "sub", "where"];

/** Adds one node by chance, and gives its name. */
function grow(draft: Draft, names: readonly string[] = NAMES): string | undefined {
  const op = draft.one(draft.mood === "special" && draft.chance(0.25) ? ON_SPECIALS : names);
  const drawn = DRAWINGS[op](draft);
  return drawn && draft.add({ op, ...drawn });
}

const isDifferentiable = (draft: Draft, name: string) =>
  draft.tensor(name).dtype === "f32" && !draft.numberLeaves.has(name);

/** The names of nodes that depend on one of some values. */
function dependents(draft: Draft, sources: readonly string[]): string[] {
  const found = new Set(sources);
  draft.nodes.forEach(({ args }, i) => {
    if ([...found].some((name) => JSON.stringify(args).includes(`"${name}"`))) found.add(`n${i}`);
  });
  return [...found].filter((name) => name[0] === "n");
}

/** Axes that a parameter of a layer keeps: the others are summed over in its derivative. */
function parameterShape(draft: Draft, shape: readonly number[]): number[] {
  const kept = shape.map((size) => draft.chance(0.5) ? size : 1);
  const front = kept.findIndex((size) => size !== 1);
  return draft.chance(0.6) ? kept.slice(front < 0 ? kept.length : front) : kept;
}

/** A layer with parameters of its own on a value: a scale and a shift along any axes, or a product. */
function layer(draft: Draft, x: string): { readonly result: string | undefined; readonly parameters: string[] } {
  const { shape } = draft.tensor(x);
  const parameter = (of: readonly number[]) => {
    const name = draft.leaf("f32", of);
    return name;
  };
  if (shape.length === 2 && draft.chance(0.4)) {
    const w = parameter([shape[1], draft.between(1, 9)]);
    return { result: draft.add({ op: "matmul", args: [x, w] }), parameters: [w] };
  }
  const kept = parameterShape(draft, shape);
  const [scale, shift] = [parameter(kept), parameter(draft.chance(0.7) ? kept : parameterShape(draft, shape))];
  const scaled = draft.add({ op: "mul", args: [x, scale] });
  const result = scaled && draft.add({ op: "add", args: [scaled, shift] });
  return { result, parameters: [scale, shift] };
}

/** A scale and a shift along the middle axis of three or four, in derivatives sums over the axes around it. */
function channels(draft: Draft, x: string): { readonly result: string | undefined; readonly parameters: string[] } {
  const { shape } = draft.tensor(x);
  const kept = [shape[1], ...shape.slice(2).map(() => 1)];
  const parameters = [draft.leaf("f32", kept), draft.leaf("f32", kept)];
  const scaled = draft.add({ op: "mul", args: [x, parameters[0]] });
  return { result: scaled && draft.add({ op: "add", args: [scaled, parameters[1]] }), parameters };
}

/** Adds layers with parameters to a value. */
function train(draft: Draft): { readonly result: string; readonly parameters: readonly string[] } {
  const hasChannels = draft.chance(0.4);
  let result = hasChannels
    ? draft.leaf("f32", Array.from({ length: draft.between(3, 4) }, () => draft.between(2, 9)))
    : draft.value({ dtypes: ["f32"], where: ({ rank }) => rank > 0 }, () => draft.shape(draft.between(1, 4)));
  const parameters: string[] = [];
  for (let i = draft.between(1, 3); i > 0; i--) {
    const made = hasChannels ? channels(draft, result) : layer(draft, result);
    parameters.push(...made.parameters);
    result = made.result ?? result;
    if (draft.chance(0.4)) {
      result = draft.add({ op: draft.one(["tanh", "relu", "gelu", "sigmoid"]), args: [result] }) ?? result;
    }
  }
  return { result, parameters };
}

/** A scalar that depends on all of a value. */
function scalarOf(draft: Draft, value: string): string | undefined {
  const squared = draft.add({ op: draft.one(["square", "sin", "abs"]), args: [value] }) ?? value;
  return draft.add({ op: draft.one(["mean", "mean", "sum"]), args: [squared] });
}

/** Derivatives of some of what was drawn. */
function derivation(draft: Draft, parameters: readonly string[], result: string | undefined): Derivation | undefined {
  const floats = [...draft.tensors.keys()].filter((name) => name[0] === "a" && isDifferentiable(draft, name));
  const by = parameters.length > 0 ? [...parameters] : draft.some(floats, 0.6);
  if (by.length === 0) return undefined;
  if (draft.chance(0.7) || parameters.length > 0) {
    const reached = dependents(draft, by).filter((name) => isDifferentiable(draft, name));
    const value = result ?? (reached.length > 0 ? draft.one(reached) : draft.one(by));
    const loss = scalarOf(draft, value);
    return loss === undefined || !isScalar(draft, loss) ? undefined : { kind: "grad", by, of: [loss] };
  }
  const reached = dependents(draft, by).filter((name) => isDifferentiable(draft, name));
  if (reached.length === 0) return undefined;
  const of = [...new Set(Array.from({ length: draft.between(1, 3) }, () => draft.one(reached)))];
  return { kind: "vjp", by, of, cotangents: of.map((name) => draft.leaf("f32", draft.tensor(name).shape)) };
}

const isScalar = (draft: Draft, name: string) => draft.tensor(name).size === 1 && isDifferentiable(draft, name);

/** Leaves with what may take their place: a value of the same shape and dtype. */
function carries(draft: Draft, taken: ReadonlySet<string>): Loop["carry"] {
  const carry: (readonly [string, string])[] = [];
  const leaves = [...draft.tensors.keys()].filter((name) =>
    name[0] === "a" && !taken.has(name) && !draft.numberLeaves.has(name)
  );
  for (const leaf of draft.some(leaves, 0.5)) {
    const { shape, dtype } = draft.tensor(leaf);
    // A leaf that is a number would make a number of the next step's tensor.
    const fits = [...draft.tensors].filter(([name, other]) =>
      other.dtype === dtype && sameShape(other.shape, shape) && !draft.numberLeaves.has(name)
    );
    const nodes = fits.filter(([name]) => name[0] === "n");
    if (nodes.length > 0) carry.push([leaf, draft.one(draft.chance(0.85) ? nodes : fits)[0]]);
    else if (dtype === "f32" && draft.chance(0.5)) {
      const moved = draft.add({ op: "mul", args: [leaf, 0.5] });
      if (moved) carry.push([leaf, moved]);
    }
  }
  return carry;
}

/** Hands one leaf's tensor over under a second name, where another leaf is like it. */
function withTwins(draft: Draft, leaves: readonly Leaf[]): Leaf[] {
  const result: Leaf[] = [];
  for (const leaf of leaves) {
    const twins = result.flatMap((other, i) =>
      other.dtype === leaf.dtype && sameShape(other.shape, leaf.shape) && other.same === undefined ? [i] : []
    );
    const isTwin = leaf.given !== "number" && twins.length > 0 && draft.chance(0.15);
    const same = isTwin ? draft.one(twins) : undefined;
    const first = same === undefined ? undefined : result[same];
    const isTensor = first !== undefined && first.given !== "number";
    result.push(isTensor ? { ...leaf, values: first.values, given: first.given, same } : leaf);
  }
  return result;
}

/** What a program gives: some of its values, the last one always, perhaps a leaf, perhaps one twice. */
function outputsOf(draft: Draft): string[] {
  const names = [...draft.tensors.keys()].filter((name) => !draft.numberLeaves.has(name));
  const nodes = names.filter((name) => name[0] === "n");
  const used = new Set(
    draft.nodes.flatMap(({ args }) => JSON.stringify(args).match(/"n\d+"/g) ?? []).map((name) => JSON.parse(name)),
  );
  const ends = nodes.filter((name) => !used.has(name));
  const outputs = [...draft.some(ends, 0.9), ...draft.some(nodes, 0.1)];
  if (draft.chance(0.15)) outputs.push(draft.one(names));
  if (outputs.length > 0 && draft.chance(0.15)) outputs.push(draft.one(outputs));
  if (outputs.length === 0) outputs.push(names[names.length - 1]);
  return draft.shuffled(outputs);
}

/** A program by its number: the same number gives the same program. */
export function generate(seed: number): Program {
  return unnoticed(() => draw(seed));
}

function draw(seed: number): Program {
  const numbers = new Numbers(seed);
  // The first numbers of near seeds are near each other.
  for (let i = 0; i < 4; i++) numbers.next();
  const mood: Mood = numbers.next() < 0.5 ? "plain" : numbers.next() < 0.4 ? "whole" : "special";
  const draft = new Draft(numbers, mood);
  for (let tries = draft.between(3, 22); tries > 0; tries--) grow(draft);
  const trains = draft.chance(0.3) ? train(draft) : undefined;
  const derives = trains !== undefined || draft.chance(0.3);
  const derive = derives ? derivation(draft, trains?.parameters ?? [], trains?.result) : undefined;
  const optimizer = trains && derive && draft.chance(0.7)
    ? draft.one(["sgd", "momentum", "adamw"] as const)
    : undefined;
  const carry = optimizer || draft.chance(0.25) ? carries(draft, new Set(derive?.by)) : [];
  const loop = optimizer || carry.length > 0 ? { steps: draft.between(1, 3), carry, optimizer } : undefined;
  const jit = draft.chance(0.65);
  const donates = jit && draft.chance(0.6);
  const segment = drawSegment(draft, derive !== undefined);
  const cells = draft.chance(segment?.kind === "scan" ? 0.25 : 0.1) ? drawCells(draft, false) : undefined;
  const outputs = outputsOf(draft);
  const leaves = withTwins(draft, draft.leaves).map((leaf): Leaf =>
    donates && leaf.given !== "number" && draft.chance(0.8) ? { ...leaf, donated: true } : leaf
  );
  return {
    leaves,
    nodes: draft.nodes,
    outputs,
    ...segment && { segment },
    ...cells && { cells },
    ...derive && { derive },
    ...loop && { loop },
    jit,
    ...!jit && draft.chance(0.4) && { disposes: true },
    ...draft.chance(0.2) && { trials: [drawTrial(draft)] },
  };
}
