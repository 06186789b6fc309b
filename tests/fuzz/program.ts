import type { DType } from "../../lib/tensor/mod.ts";
import type { Trial } from "./trials.ts";

/** A number in JSON, with words for those that JSON has not. */
export type PlainNumber = number | "NaN" | "Infinity" | "-Infinity" | "-0";

/** What a node is called with: values by their names, numbers, words, and lists and options of these. */
export type PlainArg = PlainNumber | string | boolean | null | readonly PlainArg[] | {
  readonly [key: string]: PlainArg;
};

/**
 * How the tensor of a leaf is handed over: as host data, in a buffer of its own, as a node that nobody computed yet, as
 * another view of a buffer, or as a JavaScript number.
 */
export type Given = "host" | "device" | "pending" | "view" | "number";

/** An input of a program, called `a0`, `a1`, … by its position. */
export interface Leaf {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements in row-major order, from the front again where there are fewer than the shape has. */
  readonly values: readonly PlainNumber[];
  readonly given: Given;
  /** Whether a jitted function may take its memory. */
  readonly donated?: boolean;
  /** An earlier leaf whose very tensor this one is. */
  readonly same?: number;
}

/** One call of an operation, `n0`, `n1`, … by its position. */
export interface ProgramNode {
  /** Name in `lib/ops/mod.ts`, as in `add` or `random.uniform`. */
  readonly op: string;
  readonly args: readonly PlainArg[];
  /** Which of several results: its position, or its name. */
  readonly part?: number | string;
}

/** What an input is in another cell than the one that is taken on: f32 alone can be anything. */
export type Beside = "equal" | "flipped" | "scaled" | "NaN";

/** How a function is computed for several cells at once, of which one stands for the function called alone. */
export interface Cells {
  readonly count: number;
  /** The cell that is taken on. */
  readonly cell: number;
  /** The axis of each input that goes from cell to cell, in turns, modulo its axes; `null` where cells share it. */
  readonly axes: readonly (number | null)[];
  /** What inputs are in the other cells, in turns. */
  readonly beside: readonly Beside[];
  /** The axis of all results along which cells lie. */
  readonly out: 0 | -1;
  /** Whether results of all cells are looked at as well: each must be what the function gives alone. */
  readonly shows?: boolean;
}

/**
 * What an input is from turn to turn of a loop: a row of a stack, the same for all turns, or carried: then the next turn
 * takes the very tensor, it flipped, half of it and a share of what this turn made, or what another carried input was.
 */
export type Handed = "row" | "shared" | "kept" | "flipped" | "moved" | "exchanged";

/** How a function is computed turn after turn, of which one is taken on. */
export interface Turns {
  readonly count: number;
  /** The turn that is taken on: the place of its row, whose inputs are the function's own. */
  readonly turn: number;
  readonly reverse: boolean;
  /** How each input is handed on, in turns. */
  readonly inputs: readonly Handed[];
  /** What rows are in the other turns, in turns. */
  readonly beside: readonly Beside[];
  /** Whether the number of turns is said where rows say it already. */
  readonly saysLength?: boolean;
  /** Whether the rows of all turns and the last carry are looked at as well. */
  readonly shows?: boolean;
}

/** A transform around a function, with the one that is next to the function inside of it. */
export type Transform =
  & (
    | { readonly kind: "checkpoint" | "customVjp" }
    | { readonly kind: "vmap" } & Cells
    | { readonly kind: "scan" } & Turns
  )
  & { readonly inside?: Transform };

/** Consecutive nodes that are computed inside of a transformed function. */
export type Segment = Transform & {
  /** First node. */
  readonly from: number;
  /** The node after the last. */
  readonly to: number;
};

/** Derivatives that a program asks for, beside its outputs. */
export interface Derivation {
  readonly kind: "grad" | "vjp";
  /** Leaves by which it differentiates. */
  readonly by: readonly string[];
  /** What is differentiated: one scalar for `grad`. */
  readonly of: readonly string[];
  /** For `vjp`: the leaf that weighs each of those. */
  readonly cotangents?: readonly string[];
}

/** Steps in a row: results go back in as leaves. */
export interface Loop {
  readonly steps: number;
  /** Leaves with the values that take their place in the next step. */
  readonly carry: readonly (readonly [leaf: string, value: string])[];
  /** What moves the leaves by which the program differentiates. */
  readonly optimizer?: "sgd" | "momentum" | "adamw";
}

/** A program as plain data. */
export interface Program {
  readonly leaves: readonly Leaf[];
  readonly nodes: readonly ProgramNode[];
  /** Names of the values that are looked at, some more than once. */
  readonly outputs: readonly string[];
  readonly segment?: Segment;
  /** Where whole steps, derivatives and the optimizer with them, are computed for several cells at once. */
  readonly cells?: Cells;
  readonly derive?: Derivation;
  readonly loop?: Loop;
  /** Whether it is compiled by `jit`. */
  readonly jit: boolean;
  /** Whether everything but the outputs is disposed of while the outputs are pending; for programs without `jit`. */
  readonly disposes?: boolean;
  /** What is tried beforehand, which leaves no trace. */
  readonly trials?: readonly Trial[];
}

/** A number as it stands in JSON. */
export function toPlain(value: number): PlainNumber {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return (Object.is(value, -0) ? "-0" : String(value)) as PlainNumber;
}

/** The number that stands in JSON. */
export function fromPlain(value: PlainNumber): number {
  return Number(value);
}

const NAME = /^[an]\d+$/;
const NUMBER_WORD = /^(NaN|-?Infinity|-0)$/;

/** Whether a word in arguments names a value. */
export function isName(arg: PlainArg): arg is string {
  return typeof arg === "string" && NAME.test(arg);
}

/** Whether a word in arguments is a number. */
export function isNumberWord(arg: PlainArg): arg is PlainNumber {
  return typeof arg === "string" && NUMBER_WORD.test(arg);
}

/** Applies a function to the names in arguments; everything else stays. */
export function mapNames(arg: PlainArg, change: (name: string) => PlainArg): PlainArg {
  if (isName(arg)) return change(arg);
  if (Array.isArray(arg)) return arg.map((part) => mapNames(part, change));
  if (typeof arg === "object" && arg !== null) {
    return Object.fromEntries(Object.entries(arg).map(([key, part]) => [key, mapNames(part, change)]));
  }
  return arg;
}

/** The names in arguments. */
export function namesIn(arg: PlainArg): string[] {
  const names: string[] = [];
  mapNames(arg, (name) => {
    names.push(name);
    return name;
  });
  return names;
}

/** Whether `name` is a leaf, and which. */
export function leafIndex(name: string): number | undefined {
  return name[0] === "a" ? Number(name.slice(1)) : undefined;
}

/** Leaves that are JavaScript numbers. */
export function numberLeaves({ leaves }: Program): Set<string> {
  return new Set(leaves.flatMap(({ given }, i) => given === "number" ? [`a${i}`] : []));
}

/** Leaves that change from step to step: those carried, and those that the optimizer moves. */
export function stateLeaves({ loop, derive }: Program): Set<string> {
  const carried = loop?.carry.map(([leaf]) => leaf) ?? [];
  return new Set(loop?.optimizer ? [...carried, ...derive!.by] : carried);
}
