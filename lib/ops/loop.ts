import { stateOf, type Tensor } from "../tensor/tensor.ts";
import { apply, type Primitive, type ReferenceArray } from "./primitive.ts";
import { referenceFrom } from "./reference.ts";

/** A tensor that each turn of a loop takes from the one before. */
export interface Carried {
  /** What stands for it in the body. */
  readonly standIn: Tensor;
  /** What the next turn gets, made of stand-ins. */
  readonly next: Tensor;
  /** Whether the first turn gets an input; otherwise it gets zeros. */
  readonly isGiven: boolean;
}

/** What the turns of a loop do: nodes that are made of stand-ins, and which nobody computes as they are. */
export interface LoopBody {
  /** How many turns there are, one at least. */
  readonly length: number;
  /** Whether the first turn takes the last row. */
  readonly isReversed: boolean;
  readonly carry: readonly Carried[];
  /** What stands for a row of each input that is taken row by row. */
  readonly rows: readonly Tensor[];
  /** What stands for each input that all turns take as it is; it may be that tensor itself. */
  readonly captured: readonly Tensor[];
  /** What each turn adds a row of to a result, at the place of the rows that it takes. */
  readonly stacked: readonly Tensor[];
}

let made = 0;

/**
 * A loop of a fixed number of turns. Its inputs are the first turn's carry (as far as it is given), what is taken row by
 * row, and what is captured; its results the last turn's carry, then what is stacked.
 */
export class Loop {
  readonly #number = ++made;
  readonly #givenCount: number;
  /** The inputs' positions of carried tensors that are given. */
  readonly #inputOf: readonly (number | undefined)[];
  /** Results that were made and may still be pending. */
  #results: WeakRef<Tensor>[] = [];

  constructor(readonly body: LoopBody) {
    let given = 0;
    this.#inputOf = body.carry.map(({ isGiven }) => isGiven ? given++ : undefined);
    this.#givenCount = given;
  }

  /** The position among the inputs of what the first turn carries; `undefined` where that is zeros. */
  inputOfCarry(index: number): number | undefined {
    return this.#inputOf[index];
  }

  /** The position among the inputs of what is taken row by row. */
  inputOfRow(index: number): number {
    return this.#givenCount + index;
  }

  /** The position among the inputs of what is captured. */
  inputOfCaptured(index: number): number {
    return this.#givenCount + this.body.rows.length + index;
  }

  /** Some of its results on some inputs, by their positions. */
  apply(inputs: readonly Tensor[], outputs: readonly number[]): Tensor[] {
    const results = outputs.map((output) => apply(loopPrimitive, inputs, { loop: this, output }));
    this.#results = this.#results.filter((ref) => ref.deref() !== undefined);
    this.#results.push(...results.map((result) => new WeakRef(result)));
    return results;
  }

  /** Pending results on the same inputs as one of them, which the same turns compute. */
  resultsBeside(inputs: readonly Tensor[]): Tensor[] {
    return this.#results.flatMap((ref) => {
      const result = ref.deref();
      if (!result) return [];
      const state = stateOf(result);
      return state.kind === "node" && state.inputs.every((input, i) => input === inputs[i]) ? [result] : [];
    });
  }

  /** What tells it from every other loop, in keys. */
  toJSON(): number {
    return this.#number;
  }
}

/** Parameters of {@linkcode loopPrimitive}. */
export interface LoopParams {
  readonly loop: Loop;
  /** Which of the results it is. */
  readonly output: number;
}

/** Results of a loop as it was computed last: its nodes have one each. */
const computed = new WeakMap<Loop, { readonly inputs: readonly ReferenceArray[]; readonly results: Float64Array[] }>();

function runReference(loop: Loop, inputs: readonly ReferenceArray[]): Float64Array[] {
  const last = computed.get(loop);
  if (last && last.inputs.every((input, i) => input === inputs[i])) return last.results;
  const { length, isReversed, carry, rows, captured, stacked } = loop.body;
  const stacks = stacked.map(({ size }) => new Float64Array(length * size));
  let carried = carry.map(({ standIn: { shape, dtype, size } }, i): ReferenceArray => {
    const input = loop.inputOfCarry(i);
    return input === undefined ? { shape, dtype, data: new Float64Array(size) } : inputs[input];
  });
  for (let turn = 0; turn < length; turn++) {
    const at = isReversed ? length - 1 - turn : turn;
    const known = new Map(captured.map((tensor, i) => [tensor, inputs[loop.inputOfCaptured(i)]]));
    carry.forEach(({ standIn }, i) => known.set(standIn, carried[i]));
    rows.forEach((row, i) => {
      const { shape, dtype, size } = row;
      const { data } = inputs[loop.inputOfRow(i)];
      known.set(row, { shape, dtype, data: data.subarray(at * size, (at + 1) * size) });
    });
    stacked.forEach((row, i) => stacks[i].set(referenceFrom(known, row).data, at * row.size));
    carried = carry.map(({ next }) => referenceFrom(known, next));
  }
  const results = [...carried.map(({ data }) => data), ...stacks];
  computed.set(loop, { inputs, results });
  return results;
}

/** One of the results of a loop: those of the same inputs are computed together. */
export const loopPrimitive: Primitive<LoopParams> = {
  name: "loop",
  infer(_, { loop: { body: { length, carry, stacked } }, output }) {
    if (output < carry.length) return carry[output].next;
    const { shape, dtype } = stacked[output - carry.length];
    return { shape: [length, ...shape], dtype };
  },
  lowering: { kind: "loop" },
  reference: (inputs, { loop, output }) => runReference(loop, inputs)[output].slice(),
  vjp: () => {
    throw new Error("internal: a loop is differentiated as a whole");
  },
  // vmap() sees to loops: what is carried may be of a cell after the first turn alone.
};
