import { countTurn, countTurnUniforms } from "../../../kernels/count_turn.ts";
import {
  type BoxSizes,
  boxUniforms,
  DYNAMIC_SLICE_WORKGROUP,
  dynamicSliceKernel,
  dynamicUpdateInPlace,
  updateUniforms,
} from "../../../kernels/dynamic_slice.ts";
import { linearGrid } from "../../../kernels/kernel.ts";
import type { Loop } from "../../ops/loop.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Node } from "../graph/graph.ts";
import type { BodyPlan, RowSource } from "./loop_body.ts";
import type { BufferName, ResultPlace, Step } from "./plan.ts";
import { moveRepeat, type Repeat } from "./repeat.ts";

/** What the plan around a loop has for it. */
export interface LoopSite {
  /** Where an input of the loop lies. */
  input(position: number): BufferName;
  /** Memory of the plan's own, of at least so many bytes, until the loop is over. */
  take(bytes: number): BufferName;
  give(name: BufferName): void;
  /** The memory of an input that nobody needs after the loop, which the loop has from now on. */
  takeOver(position: number): BufferName | undefined;
  /** Where a result must lie, if that is decided. */
  target(output: number): BufferName | undefined;
  /** Says where a result lies that is needed. */
  keep(output: number, name: BufferName): void;
  /** The node of a result; `undefined` where nobody needs it. */
  node(output: number): Node | undefined;
  /** Steps that fill memory with what lies elsewhere, or with zeros. */
  fill(to: BufferName, like: Tensor, from?: BufferName): Step[];
  /** A step of the body as one of the plan. */
  adopt(step: Step, rename: (name: BufferName) => BufferName): Step;
  /** The texture of the plan that a body's texture of a size is. */
  packed(index: number): BufferName;
  /** Position of the loop in the list of the plan's work. */
  readonly cluster: number;
}

/** Where turns find a carried tensor, and where they leave the next one: they change places where these are two. */
interface Home {
  readonly index: number;
  readonly before: BufferName;
  readonly after: BufferName;
}

const placesOf = ({ before, after }: Home): readonly BufferName[] => before === after ? [before] : [before, after];

/** The steps of a loop, laid out in the memory of the plan around it. */
export class LoopSteps {
  readonly steps: Step[] = [];
  readonly repeats: Repeat[] = [];
  readonly #homes: readonly Home[];
  readonly #rows = new Map<Tensor, BufferName>();
  readonly #stacks = new Map<number, BufferName>();
  readonly #counter: BufferName | undefined;
  readonly #slots: readonly BufferName[];
  readonly #scalars: BufferName | undefined;
  /** What stands for tensors without elements. */
  #empty: BufferName | undefined;

  constructor(readonly loop: Loop, readonly body: BodyPlan, readonly site: LoopSite) {
    const { plan, stacked } = body;
    const { rows, stacked: stackedRows, carry } = loop.body;
    this.#homes = body.carried.map(({ index, place }) => this.#home(index, place));
    const needed = new Set([...plan.leaves, ...stacked.flatMap((row) => "taken" in row ? [row.taken] : [])]);
    for (const row of rows) if (needed.has(row)) this.#rows.set(row, site.take(storedBytes(row)));
    for (const { index } of stacked) {
      const output = carry.length + index;
      const bytes = loop.body.length * storedBytes(stackedRows[index]);
      this.#stacks.set(index, site.target(output) ?? site.take(bytes));
    }
    this.#counter = this.#rows.size + this.#stacks.size > 0 ? site.take(8) : undefined;
    const resultOf = new Map(body.carried.map(({ place }, i) => ["slot" in place ? place.slot : -1, this.#homes[i]]));
    this.#slots = plan.slots.map((bytes, slot) => resultOf.get(slot)?.after ?? site.take(bytes));
    this.#scalars = plan.scalars > 0 ? site.take(4 * plan.scalars) : undefined;
    this.#write();
    this.#finish(new Set(resultOf.keys()));
  }

  /** Whether a turn hands on what it took before it is done with it. */
  #isTakenAsRow(index: number): boolean {
    const { standIn } = this.loop.body.carry[index];
    return this.body.stacked.some((row) => "taken" in row && row.taken === standIn);
  }

  #home(index: number, place: ResultPlace): Home {
    const { site, loop } = this;
    const { standIn } = loop.body.carry[index];
    const target = site.target(index);
    const bytes = storedBytes(standIn);
    // Nobody asks what was there before.
    if (place.kind === "slot" && !this.#isTakenAsRow(index)) {
      const after = target ?? site.take(bytes);
      return { index, before: after, after };
    }
    const before = this.#begin(index, target);
    return { index, before, after: place.kind === "donated" ? before : site.take(bytes) };
  }

  /** Memory that holds what the first turn takes. */
  #begin(index: number, target: BufferName | undefined): BufferName {
    const { site, loop } = this;
    const { standIn } = loop.body.carry[index];
    const input = loop.inputOfCarry(index);
    const given = input === undefined ? undefined : site.input(input);
    if (target && given && sameBuffer(target, given)) return target;
    const own = target ? undefined : input === undefined ? undefined : site.takeOver(input);
    if (own) return own;
    const memory = target ?? site.take(storedBytes(standIn));
    this.steps.push(...site.fill(memory, standIn, given));
    return memory;
  }

  #write(): void {
    const { loop: { body: { length, isReversed } }, body: { plan } } = this;
    const step = isReversed ? -1 : 1;
    if (this.#counter) this.steps.push(this.#count({ isFirst: true, step: isReversed ? -1 : 0 }));
    const first = this.steps.length;
    const isAlternating = length > 1 && this.#homes.some(({ before, after }) => before !== after);
    const variants = isAlternating ? 2 : 1;
    const inner: Repeat[] = [];
    for (let variant = 0; variant < variants; variant++) {
      for (const [row, to] of this.#rows) this.steps.push(this.#takeRow(row, to));
      const { stacked } = this.body;
      for (const row of stacked) if ("taken" in row) this.steps.push(this.#addRow(row, variant));
      inner.push(...plan.repeats.map((repeat) => moveRepeat(repeat, this.steps.length)));
      const rename = (name: BufferName) => this.#rename(name, variant);
      for (const step of plan.steps) this.steps.push(this.site.adopt(step, rename));
      for (const row of stacked) if ("place" in row) this.steps.push(this.#addRow(row, variant));
      if (this.#counter) this.steps.push(this.#count({ isFirst: false, step }));
    }
    const size = (this.steps.length - first) / variants;
    if (size > 0) this.repeats.push({ first, size, variants, times: length, inner });
  }

  /** Where a variant of the turns finds a carried tensor. */
  #before({ before, after }: Home, variant: number): BufferName {
    return variant === 0 ? before : after;
  }

  #after({ before, after }: Home, variant: number): BufferName {
    return variant === 0 ? after : before;
  }

  /** Memory of the body as memory of the plan. */
  #rename(name: BufferName, variant: number): BufferName {
    if (name === "scalars") return this.#scalars!;
    if ("arena" in name) throw new Error("internal: what a loop carries lies in an arena");
    if ("packed" in name) return this.site.packed(name.packed);
    if ("leaf" in name) return this.#leaf(this.body.plan.leaves[name.leaf], variant);
    if ("texture" in name) {
      const leaf = this.#leaf(this.body.plan.leaves[name.texture], variant);
      if (leaf === "scalars" || !("leaf" in leaf)) throw new Error("internal: a texture copies a tensor of a turn");
      return { texture: leaf.leaf };
    }
    const slot = this.#slot(name.slot, variant);
    return name.range && slot !== "scalars" && "slot" in slot ? { slot: slot.slot, range: name.range } : slot;
  }

  #slot(slot: number, variant: number): BufferName {
    const position = this.body.carried.findIndex(({ place }) => "slot" in place && place.slot === slot);
    return position < 0 ? this.#slots[slot] : this.#after(this.#homes[position], variant);
  }

  /** Where a turn finds what it takes. */
  #leaf(tensor: Tensor, variant: number): BufferName {
    const { carry, captured } = this.loop.body;
    if (tensor.size === 0) return this.#empty ??= this.site.take(4);
    const row = this.#rows.get(tensor);
    if (row) return row;
    const home = this.#homes.find(({ index }) => carry[index].standIn === tensor);
    if (home) return this.#before(home, variant);
    const position = captured.indexOf(tensor);
    if (position < 0) throw new Error("internal: a turn takes a tensor that nobody gives");
    return this.site.input(this.loop.inputOfCaptured(position));
  }

  #place(place: ResultPlace, variant: number): BufferName {
    return "slot" in place ? this.#slot(place.slot, variant) : this.#leaf(this.body.plan.leaves[place.leaf], variant);
  }

  #takeRow(row: Tensor, to: BufferName): Step {
    const { loop, site } = this;
    const from = site.input(loop.inputOfRow(loop.body.rows.indexOf(row)));
    const uniforms = boxUniforms(this.#boxOf(row), row.size);
    return this.#rowStep(row, { kernel: dynamicSliceKernel(2), uniforms, buffers: [from, this.#counter!, to] });
  }

  #addRow(row: RowSource, variant: number): Step {
    const from = "taken" in row ? this.#leaf(row.taken, variant) : this.#place(row.place, variant);
    const tensor = this.loop.body.stacked[row.index];
    const stack = this.site.node(this.loop.body.carry.length + row.index);
    const buffers = [this.#stacks.get(row.index)!, from, this.#counter!];
    const place = { offset: 0, cell: 0, axes: [tensor.size, 1] };
    const uniforms = updateUniforms(this.#boxOf(tensor), { threads: tensor.size, place });
    const step = this.#rowStep(tensor, { kernel: dynamicUpdateInPlace({ rank: 2 }), uniforms, buffers });
    return { ...step, contents: [stack, undefined, undefined] };
  }

  /** A row among those of all turns. */
  #boxOf({ size }: Tensor): BoxSizes {
    return { cells: 1, shape: [this.loop.body.length, size], box: [1, size] };
  }

  #rowStep(
    { size }: Tensor,
    { kernel, uniforms, buffers }: Pick<Step, "kernel" | "uniforms" | "buffers">,
  ): Step {
    const grid = linearGrid(Math.ceil(size / DYNAMIC_SLICE_WORKGROUP));
    return this.#step(kernel, uniforms, { grid, buffers, rowBytes: 4 * size });
  }

  #count(options: Parameters<typeof countTurnUniforms>[0]): Step {
    return this.#step(countTurn, countTurnUniforms(options), { grid: [1, 1, 1], buffers: [this.#counter!] });
  }

  #step(kernel: Step["kernel"], uniforms: Uint32Array, rest: Pick<Step, "grid" | "buffers" | "rowBytes">): Step {
    const { cluster } = this.site;
    return { ...rest, kernel, uniforms, operations: 0, cluster, contents: rest.buffers.map(() => undefined) };
  }

  /** Says where results lie, and gives back all else. */
  #finish(results: ReadonlySet<number>): void {
    const { loop: { body: { length, carry } }, site } = this;
    for (const home of this.#homes) {
      const last = this.#after(home, (length - 1) % 2);
      const target = site.target(home.index);
      if (target && !sameBuffer(target, last)) this.steps.push(...site.fill(target, carry[home.index].standIn, last));
      const isKept = !target && site.node(home.index) !== undefined;
      if (isKept) site.keep(home.index, last);
      for (const place of placesOf(home)) if (place !== target && !(isKept && place === last)) site.give(place);
    }
    for (const [index, name] of this.#stacks) {
      if (!site.target(carry.length + index)) site.keep(carry.length + index, name);
    }
    this.#slots.forEach((name, slot) => results.has(slot) || site.give(name));
    for (const name of [...this.#rows.values(), this.#counter, this.#scalars, this.#empty]) if (name) site.give(name);
  }
}

function sameBuffer(a: BufferName, b: BufferName): boolean {
  if (a === "scalars" || b === "scalars") return a === b;
  return "leaf" in a && "leaf" in b ? a.leaf === b.leaf : a === b;
}
