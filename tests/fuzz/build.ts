import * as linalg from "../../lib/linalg/mod.ts";
import * as nn from "../../lib/nn/mod.ts";
import { mark } from "../../lib/ops/identity.ts";
import * as ops from "../../lib/ops/mod.ts";
import { adamw, applyUpdates, type Optimizer, sgd } from "../../lib/optim/mod.ts";
import { allocate, type Tensor, tensor, type Tree, treeFlatten, treeUnflatten } from "../../lib/tensor/mod.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { pullBack, record } from "../../lib/transform/differentiate.ts";
import { grad, valueAndGrad, vjp } from "../../lib/transform/mod.ts";
import { allAtOnce, oneByOne } from "./cells.ts";
import {
  fromPlain,
  isName,
  isNumberWord,
  type Leaf,
  type Loop,
  namesIn,
  numberLeaves,
  type PlainArg,
  type Program,
  type ProgramNode,
  type Segment,
} from "./program.ts";
import { hasRule, type Manner, reversed, shownNames, transformed, type Values } from "./transforms.ts";

export type { Manner, Values };

/** What one step gives. */
export interface StepResult {
  readonly outputs: Tensor[];
  /** Derivatives, in the order of `derive.by`; none where an optimizer takes them. */
  readonly derivatives: Tensor[];
  /** Leaves of the next step. */
  readonly carried: Record<string, Tensor>;
  /** The optimizer's next state. */
  readonly optimizer: Tree;
}

/** Operations by their names in programs. */
export const OPERATIONS: ReadonlyMap<string, (...args: never[]) => unknown> = new Map(
  [
    ...Object.entries(ops),
    ...Object.entries({ random: ops.random, nn, linalg }).flatMap(([space, functions]) =>
      Object.entries(functions).map(([name, f]) => [`${space}.${name}`, f] as const)
    ),
  ].flatMap(([name, f]) => typeof f === "function" ? [[name, f as (...args: never[]) => unknown]] : []),
);

/** The elements of a leaf. */
export function elementsOf({ dtype, shape, values }: Leaf): ReturnType<typeof allocate> {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = fromPlain(values[i % values.length]);
  return data;
}

/** The tensor of a leaf as host data. */
export function hostTensor(leaf: Leaf): Tensor {
  return tensor(elementsOf(leaf), { shape: leaf.shape, dtype: leaf.dtype });
}

function resolve(arg: PlainArg, values: Values): unknown {
  if (isName(arg)) {
    const value = values[arg];
    if (value === undefined) throw new Error(`a program uses ${arg} before it is there`);
    return value;
  }
  if (isNumberWord(arg)) return fromPlain(arg);
  if (Array.isArray(arg)) return arg.map((part) => resolve(part, values));
  if (typeof arg === "object" && arg !== null) {
    return Object.fromEntries(Object.entries(arg).map(([key, part]) => [key, resolve(part, values)]));
  }
  return arg;
}

/** Calls the operation of a node. */
export function callNode({ op, args, part }: ProgramNode, values: Values): Tensor {
  const f = OPERATIONS.get(op) as ((...args: unknown[]) => unknown) | undefined;
  if (!f) throw new Error(`there is no operation ${op}`);
  const result = f(...args.map((arg) => resolve(arg, values)));
  return (part === undefined ? result : (result as Record<number | string, Tensor>)[part]) as Tensor;
}

const RANGES: Readonly<Partial<Record<string, readonly [number, number]>>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
};

/** The values with integers as f32 where a node has a number beside them that no such integer is: nothing is cut. */
function promoted({ args }: ProgramNode, values: Values): Values {
  const numbers = args.filter((arg) => typeof arg === "number" || isNumberWord(arg)).map((arg) => Number(arg));
  const changed = args.filter(isName).flatMap((name) => {
    const range = RANGES[values[name]?.dtype];
    const isCut = range && numbers.some((x) => !(Number.isInteger(x) && x >= range[0] && x <= range[1]));
    return isCut ? [[name, ops.cast(values[name], "f32")] as const] : [];
  });
  return { ...values, ...Object.fromEntries(changed) };
}

/** Operations that take a number beside a tensor. */
const TAKES_NUMBERS = new Set([
  ...["add", "sub", "mul", "div", "pow", "maximum", "minimum", "where"],
  ...["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"],
]);

function callNodes(
  program: Program,
  given: Values,
  { from, to, manner }: { readonly from: number; readonly to: number; readonly manner: Manner },
): Record<string, Tensor> {
  const values: Record<string, Tensor> = { ...given };
  for (const [k, node] of program.nodes.slice(from, to).entries()) {
    const operands = manner === "plain" && TAKES_NUMBERS.has(node.op) ? promoted(node, values) : values;
    values[`n${from + k}`] = callNode(node, operands);
  }
  return values;
}

/** Computes a segment inside of its transforms; it takes and gives records. */
function callSegment(
  program: Program,
  segment: Segment,
  { values, manner }: { values: Values; manner: Manner },
): Values {
  const { from, to } = segment;
  const used = new Set(program.nodes.slice(from, to).flatMap(({ args }) => namesIn(args)));
  const given = Object.fromEntries(Object.entries(values).filter(([name]) => used.has(name)));
  const names = Array.from({ length: to - from }, (_, i) => `n${from + i}`);
  const inside = (inputs: Values): Values => {
    const made = callNodes(program, inputs, { from, to, manner });
    return Object.fromEntries(names.map((name) => [name, made[name]]));
  };
  const site = { manner, shared: numberLeaves(program), last: `n${to - 1}`, derives: program.derive !== undefined };
  return transformed(segment, inside, site)(given);
}

/** The same values, where each that is the very tensor of one of `others` is a tensor of its own, as a segment gives it. */
function apart(values: Values, others: Values): Values {
  const taken = new Set(Object.values(others));
  const names = Object.keys(values).filter((name) => !(name in others));
  return Object.fromEntries(names.map((name) => [name, taken.has(values[name]) ? mark(values[name]) : values[name]]));
}

/** All values of a program by name. */
export function buildValues(program: Program, leaves: Values, manner: Manner): Values {
  const { nodes, segment } = program;
  if (!segment) return callNodes(program, leaves, { from: 0, to: nodes.length, manner });
  const before = callNodes(program, leaves, { from: 0, to: segment.from, manner });
  const made = callSegment(program, segment, { values: before, manner });
  const inside = { ...before, ...manner === "plain" ? apart(made, before) : made };
  return callNodes(program, inside, { from: segment.to, to: nodes.length, manner });
}

const RATE = 1 / 16;

/** The optimizer of a loop. */
export function optimizerOf({ optimizer }: Loop): Optimizer {
  if (optimizer === "adamw") return adamw({ learningRate: RATE, weightDecay: 1 / 32, epsilon: 1 / 256 });
  return sgd({ learningRate: RATE, momentum: optimizer === "momentum" ? 0.5 : 0 });
}

/**
 * What a rule of one's own adds to a function that is differentiated without it, as a scalar: nothing but a cotangent of 0
 * for each value and each input of the segment. Rules compute with zeros where a result has no cotangent, and 0 times an
 * infinite derivative is NaN. A rule of whose results none has a cotangent is not called.
 */
function zerosOfRule(program: Program, values: Values): Tensor | undefined {
  const { nodes, segment, derive } = program;
  if (!segment || !hasRule(segment)) return undefined;
  const isDerived = ({ dtype }: Tensor) => dtype === "f32" || dtype === "f16";
  const made = Array.from({ length: segment.to - segment.from }, (_, i) => values[`n${segment.from + i}`])
    .filter(isDerived);
  const of = derive!.of.map((name) => values[name]);
  const cotangents = pullBack(record(of, made), of.map(({ shape }) => ops.ones(shape)));
  if (cotangents.every((cotangent) => cotangent === undefined)) return undefined;
  const used = new Set(nodes.slice(segment.from, segment.to).flatMap(({ args }) => namesIn(args)));
  const given = [...used].map((name) => values[name]).filter(isDerived);
  return [...new Set([...made, ...given])]
    .map((value) => ops.sum(ops.mul(ops.cast(value, "f32"), 0)))
    .reduce((a, b) => ops.add(a, b));
}

/** Derivatives beside all values: the rule of a program's `derive`. */
function differentiate(program: Program, leaves: Values, manner: Manner): { values: Values; derivatives: Values } {
  const { kind, by, of, cotangents = [] } = program.derive!;
  const sources = Object.fromEntries(by.map((name) => [name, leaves[name]]));
  const valuesAt = (inputs: Values) => buildValues(program, { ...leaves, ...inputs }, manner);
  if (kind === "grad") {
    const loss = (inputs: Values) => {
      const values = valuesAt(inputs);
      const zeros = manner === "plain" ? zerosOfRule(program, values) : undefined;
      return { value: zeros ? ops.add(values[of[0]], zeros) : values[of[0]], aux: values };
    };
    const { grad, aux } = valueAndGrad(loss, { hasAux: true })(sources);
    return { values: aux as Values, derivatives: grad as Values };
  }
  if (manner === "plain") {
    const weighted = (inputs: Values) => {
      const values = valuesAt(inputs);
      const terms = of.map((name, i) => ops.sum(ops.mul(values[name], leaves[cotangents[i]])));
      return [...terms, zerosOfRule(program, values) ?? []].flat().reduce((a, b) => ops.add(a, b));
    };
    return { values: valuesAt({}), derivatives: grad(weighted)(sources) as Values };
  }
  const { value, pullback } = vjp((inputs: Values) => {
    const values = valuesAt(inputs);
    return Object.fromEntries(of.map((name, i) => [`${i}:${name}`, values[name]]));
  }, sources);
  const weights = Object.fromEntries(of.map((name, i) => [`${i}:${name}`, leaves[cotangents[i]]]));
  const derivatives = pullback(reversed(weights))[0] as Values;
  const named = Object.fromEntries(of.map((name, i) => [name, (value as Values)[`${i}:${name}`]]));
  return { values: { ...valuesAt({}), ...named }, derivatives };
}

/** One step of a program. */
export function buildStep(program: Program, leaves: Values, optimizerState: Tree, manner: Manner): StepResult {
  const { cells } = program;
  if (!cells || (manner === "plain" && !cells.shows)) return stepAlone(program, leaves, { optimizerState, manner });
  const { leaves: moments, structure } = treeFlatten(optimizerState);
  const names = moments.map((_, i) => `s${i}`);
  const step = (inputs: Values) =>
    stepAlone(program, inputs, {
      optimizerState: treeUnflatten(structure, names.map((name) => inputs[name])),
      manner,
    });
  const inputs = { ...leaves, ...Object.fromEntries(names.map((name, i) => [name, moments[i]])) };
  const given = { inputs, shared: numberLeaves(program) };
  const { one, all } = (manner === "plain" ? oneByOne : allAtOnce)(cells, step, given);
  return cells.shows ? { ...one, outputs: [...one.outputs, ...all.outputs] } : one;
}

/** One step of one cell. */
function stepAlone(
  program: Program,
  leaves: Values,
  { optimizerState, manner }: { readonly optimizerState: Tree; readonly manner: Manner },
): StepResult {
  const { derive, loop, outputs } = program;
  const { values, derivatives } = derive
    ? differentiate(program, leaves, manner)
    : { values: buildValues(program, leaves, manner), derivatives: {} };
  const carried: Record<string, Tensor> = Object.fromEntries(
    loop?.carry.map(([leaf, value]) => [leaf, values[value]]) ?? [],
  );
  let next: Tree = null;
  if (loop?.optimizer) {
    const params = Object.fromEntries(derive!.by.map((name) => [name, leaves[name]]));
    const { updates, state } = optimizerOf(loop).update(derivatives, optimizerState, params);
    Object.assign(carried, applyUpdates(params, updates));
    next = state;
  }
  return {
    outputs: [...outputs, ...shownNames(values)].map((name) => values[name]),
    // What an optimizer takes is no result: as one it would be computed apart from the update.
    derivatives: loop?.optimizer ? [] : derive?.by.map((name) => derivatives[name]) ?? [],
    carried,
    optimizer: next,
  };
}

/** The optimizer's first state. */
export function firstOptimizerState({ loop, derive }: Program, leaves: Values): Tree {
  if (!loop?.optimizer) return null;
  return optimizerOf(loop).init(Object.fromEntries(derive!.by.map((name) => [name, leaves[name]])));
}

/** What a program gives after its last step, in one fixed order. */
export function resultsOf({ outputs, derivatives, carried, optimizer }: StepResult): Tree {
  return { outputs, derivatives, carried, optimizer };
}
