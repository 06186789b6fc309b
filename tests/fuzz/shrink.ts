import { treeLeaves } from "../../lib/tensor/mod.ts";
import { buildValues } from "./build.ts";
import { inOrder, interpret } from "./interpret.ts";
import {
  type Cells,
  fromPlain,
  isName,
  leafIndex,
  mapNames,
  namesIn,
  type PlainArg,
  type Program,
  type ProgramNode,
  toPlain,
  type Transform,
  type Turns,
} from "./program.ts";
import { hostLeaves } from "./plain.ts";
import { unnoticed } from "./unnoticed.ts";

/** Changes the names of values everywhere in a program but in its nodes' own places. */
function renamed(program: Program, change: (name: string) => string): Program {
  const { outputs, derive, loop } = program;
  return {
    ...program,
    nodes: program.nodes.map((node) => ({ ...node, args: node.args.map((arg) => mapNames(arg, change)) })),
    outputs: outputs.map(change),
    ...derive && {
      derive: {
        ...derive,
        by: derive.by.map(change),
        of: derive.of.map(change),
        ...derive.cotangents && { cotangents: derive.cotangents.map(change) },
      },
    },
    ...loop && { loop: { ...loop, carry: loop.carry.map(([leaf, value]) => [change(leaf), change(value)] as const) } },
  };
}

/** Drops the leaves and nodes that nothing needs. */
export function pruned(program: Program): Program {
  const { leaves, nodes, outputs, derive, loop, segment } = program;
  const needed = new Set<string>();
  const stack = [...outputs, ...derive ? [...derive.by, ...derive.of, ...derive.cotangents ?? []] : []];
  // Carried leaves that nothing else needs are not looked at, but leave as results: what they carry stays.
  for (const pair of loop?.carry ?? []) stack.push(...pair);
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    const leaf = leafIndex(name);
    if (leaf === undefined) stack.push(...nodes[Number(name.slice(1))].args.flatMap(namesIn));
    else if (leaves[leaf].same !== undefined) stack.push(`a${leaves[leaf].same}`);
  }
  const kept = (prefix: string, count: number) => [...Array(count).keys()].filter((i) => needed.has(prefix + i));
  const [keptLeaves, keptNodes] = [kept("a", leaves.length), kept("n", nodes.length)];
  const changed = renamed(program, (name) => {
    const list = name[0] === "a" ? keptLeaves : keptNodes;
    return needed.has(name) ? `${name[0]}${list.indexOf(Number(name.slice(1)))}` : name;
  });
  const place = (limit: number) => keptNodes.filter((i) => i < limit).length;
  const { segment: _, ...rest } = changed;
  const cut = segment && { ...segment, from: place(segment.from), to: place(segment.to) };
  return {
    ...rest,
    leaves: keptLeaves.map((i) => {
      const { same, ...leaf } = leaves[i];
      return same === undefined ? leaf : { ...leaf, same: keptLeaves.indexOf(same) };
    }),
    nodes: keptNodes.map((i) => changed.nodes[i]),
    ...cut && cut.to > cut.from && { segment: cut },
  };
}

/** The program without a node: one of its operands, or a leaf, stands in its place. */
function withoutNode(program: Program, index: number, stand: string): Program {
  const name = `n${index}`;
  // The node stays where it is, used by nothing, until it is pruned.
  const nodes = program.nodes.map((node, i) => i === index ? { op: "zeros", args: [[]] } : node);
  return pruned(renamed({ ...program, nodes }, (other) => other === name ? stand : other));
}

/** The program with a node's value, as float64 has it, as a leaf. */
function withLeafFor(program: Program, index: number): Program | undefined {
  const name = `n${index}`;
  const leaf = unnoticed(() => {
    const tensor = buildValues(program, hostLeaves(program), "plain")[name];
    const { data } = interpret(inOrder(treeLeaves(tensor))).get(tensor)!;
    const values = Array.from(data, (x) => toPlain(tensor.dtype === "f32" ? Math.fround(x) : x));
    return { dtype: tensor.dtype, shape: tensor.shape, values, given: "host" as const };
  });
  return withoutNode({ ...program, leaves: [...program.leaves, leaf] }, index, `a${program.leaves.length}`);
}

/** Replaces a size by another one in shapes, those among arguments too. */
function resized(program: Program, from: number, to: number): Program {
  const inList = (list: readonly number[]) => list.map((size) => size === from ? to : size);
  const inArg = (arg: PlainArg): PlainArg => {
    if (Array.isArray(arg)) return arg.map((part) => part === from ? to : inArg(part));
    if (typeof arg === "object" && arg !== null && !isName(arg)) {
      return Object.fromEntries(Object.entries(arg).map(([key, part]) => [key, inArg(part)]));
    }
    return arg;
  };
  return {
    ...program,
    leaves: program.leaves.map((leaf) => ({ ...leaf, shape: inList(leaf.shape) })),
    nodes: program.nodes.map((node): ProgramNode => ({ ...node, args: node.args.map(inArg) })),
  };
}

/** Fewer cells, or such that say less. */
function* smallerCells<T extends Cells>(cells: T): Generator<T> {
  if (cells.shows) yield { ...cells, shows: false };
  for (const count of [1, 2]) {
    if (count < cells.count) yield { ...cells, count, cell: Math.min(cells.cell, count - 1) };
  }
  if (cells.out !== 0) yield { ...cells, out: 0 };
  for (const axes of [[0], [null, 0], [0, null]]) {
    if (axes.length < cells.axes.length) yield { ...cells, axes };
  }
  for (const i of cells.axes.keys()) {
    for (const axis of [0, null]) if (cells.axes[i] !== axis) yield { ...cells, axes: cells.axes.with(i, axis) };
  }
  for (const beside of [["equal"], ["flipped"]] as const) {
    if (cells.beside.some((other) => other !== beside[0])) yield { ...cells, beside };
  }
}

/** Fewer turns, or such that say less. */
function* smallerTurns<T extends Turns>(turns: T): Generator<T> {
  if (turns.shows) yield { ...turns, shows: false };
  if (turns.saysLength) yield { ...turns, saysLength: false };
  if (turns.reverse) yield { ...turns, reverse: false };
  for (const count of [1, 2]) {
    if (count < turns.count) yield { ...turns, count, turn: Math.min(turns.turn, count - 1) };
  }
  if (turns.turn > 0) yield { ...turns, turn: 0 };
  const simple = ["shared", "row", "kept"] as const;
  for (const handed of simple) if (turns.inputs.length > 1) yield { ...turns, inputs: [handed] };
  for (const [i, handed] of turns.inputs.entries()) {
    const place = simple.findIndex((other) => other === handed);
    for (const other of place < 0 ? simple : simple.slice(0, place)) {
      yield { ...turns, inputs: turns.inputs.with(i, other) };
    }
  }
  for (const beside of [["equal"], ["flipped"]] as const) {
    if (turns.beside.some((other) => other !== beside[0])) yield { ...turns, beside };
  }
}

/** Fewer transforms around a function. */
function* smallerTransforms(transform: Transform): Generator<Transform> {
  const { inside, ...outer } = transform;
  if (inside) {
    yield outer;
    yield inside;
    for (const other of smallerTransforms(inside)) yield { ...outer, inside: other };
  }
  const smaller = outer.kind === "vmap" ? smallerCells(outer) : outer.kind === "scan" ? smallerTurns(outer) : [];
  for (const other of smaller) yield { ...other, ...inside && { inside } };
}

/** The program with fewer transforms, or shorter segments, or fewer cells. */
function* withLessAround(program: Program): Generator<Program> {
  const { segment, cells } = program;
  if (segment) {
    const { from, to, ...transform } = segment;
    for (const other of smallerTransforms(transform)) yield { ...program, segment: { ...other, from, to } };
    if (to - from > 1) {
      yield { ...program, segment: { ...segment, from: from + 1 } };
      yield { ...program, segment: { ...segment, to: to - 1 } };
    }
  }
  if (cells) { for (const other of smallerCells(cells)) yield { ...program, cells: other }; }
}

/** Smaller programs, the much smaller ones first. */
export function* smaller(program: Program): Generator<Program> {
  const { leaves, nodes, outputs, derive, loop, segment, ...rest } = program;
  const without = (parts: Partial<Record<keyof Program, undefined>>) =>
    pruned(JSON.parse(JSON.stringify({ ...program, ...parts })) as Program);
  if (loop) yield without({ loop: undefined });
  if (derive && !loop?.optimizer) yield without({ derive: undefined });
  if (segment) yield without({ segment: undefined });
  if (rest.cells) yield without({ cells: undefined });
  if (loop?.optimizer) {
    yield pruned({ ...program, loop: { steps: loop.steps, carry: loop.carry } });
    if (loop.optimizer !== "sgd") yield { ...program, loop: { ...loop, optimizer: "sgd" } };
  }
  if (loop && loop.steps > 1) {
    yield { ...program, loop: { ...loop, steps: 1 } };
    yield { ...program, loop: { ...loop, steps: loop.steps - 1 } };
  }
  if (rest.jit) yield { ...program, jit: false, leaves: leaves.map(({ donated: _, ...leaf }) => leaf) };
  for (const i of rest.trials?.keys() ?? []) yield { ...program, trials: rest.trials!.toSpliced(i, 1) };
  if (rest.disposes) yield without({ disposes: undefined });
  if (outputs.length > 1) {
    for (const output of new Set(outputs)) yield pruned({ ...program, outputs: [output] });
    for (const i of outputs.keys()) yield pruned({ ...program, outputs: outputs.toSpliced(i, 1) });
  }
  if (outputs.length === 1 && (derive || loop)) yield pruned({ ...program, outputs: [] });
  for (const i of loop?.carry.keys() ?? []) {
    yield pruned({ ...program, loop: { ...loop!, carry: loop!.carry.toSpliced(i, 1) } });
  }
  if (derive && derive.by.length > 1) {
    for (const i of derive.by.keys()) {
      yield pruned({ ...program, derive: { ...derive, by: derive.by.toSpliced(i, 1) } });
    }
  }
  if (derive && derive.of.length > 1) {
    for (const i of derive.of.keys()) {
      const cotangents = derive.cotangents && { cotangents: derive.cotangents.toSpliced(i, 1) };
      yield pruned({ ...program, derive: { ...derive, of: derive.of.toSpliced(i, 1), ...cotangents } });
    }
  }
  yield* withLessAround(program);
  for (let i = nodes.length - 1; i >= 0; i--) {
    for (const name of new Set(nodes[i].args.flatMap(namesIn))) yield withoutNode(program, i, name);
    try {
      const replaced = withLeafFor(program, i);
      if (replaced) yield replaced;
    } catch {
      // a program that cannot be built has no value there
    }
  }
  for (const [i, leaf] of leaves.entries()) {
    const changed = (change: Partial<typeof leaf>) => ({ ...program, leaves: leaves.with(i, { ...leaf, ...change }) });
    const { donated, same, ...plain } = leaf;
    if (same !== undefined) yield { ...program, leaves: leaves.with(i, donated ? { ...plain, donated } : plain) };
    if (donated) yield { ...program, leaves: leaves.with(i, same === undefined ? plain : { ...plain, same }) };
    if (leaf.given !== "host") yield changed({ given: "host" });
  }
  const sizes = new Set(leaves.flatMap(({ shape }) => shape));
  for (const size of [...sizes].sort((a, b) => b - a)) {
    for (const other of [1, 2, 3, size >> 1]) if (other < size && other > 0) yield resized(program, size, other);
  }
  for (const [i, leaf] of leaves.entries()) {
    if (leaf.values.length > 1) {
      yield { ...program, leaves: leaves.with(i, { ...leaf, values: leaf.values.slice(0, leaf.values.length >> 1) }) };
    }
    const whole = leaf.values.map((value) =>
      Number.isFinite(fromPlain(value)) ? Math.ceil(fromPlain(value)) || 1 : value
    );
    if (whole.some((value, k) => value !== leaf.values[k])) {
      yield { ...program, leaves: leaves.with(i, { ...leaf, values: whole }) };
    }
  }
}

/** Makes a program as small as it goes while it fails in the same way. */
export async function shrink(
  program: Program,
  fails: (candidate: Program) => Promise<boolean>,
  options: { readonly tries?: number } = {},
): Promise<Program> {
  let { tries = 400 } = options;
  let current = pruned(program);
  if (!await fails(current)) current = program;
  search: while (true) {
    for (const candidate of smaller(current)) {
      if (tries-- <= 0) return current;
      if (!await fails(candidate)) continue;
      current = candidate;
      continue search;
    }
    return current;
  }
}
