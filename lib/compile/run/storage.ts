import type { BufferRange } from "../../device/bindable.ts";
import type { Device } from "../../device/device.ts";
import { alignedBytes } from "../../device/alignment.ts";
import type { Storage } from "../../tensor/executor.ts";

/** The storage of ours behind what a tensor holds; `undefined` where there is none. */
export function deviceStorageOf(storage: Storage | undefined): DeviceStorage | undefined {
  return storage instanceof DeviceStorage ? storage : undefined;
}

/** A texture that holds a copy of a storage, seen as a matrix. */
export interface TextureCopy {
  readonly texture: GPUTexture;
  /** The storage's contents that it holds; −1 before the first copy. */
  version: number;
  /** Compiled functions that read it. */
  users: number;
}

/** A buffer in which tensors lie side by side: it goes back with the last of them. */
export class ArenaBuffer {
  #users = 0;

  constructor(readonly device: Device, readonly buffer: GPUBuffer) {}

  /** How many tensors lie in it. */
  get users(): number {
    return this.#users;
  }

  /** Memory of a tensor: so many bytes from an offset. */
  range(offset: number, size: number): DeviceStorage {
    this.#users++;
    return new DeviceStorage(this.device, this.buffer, { arena: this, offset, size: alignedBytes(size) });
  }

  /** Gives the memory of one tensor up. */
  release(): void {
    if (--this.#users === 0) this.device.release(this.buffer);
  }
}

/** Memory that the contents of one or more tensors share (`tensor/content.ts`): a buffer, or a piece of one. */
export class DeviceStorage implements Storage {
  #owners = 1;
  /** First byte of the buffer. */
  readonly offset: number;
  /** What kernels bind. */
  readonly memory: GPUBuffer | BufferRange;
  /** The arena of which it is a piece. */
  readonly arena: ArenaBuffer | undefined;
  /** Counts what was written in place: copies of another version are stale. */
  version = 0;
  /** Its copies, by the number of the matrix's rows; they go with it. */
  readonly copies = new Map<number, TextureCopy>();

  constructor(
    readonly device: Device,
    readonly buffer: GPUBuffer,
    piece?: { readonly arena: ArenaBuffer; readonly offset: number; readonly size: number },
  ) {
    this.offset = piece?.offset ?? 0;
    this.arena = piece?.arena;
    this.memory = piece ? { buffer, offset: piece.offset, size: piece.size } : buffer;
  }

  /** How many contents and calls hold it. */
  get owners(): number {
    return this.#owners;
  }

  retain(): void {
    if (this.#owners === 0) throw new Error("internal: memory was held that had been released");
    this.#owners++;
  }

  release(): void {
    if (this.#owners === 0) throw new Error("internal: memory was released more often than held");
    if (--this.#owners > 0) return;
    if (this.arena) this.arena.release();
    else this.device.release(this.buffer);
    for (const { texture } of this.copies.values()) this.device.releaseTexture(texture);
    this.copies.clear();
  }
}
