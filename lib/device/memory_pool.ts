import type { TextureFormat } from "../../kernels/kernel.ts";
import type { Bindable } from "./bindable.ts";
import type { DeviceReport, MemoryReport } from "./reports.ts";
import { sizeClass } from "./size_class.ts";
import { mebibytes } from "../text/mebibytes.ts";

/** WebGPU's usage flags, which are globals only where the runtime has WebGPU of its own. */
const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;
const TEXTURE_USAGE = { storage: 0x8 } as const;

/** What a buffer of each kind is used for. */
const USAGES = {
  storage: USAGE.storage | USAGE.copySource | USAGE.copyTarget,
  staging: USAGE.mapRead | USAGE.copyTarget,
  uniform: USAGE.uniform | USAGE.copyTarget,
} as const;

/** Bytes of a texel of four numbers. */
const TEXEL_BYTES = { rgba32float: 16, rgba16float: 8 } as const;

/** What a device makes and keeps for reuse. */
type Memory = GPUBuffer | GPUTexture;

/** Buffers and textures of a device, which are kept for reuse when they are given back, by kind and size. */
export class MemoryPool {
  readonly #gpu: GPUDevice;
  readonly #report: DeviceReport;
  /** Why nothing can be made any more. */
  readonly #end: () => Error | undefined;
  readonly #pools = new Map<string, Memory[]>();
  /**
   * Pool and bytes of each buffer and texture: finalizers give them back, and where they run at the end of a thread, Dawn
   * has already let go of what it would be asked.
   */
  readonly #homes = new WeakMap<Memory, { readonly key: string; readonly size: number }>();
  /** What was made since the last wait, of which it is not yet known whether there was memory for them. */
  #fresh: Memory[] = [];
  readonly #suspect = new WeakSet<Memory>();
  #isShort = false;
  #liveBytes = 0;
  #peakBytes = 0;
  #pooledBytes = 0;
  #created = 0;

  /** Memory of a device, which makes no more of it once `end` gives an Error. */
  constructor(gpu: GPUDevice, report: DeviceReport, end: () => Error | undefined) {
    this.#gpu = gpu;
    this.#report = report;
    this.#end = end;
  }

  /** Bytes in use now. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** How many buffers and textures were created. */
  get created(): number {
    return this.#created;
  }

  /** The most bytes that a storage buffer may have, so that kernels can bind all of it. */
  get largestBinding(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#report.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  #take<B extends Memory>(kind: string, size: number, create: () => B): B {
    const key = `${kind} ${size}`;
    // A pool has pieces of the kind that its key begins with.
    let piece = this.#pools.get(key)?.pop() as B | undefined;
    if (piece) this.#pooledBytes -= size;
    else {
      const end = this.#end();
      if (end) throw end;
      this.#isShort = false;
      piece = create();
      this.#created++;
      this.#homes.set(piece, { key, size });
      // Dawn says so at once, browsers later.
      if (this.#isShort) this.#suspect.add(piece);
      else this.#fresh.push(piece);
    }
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return piece;
  }

  /** A buffer of at least so many bytes, its contents undefined. Throws a RangeError over the limits. */
  buffer(kind: keyof typeof USAGES, bytes: number): GPUBuffer {
    const limit = kind === "storage" ? this.largestBinding : this.#report.limits.maxBufferSize;
    // The last size class may be over the limit where what is asked for is not; kernels touch words in fours.
    const size = Math.max(Math.min(sizeClass(bytes), limit - limit % 16), Math.ceil(bytes / 16) * 16);
    return this.#take(kind, size, () => {
      if (size > limit) {
        throw new RangeError(
          `a buffer of ${mebibytes(size)} is over this device's limit of ${mebibytes(limit)} (${this.#report.name}): ` +
            `use smaller batches or tensors, or another device`,
        );
      }
      return this.#gpu.createBuffer({ size, usage: USAGES[kind] });
    });
  }

  /** A texture of four numbers a texel that kernels write and read, its contents undefined. */
  texture(width: number, height: number, format: TextureFormat): GPUTexture {
    const create = () => this.#gpu.createTexture({ size: [width, height], format, usage: TEXTURE_USAGE.storage });
    return this.#take(`${format} ${width}`, width * height * TEXEL_BYTES[format], create);
  }

  /** Takes a buffer or texture back for reuse. */
  giveBack(piece: Memory): void {
    const { key, size } = this.#homes.get(piece)!;
    this.#liveBytes -= size;
    if (this.#end()) return; // went with the device
    if (this.#suspect.has(piece)) return piece.destroy();
    const pool = this.#pools.get(key) ?? [];
    this.#pools.set(key, pool);
    pool.push(piece);
    this.#pooledBytes += size;
  }

  /** Bytes of what was made here, or of a piece of it. */
  bytesOf(piece: Bindable): number {
    return "buffer" in piece ? piece.size : this.#homes.get(piece)!.size;
  }

  /** Hears that there was no memory for something: which it was is not said, so nothing made since the last wait is kept. */
  noteShortage(): void {
    this.#isShort = true;
    for (const piece of this.#fresh) this.#suspect.add(piece);
  }

  /** Hears that all that was made so far is there, but for what is suspect. */
  noteSettled(): void {
    this.#fresh = [];
  }

  /** Destroys what is kept for reuse. */
  trim(): void {
    for (const pool of this.#pools.values()) for (const piece of pool) piece.destroy();
    this.#pools.clear();
    this.#pooledBytes = 0;
  }

  /** Bytes in use, at most in use, and kept for reuse. */
  report(): MemoryReport {
    return { liveBytes: this.#liveBytes, peakBytes: this.#peakBytes, pooledBytes: this.#pooledBytes };
  }

  /** Starts a new peak at what is in use now. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }
}
