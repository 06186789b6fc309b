import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { AnyRunTask } from "../data/inputs.ts";
import { type AnyHostBatch, batchesInOrder, partOf, shuffledBatches, tokensOf } from "./host_batches.ts";

/** What a step tells. */
export interface StepLine {
  /** From 0. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  /** Tokens of the step's batches, without padding. */
  readonly tokens: number;
}

/** Batches by number: shuffled, or in the order of the file, where each pass ends with a batch that may be short. */
function batchSource(
  { train, padding }: AnyRunTask,
  { batchSize, order, seed }: RunSpec,
): (index: number) => AnyHostBatch {
  if (order === undefined) return shuffledBatches(train, { batchSize, seed, padding });
  const count = Math.ceil(train.examples.length / batchSize);
  return (index) => {
    const first = (index % count) * batchSize;
    return batchesInOrder(partOf(train, first, first + batchSize), { batchSize, padding })[0];
  };
}

/** A run's batches by the number of their step. */
export class StepBatches {
  readonly #at: (index: number) => AnyHostBatch;
  readonly #tokens = new Map<number, number>();
  readonly #count: number;

  constructor(task: AnyRunTask, spec: RunSpec) {
    this.#at = batchSource(task, spec);
    this.#count = spec.accumulate ?? 1;
  }

  /** The parts of a step. */
  at(step: number): readonly AnyHostBatch[] {
    const parts = Array.from({ length: this.#count }, (_, i) => this.#at(step * this.#count + i));
    this.#tokens.set(step, parts.reduce((sum, part) => sum + tokensOf(part), 0));
    return parts;
  }

  /** Tokens of a step whose parts were asked for, without padding; they are forgotten then. */
  tokensOf(step: number): number {
    const tokens = this.#tokens.get(step) ?? 0;
    this.#tokens.delete(step);
    return tokens;
  }
}
