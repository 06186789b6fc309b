import { type DType, isFloat, stateOf, type Tensor } from "../../lib/tensor/mod.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import type { Numbers } from "../support/numbers.ts";
import { callNode, hostTensor } from "./build.ts";
import { inOrder, interpret } from "./interpret.ts";
import { type Leaf, type PlainArg, type PlainNumber, type ProgramNode, toPlain } from "./program.ts";

/** What the numbers of a program are like. */
export type Mood = "plain" | "whole" | "special";

/** Which value is wanted. */
export interface Wish {
  readonly dtypes?: readonly DType[];
  readonly where?: (tensor: Tensor) => boolean;
}

/** Elements of a leaf that are all there: longer ones repeat themselves after a prime number of them. */
const PERIOD = 127;
const MAX_SIZE = 4096;
const MAX_RANK = 5;
/** Larger results are drawn again, so that what follows still says something. */
const MAX_VALUE = 1e4;

/** A program that grows: leaves and nodes with their tensors, and what they are in float64. */
export class Draft {
  readonly leaves: Leaf[] = [];
  readonly nodes: ProgramNode[] = [];
  /** Leaves that are JavaScript numbers, which only operands can be. */
  readonly numberLeaves = new Set<string>();
  /** Tensors by name, in order of creation. */
  readonly tensors = new Map<string, Tensor>();
  readonly #values = new Map<string, Float64Array>();
  /** Sizes that axes of this program have. */
  readonly #sizes: readonly number[];

  constructor(readonly numbers: Numbers, readonly mood: Mood) {
    const common = () => this.one([2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 32, 33]);
    const rare = this.one([0, 0, 0, 1, 63, 64, 65, 257, 1025]);
    this.#sizes = [common(), common(), common(), 1, this.chance(0.4) ? rare : common()];
  }

  /** One of a list. */
  one<T>(list: readonly T[]): T {
    return list[this.numbers.below(list.length)];
  }

  chance(probability: number): boolean {
    return this.numbers.next() < probability;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.numbers.below(high - low + 1);
  }

  /** Some of a list, in its order. */
  some<T>(list: readonly T[], probability = 0.5): T[] {
    return list.filter(() => this.chance(probability));
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.numbers.below(i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }

  /** A size as this program's axes have it. */
  size(): number {
    return this.one(this.#sizes);
  }

  /** A shape of such sizes that is not too large. */
  shape(rank = this.one([0, 1, 1, 2, 2, 2, 3, 3, 4, 5])): number[] {
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      const size = this.size();
      shape.push(sizeOf(shape) * size <= MAX_SIZE ? size : 1);
    }
    return this.shuffled(shape);
  }

  tensor(name: string): Tensor {
    return this.tensors.get(name)!;
  }

  /** A number as operands are. */
  number(dtype: DType = "f32"): PlainNumber {
    if (dtype === "bool") return this.between(0, 1);
    if (dtype === "u32") return this.between(0, 5);
    if (dtype === "i32" || this.mood === "whole") return this.between(-5, 5);
    if (this.mood === "special" && this.chance(0.3)) {
      return this.one(["NaN", "Infinity", "-Infinity", "-0", 0] as const);
    }
    return this.one([0, 1, -1, 2, 0.5, -0.25, 0.1, 1.5, Math.fround(this.numbers.next() * 4 - 2)]);
  }

  /** A number as an operand; beside integers also one that they are not. */
  #numberBeside(dtype: DType): PlainNumber {
    const isOther = dtype !== "f32" && this.chance(0.3);
    return isOther ? this.one([0.5, 2.5, -1, 1e10, "Infinity", "-Infinity"] as const) : this.number(dtype);
  }

  /** A leaf that is a JavaScript number. */
  #numberLeaf(): string {
    const there = [...this.numberLeaves];
    if (there.length > 0 && this.chance(0.5)) return this.one(there);
    const name = this.addLeaf({ dtype: "f32", shape: [], values: [this.number()], given: "number" });
    this.numberLeaves.add(name);
    return name;
  }

  #element(dtype: DType): PlainNumber {
    if (dtype === "bool") return this.between(0, 1);
    if (dtype === "u32") return this.chance(0.02) ? 4294967295 : this.between(0, 9);
    if (dtype === "i32") return this.chance(0.02) ? this.one([2147483647, -2147483648]) : this.between(-9, 9);
    if (this.mood === "special" && this.chance(0.15)) {
      return this.one(["NaN", "NaN", "NaN", "Infinity", "-Infinity", "-0", 0, 1e10, -1e10, 1e-30, 88, -88] as const);
    }
    if (this.mood === "whole") return this.between(-3, 3);
    const value = this.numbers.next() * 4 - 2;
    return toPlain(dtype === "f16" ? Float16Array.of(value)[0] : Math.fround(value));
  }

  /** Adds a leaf and gives its name. */
  leaf(dtype: DType, shape: readonly number[], options: { readonly element?: () => PlainNumber } = {}): string {
    const size = sizeOf(shape);
    const values = Array.from({ length: Math.min(size, PERIOD) }, options.element ?? (() => this.#element(dtype)));
    const given = this.one(["host", "host", "device", "pending", "view"] as const);
    return this.addLeaf({ dtype, shape, values, given });
  }

  addLeaf(leaf: Leaf): string {
    const name = `a${this.leaves.length}`;
    this.leaves.push(leaf);
    const tensor = hostTensor(leaf);
    this.tensors.set(name, tensor);
    this.#values.set(name, Float64Array.from(leafData(tensor)));
    return name;
  }

  /** A value that is there and fits, the youngest most likely; `undefined` where there is none. */
  pick({ dtypes, where = () => true }: Wish = {}): string | undefined {
    const fits = [...this.tensors].filter(([name, tensor]) =>
      !this.numberLeaves.has(name) && (!dtypes || dtypes.includes(tensor.dtype)) && where(tensor)
    );
    if (fits.length === 0) return undefined;
    const back = this.chance(0.6) ? Math.min(fits.length, 3) : fits.length;
    return fits[fits.length - 1 - this.numbers.below(back)][0];
  }

  /** A value that fits, or a new leaf of some shape. */
  value(wish: Wish = {}, shape: () => readonly number[] = () => this.shape()): string {
    const found = this.chance(0.9) ? this.pick(wish) : undefined;
    return found ?? this.leaf(this.one(wish.dtypes ?? ["f32"]), shape());
  }

  /** Another operand for a value, of its dtype: one that is there, a new leaf that stretches to it, or a number. */
  partner(name: string): PlainArg {
    const { dtype, shape } = this.tensor(name);
    if (dtype !== "bool" && this.chance(0.2)) return this.#numberBeside(dtype);
    if (dtype === "f32" && this.chance(0.06)) return this.#numberLeaf();
    if (this.chance(0.1)) return name;
    const there = this.pick({ dtypes: [dtype], where: (other) => fitsTogether(shape, other.shape) });
    if (there !== undefined && this.chance(0.7)) return there;
    return this.leaf(dtype, this.stretchable(shape));
  }

  /** A shape that stretches to another one. */
  stretchable(shape: readonly number[]): number[] {
    const from = this.chance(0.3) ? this.between(0, shape.length) : 0;
    return shape.slice(from).map((size) => this.chance(0.25) ? 1 : size);
  }

  /** Adds a node where its result is of use; gives its name. An operation that throws is a node like any other. */
  add(node: ProgramNode): string | undefined {
    const name = `n${this.nodes.length}`;
    const tensor = callNode(node, Object.fromEntries(this.tensors));
    if (tensor.size > 4 * MAX_SIZE || tensor.rank > MAX_RANK) return undefined;
    const data = interpret(inOrder([tensor])).get(tensor)!.data;
    if (this.mood !== "special" && !data.every((x) => Math.abs(x) <= MAX_VALUE)) return undefined;
    if (data.length > 0 && isFloat(tensor.dtype) && data.every((x) => Number.isNaN(x))) return undefined;
    this.nodes.push(node);
    this.tensors.set(name, tensor);
    this.#values.set(name, data);
    return name;
  }

  /** The elements of a value in float64. */
  elements(name: string): Float64Array {
    return this.#values.get(name)!;
  }
}

function leafData(leaf: Tensor): ArrayLike<number> {
  const state = stateOf(leaf);
  if (state.kind !== "host") throw new Error("internal: a leaf is host data");
  return state.data;
}

/** Whether two shapes stretch to a common one that is not too large. */
function fitsTogether(a: readonly number[], b: readonly number[]): boolean {
  const rank = Math.max(a.length, b.length);
  let size = 1;
  for (let back = 1; back <= rank; back++) {
    const [x, y] = [a[a.length - back] ?? 1, b[b.length - back] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return false;
    size *= x === 1 ? y : x;
  }
  return size <= MAX_SIZE;
}
