import { type Batch, evaluate, stack, type Tensor, tensor, train } from "../../../mod.ts";
import type { HostBatch, HostPairBatch, HostTextBatch } from "../../../lib/data/mod.ts";
import type { Axes } from "../../../lib/transform/axes.ts";
import {
  allocate,
  type DType,
  type Shape,
  sizeOf,
  treeDispose,
  treeFlatten,
  treeMap,
  treeUnflatten,
  type TypedArray,
} from "../../../lib/tensor/mod.ts";
import type { AnyHostBatch } from "./host_batches.ts";
import type { StepBatch } from "./prepare.ts";

type Base = train.TrainState["base"];

/** The axis of cells in all that a state has beside its base. */
const OWN = { trainable: 0, aux: 0, optimizer: 0, step: 0, key: 0 } as const;

/** Cells of a leaf's elements, by their places, one after the other. */
function pick(data: TypedArray, { one, dtype }: { one: Shape; dtype: DType }, places: readonly number[]): Tensor {
  const size = sizeOf(one);
  const taken = allocate(dtype, size * places.length);
  places.forEach((place, i) => taken.set(data.subarray(place * size, (place + 1) * size), i * size));
  return tensor(taken, { shape: places.length === 1 ? one : [places.length, ...one], dtype });
}

/**
 * States of the runs of one program: with an axis of cells in front of all that each has for itself, where there are several.
 * The model's weights are shared, but for what differs from run to run. Parts of a state stand in the order in which steps
 * give them: in another one they would have a plan of their own.
 */
export class CellStates {
  /**
   * @param mapped Names in the base of what a seed draws, and of what the method writes.
   * @param weights The model's own tensors, which outlive all runs.
   */
  constructor(readonly mapped: ReadonlySet<string>, readonly weights: ReadonlySet<Tensor>) {}

  #split({ base, ...own }: train.TrainState) {
    const entries = Object.entries(base);
    const pick = (isMapped: boolean): Base =>
      Object.fromEntries(entries.filter(([name]) => this.mapped.has(name) === isMapped));
    return { own: { ...own, written: pick(true) }, shared: pick(false) };
  }

  /** The axes of a state's tensors, for `vmap`. */
  axes(base: Base): { readonly [part: string]: Axes } {
    const written = Object.keys(base).filter((name) => this.mapped.has(name));
    return { ...OWN, base: Object.fromEntries(written.map((name) => [name, 0])) };
  }

  /** States as one, which takes their place: that of one run alone as it is. */
  async join(states: readonly train.TrainState[]): Promise<train.TrainState> {
    return states.length === 1 ? states[0] : await this.stack(states);
  }

  /** States as one with an axis of cells, of one alone, too. It takes their place. */
  async stack(states: readonly train.TrainState[]): Promise<train.TrainState> {
    const each = states.map((state) => this.#split(state));
    const [{ shared }] = each;
    const { written, ...own } = await evaluate(stackTrees(each.map(({ own }) => own)));
    const kept = new Set(Object.values(shared));
    for (const state of states) this.release(state, kept);
    return { base: { ...shared, ...written }, ...own };
  }

  /**
   * States of some of the cells each, by their places: those of one place as a run has it alone. They are read from the
   * device, each tensor once.
   */
  async at(
    state: train.TrainState,
    { cells, groups }: { readonly cells: number; readonly groups: readonly (readonly number[])[] },
  ): Promise<train.TrainState[]> {
    const { own, shared } = this.#split(state);
    const { leaves, structure } = treeFlatten(own);
    const data = await Promise.all(leaves.map((leaf) => leaf.data()));
    const ones = leaves.map(({ shape, dtype }) => ({ one: cells === 1 ? shape : shape.slice(1), dtype }));
    return groups.map((places) => {
      const { written, ...rest } = treeUnflatten(structure, ones.map((one, i) => pick(data[i], one, places)));
      return { base: { ...shared, ...written }, ...rest };
    });
  }

  /** Gives back a state, but for the model's weights and what is kept. */
  release({ base, ...own }: train.TrainState, kept: ReadonlySet<Tensor> = new Set()): void {
    treeDispose(own);
    for (const tensor of Object.values(base)) if (!this.weights.has(tensor) && !kept.has(tensor)) tensor.dispose();
  }
}

/** Trees, one a cell, as one with the axis of cells in front. */
export function stackTrees<T extends Parameters<typeof treeMap>[1]>([first, ...others]: readonly T[]): T {
  return treeMap((...leaves: readonly Tensor[]) => stack(leaves), first, ...others);
}

type Arrays = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Arrays of one kind one after the other. */
function joinArrays(parts: readonly Arrays[]): Arrays {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const all = parts[0] instanceof Float32Array ? new Float32Array(size) : new Int32Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

type Join<B> = (dataOf: (batch: B) => Arrays, own: readonly number[]) => Tensor;

function toLabelCells(batches: readonly HostBatch[], join: Join<HostBatch>): Batch {
  const { shape } = batches[0];
  return {
    inputIds: join((one) => one.inputIds, shape),
    attentionMask: join((one) => one.attentionMask, shape),
    tokenTypeIds: join((one) => one.tokenTypeIds, shape),
    labels: join((one) => one.labels, [shape[0]]),
    weights: join((one) => one.weights, [shape[0]]),
  };
}

function toTextCells(batches: readonly HostTextBatch[], join: Join<HostTextBatch>): train.TextBatch {
  const [{ shape, labels, positions }] = batches;
  if (!positions) throw new TypeError("internal: cells of texts ask for logits at places with labels alone");
  return {
    inputIds: join((one) => one.inputIds, shape),
    attentionMask: join((one) => one.attentionMask, shape),
    positionIds: join((one) => one.positionIds, shape),
    positions: join((one) => one.positions!, [positions.length]),
    labels: join((one) => one.labels, [labels.length]),
  };
}

function toPairCells(batches: readonly HostPairBatch[], join: Join<HostPairBatch>): train.PairBatch {
  const [{ shape: { rows, source, target } }] = batches;
  return {
    inputIds: join((one) => one.inputIds, [rows, source]),
    attentionMask: join((one) => one.attentionMask, [rows, source]),
    decoderInputIds: join((one) => one.decoderInputIds, [rows, target]),
    decoderAttentionMask: join((one) => one.decoderAttentionMask, [rows, target]),
    labels: join((one) => one.labels, [rows, target]),
  };
}

/** Batches of one kind: of cells that share a program. */
function requireKind<B extends AnyHostBatch>(
  batches: readonly AnyHostBatch[],
  is: (one: AnyHostBatch) => one is B,
): B[] {
  const own = batches.filter(is);
  if (own.length === batches.length) return own;
  throw new TypeError("internal: cells of one program have batches of several kinds");
}

const isPairs = (batch: AnyHostBatch): batch is HostPairBatch => "decoderInputIds" in batch;
const isTexts = (batch: AnyHostBatch): batch is HostTextBatch => "positionIds" in batch;
const isLabels = (batch: AnyHostBatch): batch is HostBatch => "tokenTypeIds" in batch;

/** A batch of one run as tensors. */
export function toStepBatch(batch: AnyHostBatch): StepBatch {
  if (isPairs(batch)) return train.toPairBatch(batch);
  return isTexts(batch) ? train.toTextBatch(batch) : train.toBatch(batch);
}

/** Batches of cells as one of all, that of one alone as it is: joined on the host, where they are made. */
export function toCellBatch(batches: readonly AnyHostBatch[]): StepBatch {
  const [first] = batches;
  if (batches.length === 1) return toStepBatch(first);
  const join = <B extends AnyHostBatch>(own: readonly B[]): Join<B> => (dataOf, shape) =>
    tensor(joinArrays(own.map(dataOf)), { shape: [own.length, ...shape] });
  if (isPairs(first)) {
    const own = requireKind(batches, isPairs);
    return toPairCells(own, join(own));
  }
  if (isTexts(first)) {
    const own = requireKind(batches, isTexts);
    return toTextCells(own, join(own));
  }
  const own = requireKind(batches, isLabels);
  return toLabelCells(own, join(own));
}
