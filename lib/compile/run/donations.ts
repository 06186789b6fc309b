import type { Device } from "../../device/device.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import type { Hold } from "../../tensor/hold.ts";
import { stateOf, type Tensor } from "../../tensor/tensor.ts";
import type { LeafArena } from "../plan/plan.ts";
import type { Runtime } from "./runtime.ts";
import { ArenaBuffer, DeviceStorage, deviceStorageOf } from "./storage.ts";

/** Elements that must be moved before a step. */
interface Move {
  readonly from: DeviceStorage;
  readonly to: DeviceStorage;
  readonly bytes: number;
}

function shared(storage: DeviceStorage): DeviceStorage {
  storage.retain();
  return storage;
}

/** Finds, for one call, memory that a step may write for each donated argument. */
export class Donations {
  readonly #moves: Move[] = [];
  readonly #device: Device;
  /** Arguments that are given more than once. */
  readonly #repeated = new Set<Tensor>();

  constructor(readonly runtime: Runtime, readonly held: Hold) {
    this.#device = runtime.device;
    const seen = new Set<Tensor>();
    for (const tensor of held.tensors) (seen.has(tensor) ? this.#repeated : seen).add(tensor);
  }

  /** Storage of a donated argument that nobody else needs, with a share for the call. */
  own(tensor: Tensor): DeviceStorage {
    const known = this.#ownStorage(tensor);
    // A piece of another function's arena cannot be written while its neighbours are read.
    return known && !known.arena
      ? shared(known)
      : this.#fill(new DeviceStorage(this.#device, this.#device.acquire(storedBytes(tensor))), tensor);
  }

  /** Storages of donated arguments that lie side by side: those they have where they already do, or new ones. */
  gather(arena: LeafArena, tensorOf: (leaf: number) => Tensor): DeviceStorage[] {
    const known = arena.leaves.map(({ leaf }) => this.#ownStorage(tensorOf(leaf)));
    const buffer = known[0]?.arena;
    const lying = known.filter((storage, i) => storage?.arena === buffer && storage?.offset === arena.leaves[i].offset);
    if (buffer && [buffer.users, lying.length].every((count) => count === known.length)) {
      return lying.flatMap((storage) => storage ? [shared(storage)] : []);
    }
    const made = new ArenaBuffer(this.#device, this.#device.acquire(arena.bytes));
    return arena.leaves.map(({ leaf, offset }) => {
      const tensor = tensorOf(leaf);
      return this.#fill(made.range(offset, storedBytes(tensor)), tensor);
    });
  }

  /** Encodes what must be moved. */
  encode(encoder: GPUCommandEncoder): void {
    for (const { from, to, bytes } of this.#moves) {
      encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
    }
  }

  /** The storage of a tensor, if it is on this device and nobody else needs it. */
  #ownStorage(tensor: Tensor): DeviceStorage | undefined {
    const state = stateOf(tensor);
    const storage = state.kind === "host" || state.kind === "device" ? deviceStorageOf(state.storage) : undefined;
    if (storage?.device !== this.#device || storage.owners > 1) return undefined;
    return this.#repeated.has(tensor) || !this.held.isSole(tensor) ? undefined : storage;
  }

  #fill(to: DeviceStorage, tensor: Tensor): DeviceStorage {
    const state = stateOf(tensor);
    if (state.kind === "host" && !state.storage) this.#device.write(to.buffer, state.data, to.offset);
    else this.#moves.push({ from: this.runtime.upload(tensor), to, bytes: storedBytes(tensor) });
    return to;
  }
}
