import type { Storage } from "./executor.ts";
import type { TensorState } from "./state.ts";

/** Gives storage back where a content was dropped and nobody said so. */
const dropped = new FinalizationRegistry<Storage>((storage) => storage.release());

function storageOf(state: TensorState): Storage | undefined {
  return state.kind === "device" || state.kind === "host" ? state.storage : undefined;
}

/**
 * The elements of a tensor, or the node that will make them. This is where ownership is decided, by one rule: **a storage
 * is counted by the contents that lie in it, and a content by the tensor and the pending work that need it.**
 *
 * Pending work is a node that was made of the tensor and has no elements of its own yet (also one that was fused into
 * what was made of it, which may still be asked for until it is collected), a read or a jitted call that was begun, and
 * a compiled function that closes over the tensor, until it is disposed of. `dispose`, the end of a `using` and donation
 * take away the tensor's own share alone: the tensor cannot be used from then on, and work that was begun before gets the
 * elements. Two names of one value (a result that is returned twice, a reshape of it) are two tensors with contents of
 * their own in one storage. A storage is written in place only where one content lies in it, which nothing but the
 * donated tensor and the call itself needs; otherwise the donation copies.
 *
 * The last share that is given up returns the memory. What JavaScript drops without a word (a pending node that nobody
 * asks for, a tensor in a variable that got another value) is found by its collector: a content that nothing refers to
 * gives up its share of the storage.
 */
export class Content {
  #state: TensorState;
  #holders = 1;
  /** What a node is made of. */
  #needs: readonly Content[];

  /**
   * The content of a new tensor, which is its first holder and brings one share of the storage, or of each content that
   * its node is made of.
   */
  constructor(state: TensorState, needs: readonly Content[] = []) {
    this.#state = state;
    this.#needs = needs;
    const storage = storageOf(state);
    if (storage) dropped.register(this, storage, this);
  }

  /** Where the elements are. */
  get state(): TensorState {
    return this.#state;
  }

  /** How many tensors and pieces of pending work need it. */
  get holders(): number {
    return this.#holders;
  }

  /** Takes one more share. */
  retain(): this {
    this.#holders++;
    return this;
  }

  /** Gives up one share; the last one gives up the storage, or what a node is made of. */
  release(): void {
    const released: Content[] = [this];
    // A chain of nodes may be longer than the call stack.
    for (let content = released.pop(); content; content = released.pop()) {
      if (content.#holders === 0) throw new Error("internal: elements were released more often than held");
      if (--content.#holders > 0) continue;
      const storage = storageOf(content.#state);
      for (const need of content.#replace({ kind: "gone", reason: "released" })) released.push(need);
      storage?.release();
    }
  }

  /** Records where the elements are now, with a share of the storage; a node gives up what it was made of. */
  settle(state: TensorState): void {
    for (const need of this.#replace(state)) need.release();
  }

  /** Keeps a device copy of host data beside it, in place of an earlier one. */
  attach(storage: Storage): void {
    if (this.#state.kind !== "host") throw new Error("internal: only host data takes a device copy");
    const previous = this.#state.storage;
    this.#replace({ ...this.#state, storage });
    previous?.release();
  }

  #replace(state: TensorState): readonly Content[] {
    if (storageOf(this.#state)) dropped.unregister(this);
    const needs = this.#needs;
    this.#needs = [];
    this.#state = state;
    const storage = storageOf(state);
    if (storage) dropped.register(this, storage, this);
    return needs;
  }
}
