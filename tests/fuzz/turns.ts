import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { sameShape } from "../../lib/tensor/shape.ts";
import { scan } from "../../lib/transform/mod.ts";
import { besideOf, type CellInputs, stacked } from "./cells.ts";
import type { Handed, Turns } from "./program.ts";

type Values = Readonly<Record<string, Tensor>>;
type Kind = Pick<Tensor, "shape" | "dtype" | "size">;

/** What a function of turns is given: tensors by names, and whether derivatives go through it. */
export interface TurnInputs extends CellInputs {
  readonly derives: boolean;
}

/** What a loop gives: the values of the turn that is taken on, those of all turns, and the last carry. */
export interface OfTurns {
  readonly one: Values;
  readonly all: Values;
  readonly carry: Values;
}

/** How each of a loop's inputs goes from turn to turn. */
export function handedBy(turns: Turns, inputs: Readonly<Record<string, Kind>>): Record<string, Handed> {
  const names = Object.keys(inputs).sort();
  const drawn = names.map((name, i): readonly [string, Handed] => {
    const { dtype } = inputs[name];
    const handed = turns.inputs[i % turns.inputs.length];
    // Loops take no f16; ids that are anything but the same ones may be ids of nothing.
    if (dtype === "f16") return [name, "shared"];
    return [name, dtype !== "f32" && (handed === "moved" || handed === "exchanged") ? "flipped" : handed];
  });
  return Object.fromEntries(drawn);
}

/** The input whose place a carried one takes in the next turn: itself, where there is no other of its shape. */
export function partnerOf(
  name: string,
  handed: Readonly<Record<string, Handed>>,
  inputs: Readonly<Record<string, Kind>>,
): string {
  const alike = Object.keys(inputs).sort().filter((other) =>
    handed[other] === "exchanged" && sameShape(inputs[other].shape, inputs[name].shape)
  );
  return alike[(alike.indexOf(name) + 1) % alike.length];
}

/** The value of a turn that moves a carried input: the last one of its shape, or else the mean of any. */
export function moverOf(
  input: Kind,
  made: Readonly<Record<string, Kind>>,
): { readonly name: string; readonly isMean: boolean } | undefined {
  // In the order of nodes, whatever order a transform gives them in.
  const names = Object.keys(made).sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  const floats = names.filter((name) => made[name].dtype === "f32" && made[name].size > 0);
  const alike = floats.findLast((name) => sameShape(made[name].shape, input.shape));
  const name = alike ?? floats.at(-1);
  return name === undefined ? undefined : { name, isMean: alike === undefined };
}

/** How a loop's inputs are handed on, and what each turn takes of those that are rows. */
function partsOf(turns: Turns, { inputs, shared }: CellInputs) {
  const tensors = Object.fromEntries(Object.entries(inputs).filter(([name]) => !shared.has(name)));
  const handed = handedBy(turns, tensors);
  const names = Object.keys(tensors).sort();
  const rows = Object.fromEntries(
    names.filter((name) => handed[name] === "row").map((name) => {
      const beside = turns.beside[names.indexOf(name) % turns.beside.length];
      const each = Array.from(
        { length: turns.count },
        (_, i) => i === turns.turn ? inputs[name] : besideOf(inputs[name], beside),
      );
      return [name, each] as const;
    }),
  );
  const carried = names.filter((name) => handed[name] !== "row" && handed[name] !== "shared");
  const carry: Values = Object.fromEntries(carried.map((name) => [name, inputs[name]]));
  /** What the next turn takes. */
  const next = (current: Values, made: Values): Values =>
    Object.fromEntries(carried.map((name) => {
      const x = current[name];
      if (handed[name] === "kept") return [name, x];
      if (handed[name] === "flipped") return [name, ops.flip(x)];
      if (handed[name] === "exchanged") return [name, current[partnerOf(name, handed, tensors)]];
      // Half of it and something within bounds: values of many turns stay within bounds, too.
      const mover = moverOf(x, made);
      const half = ops.mul(x, 0.5);
      if (!mover) return [name, half];
      const value = made[mover.name];
      return [name, ops.add(half, ops.mul(ops.tanh(mover.isMean ? ops.mean(value) : value), 0.25))];
    }));
  return { rows, carry, next };
}

/** Values as loops give them, which give no f16. */
const given = (made: Values): Values =>
  treeMap((x: Tensor) => x.dtype === "f16" ? ops.cast(x, "f32") : x, made as Tree) as Values;

/** Computes a function of named tensors turn after turn, by `scan`. */
export function inALoop(turns: Turns, f: (inputs: Values) => Values, inputs: TurnInputs): OfTurns {
  const { rows, carry, next } = partsOf(turns, inputs);
  const half = new Set<string>();
  const turn = (current: Values, row: Values): [Values, Values] => {
    const made = f({ ...inputs.inputs, ...current, ...row });
    for (const [name, { dtype }] of Object.entries(made)) if (dtype === "f16") half.add(name);
    return [next(current, made), given(made)];
  };
  const stacks = Object.fromEntries(Object.entries(rows).map(([name, each]) => [name, stacked(each, 0)]));
  const { count, reverse, saysLength } = turns;
  const hasRows = Object.keys(rows).length > 0;
  const [last, ys] = scan(turn, carry, stacks, { reverse, ...saysLength || !hasRows ? { length: count } : {} });
  const all = Object.fromEntries(
    Object.entries(ys).map(([name, x]) => [name, half.has(name) ? ops.cast(x, "f16") : x]),
  );
  return { one: taken(turns, all), all, carry: last };
}

/** Computes a function of named tensors in a loop of JavaScript, and stacks what it gives. */
export function turnByTurn(turns: Turns, f: (inputs: Values) => Values, inputs: TurnInputs): OfTurns {
  const { rows, carry: first, next } = partsOf(turns, inputs);
  const each: Values[] = [];
  let carry = first;
  for (let i = 0; i < turns.count; i++) {
    const turn = turns.reverse ? turns.count - 1 - i : i;
    const row = Object.fromEntries(Object.entries(rows).map(([name, parts]) => [name, parts[turn]]));
    each[turn] = f({ ...inputs.inputs, ...carry, ...row });
    carry = next(carry, each[turn]);
  }
  const [one, ...others] = each as Tree[];
  const all = treeMap((...parts: Tensor[]) => stacked(parts, 0), one, ...others) as Values;
  const reached = inputs.derives ? reaching(all, carry, first) : all;
  return { one: taken(turns, reached), all: reached, carry };
}

/**
 * The same values, which differentiate what the last turn handed on, with derivatives of 0: a loop computes with zeros
 * where that has no cotangent, and 0 times an infinite derivative is NaN.
 */
function reaching(all: Values, carry: Values, first: Values): Values {
  const moved = Object.entries(carry).filter(([name, x]) => x.dtype === "f32" && x.size > 0 && x !== first[name]);
  if (moved.length === 0) return all;
  const total = moved.map(([, x]) => ops.sum(x)).reduce((a, b) => ops.add(a, b));
  const always = ops.full([], 1, { dtype: "bool" });
  return treeMap((x: Tensor) => x.dtype === "f32" ? ops.where(always, x, total) : x, all as Tree) as Values;
}

const taken = ({ turn }: Turns, all: Values): Values =>
  treeMap((x: Tensor) => ops.select(x, { axis: 0, index: turn }), all as Tree) as Values;
