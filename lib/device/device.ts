import { type Binding, isWritten, type Kernel, type TextureFormat, textureFormat } from "../../kernels/kernel.ts";
import type { DeviceSource } from "./adapter.ts";
import { Faults } from "./faults.ts";
import { Reclaimer } from "./reclaim.ts";
import { type Compilation, WarmUp } from "./warm_up.ts";
import { messageOf } from "../text/message_of.ts";

/** What a device is: a GPU or a software driver in its place, as its adapter tells. */
export interface DeviceReport {
  /** Where it was found. */
  readonly source: DeviceSource;
  /** What it calls itself. */
  readonly name: string;
  /** Name and version of its driver, where it tells. */
  readonly driver: string;
  /** Who made it. */
  readonly vendor: string;
  /** Its family, where it tells. */
  readonly architecture: string;
  /** Whether it computes on the processor. */
  readonly isSoftware: boolean;
  /** Lanes of a subgroup; 0 where there are none, or of no fixed number. */
  readonly subgroupSize: number;
  /** Whether kernels may read storage textures: a feature of the language. */
  readonly readsTextures: boolean;
  /** Optional features that the device was opened with. */
  readonly features: readonly string[];
  /** Limits that the device was opened with. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Bytes in buffers and textures. */
export interface MemoryReport {
  /** In use now. */
  readonly liveBytes: number;
  /** The most that was in use at once since opening, or since the last `resetPeak()`. */
  readonly peakBytes: number;
  /** Kept for reuse. */
  readonly pooledBytes: number;
}

/** What was done since opening. */
export interface Counters {
  /** Command buffers handed to the device. */
  readonly submissions: number;
  /** Kernels started. */
  readonly dispatches: number;
  /** Buffers and textures created. */
  readonly buffers: number;
  /** Pipelines created. */
  readonly pipelines: number;
  /** Bind groups created. */
  readonly bindGroups: number;
}

/** WebGPU's usage flags, which are globals only where the runtime has WebGPU of its own. */
const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;
const TEXTURE_USAGE = { storage: 0x8 } as const;
const MAP_READ = 0x1;
const COMPUTE_STAGE = 0x4;

/** Buffers are multiples of this, so that vec4 kernels may touch the last ones' padding. */
const GRAIN = 256;

/** Size class: multiples of 256 bytes, then quarters of powers of two, so that few sizes serve all and little is lost. */
export function sizeClass(bytes: number): number {
  const rounded = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
  const quarter = 2 ** Math.max(0, Math.floor(Math.log2(rounded)) - 2);
  return quarter <= GRAIN ? rounded : Math.ceil(rounded / quarter) * quarter;
}

/** Bytes of a texel of four numbers. */
const TEXEL_BYTES = { rgba32float: 16, rgba16float: 8 } as const;

/** Data in whole words, the way WebGPU writes it, zeros behind the last one. As bytes: Dawn knows no Float16Array. */
function wholeWords({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  // WebGPU takes no shared memory.
  if (buffer instanceof ArrayBuffer && byteLength % 4 === 0) return new Uint8Array(buffer, byteOffset, byteLength);
  const padded = new Uint8Array(Math.ceil(byteLength / 4) * 4);
  padded.set(new Uint8Array(buffer, byteOffset, byteLength));
  return padded;
}

/** What a device makes and keeps for reuse. */
type Memory = GPUBuffer | GPUTexture;

/** What kernels bind beside uniforms. */
export type Bindable = GPUBuffer | GPUTexture | BufferRange;

/** A piece of a buffer. */
export interface BufferRange {
  /** A buffer of a device's. */
  readonly buffer: GPUBuffer;
  /** First byte, a multiple of 256. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** How a layout describes a binding. */
function layoutOf(binding: Binding): Pick<GPUBindGroupLayoutEntry, "buffer" | "storageTexture"> {
  const format = textureFormat(binding);
  if (format === undefined) return { buffer: { type: binding === "read" ? "read-only-storage" : "storage" } };
  return { storageTexture: { access: isWritten(binding) ? "write-only" : "read-only", format } };
}

/**
 * A WebGPU device with its memory, pipelines and faults. Errors that WebGPU reports later (validation, out of memory,
 * lost device) reject whoever waits next; none is swallowed.
 */
export class Device {
  /** The WebGPU device itself. */
  readonly gpu: GPUDevice;
  /** What it is: name, driver, features, limits. */
  readonly report: DeviceReport;
  readonly #pools = new Map<string, Memory[]>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #ready = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #faults: Faults;
  readonly #warmUp: WarmUp | undefined;
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
  readonly #reclaimer: Reclaimer;
  #counters = { submissions: 0, dispatches: 0, buffers: 0, pipelines: 0, bindGroups: 0 };

  /**
   * Wraps a device; `requestDevice()` makes one. `openHelper` opens another one of the same adapter, where the driver puts
   * off compiling until pipelines are used.
   *
   * @internal
   */
  constructor(gpu: GPUDevice, report: DeviceReport, openHelper?: () => Promise<Device>) {
    this.gpu = gpu;
    this.report = report;
    this.#reclaimer = new Reclaimer(() => this.#liveBytes, report);
    this.#warmUp = openHelper && new WarmUp(gpu, openHelper);
    this.#faults = new Faults(gpu, report.name, () => {
      // Which buffer it was is not said: none that was made since the last wait is kept for others.
      this.#isShort = true;
      for (const buffer of this.#fresh) this.#suspect.add(buffer);
    });
  }

  /**
   * The most bytes that a storage buffer may have, so that kernels can bind all of it.
   *
   * @internal
   */
  get largestBinding(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  /** Limits of the device. */
  get limits(): Readonly<Record<string, number>> {
    return this.report.limits;
  }

  #take<B extends Memory>(kind: string, size: number, create: () => B): B {
    const key = `${kind} ${size}`;
    // A pool has pieces of the kind that its key begins with.
    let piece = this.#pools.get(key)?.pop() as B | undefined;
    if (piece) this.#pooledBytes -= size;
    else {
      if (this.#faults.end) throw this.#faults.end;
      this.#isShort = false;
      piece = create();
      this.#counters.buffers++;
      this.#homes.set(piece, { key, size });
      // Dawn says so at once, browsers later.
      if (this.#isShort) this.#suspect.add(piece);
      else this.#fresh.push(piece);
    }
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return piece;
  }

  #takeBuffer(kind: string, bytes: number, usage: number): GPUBuffer {
    const limit = usage & USAGE.storage ? this.largestBinding : this.limits.maxBufferSize;
    // The last size class may be over the limit where what is asked for is not; kernels touch words in fours.
    const size = Math.max(Math.min(sizeClass(bytes), limit - limit % 16), Math.ceil(bytes / 16) * 16);
    return this.#take(kind, size, () => {
      if (size > limit) {
        const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
        throw new RangeError(
          `a buffer of ${mib(size)} is over this device's limit of ${mib(limit)} (${this.report.name}): ` +
            `use smaller batches or tensors, or another device`,
        );
      }
      return this.gpu.createBuffer({ size, usage });
    });
  }

  #giveBack(piece: Memory): void {
    const { key, size } = this.#homes.get(piece)!;
    this.#liveBytes -= size;
    if (this.#faults.end) return; // went with the device
    if (this.#suspect.has(piece)) return piece.destroy();
    const pool = this.#pools.get(key) ?? [];
    this.#pools.set(key, pool);
    pool.push(piece);
    this.#pooledBytes += size;
  }

  /**
   * A storage buffer of at least so many bytes, its contents undefined. Throws a RangeError over the limits.
   *
   * @internal
   */
  acquire(bytes: number): GPUBuffer {
    return this.#takeBuffer("storage", bytes, USAGE.storage | USAGE.copySource | USAGE.copyTarget);
  }

  /**
   * Gives a buffer of {@linkcode acquire} back for reuse.
   *
   * @internal
   */
  release(buffer: GPUBuffer): void {
    this.#giveBack(buffer);
  }

  /**
   * A texture of four numbers a texel that kernels write and read, its contents undefined.
   *
   * @internal
   */
  acquireTexture(width: number, height: number, format: TextureFormat = "rgba32float"): GPUTexture {
    const create = () => this.gpu.createTexture({ size: [width, height], format, usage: TEXTURE_USAGE.storage });
    return this.#take(`${format} ${width}`, width * height * TEXEL_BYTES[format], create);
  }

  /**
   * Gives a texture of {@linkcode acquireTexture} back for reuse.
   *
   * @internal
   */
  releaseTexture(texture: GPUTexture): void {
    this.#giveBack(texture);
  }

  /**
   * Bytes of what this device made, or of a piece of it.
   *
   * @internal
   */
  bytesOf(piece: Bindable): number {
    return "buffer" in piece ? piece.size : this.#homes.get(piece)!.size;
  }

  /**
   * A buffer to map for reading.
   *
   * @internal
   */
  staging(bytes: number): GPUBuffer {
    return this.#takeBuffer("staging", bytes, USAGE.mapRead | USAGE.copyTarget);
  }

  /**
   * Gives a buffer of {@linkcode staging} back for reuse.
   *
   * @internal
   */
  releaseStaging(buffer: GPUBuffer): void {
    this.#giveBack(buffer);
  }

  /**
   * A uniform buffer with contents.
   *
   * @internal
   */
  uniforms(words: Uint32Array): GPUBuffer {
    const buffer = this.#takeBuffer("uniform", words.byteLength, USAGE.uniform | USAGE.copyTarget);
    this.write(buffer, words);
    return buffer;
  }

  /**
   * Gives a buffer of {@linkcode uniforms} back for reuse.
   *
   * @internal
   */
  releaseUniforms(buffer: GPUBuffer): void {
    this.#giveBack(buffer);
  }

  /** Destroys what is kept for reuse. */
  trim(): void {
    for (const pool of this.#pools.values()) for (const memory of pool) memory.destroy();
    this.#pools.clear();
    this.#pooledBytes = 0;
  }

  /**
   * Writes host data into a buffer, ahead of everything submitted later; bytes that fill no word are followed by zeros.
   *
   * @internal
   */
  write(buffer: GPUBuffer, data: ArrayBufferView, offset = 0): void {
    if (data.byteLength > 0) this.gpu.queue.writeBuffer(buffer, offset, wholeWords(data));
  }

  #groupLayout(kernel: Kernel): GPUBindGroupLayout {
    const key = kernel.bindings.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      const entries = [...kernel.bindings.map(layoutOf), { buffer: { type: "uniform" as const } }]
        .map((entry, binding) => ({ binding, visibility: COMPUTE_STAGE, ...entry }));
      layout = this.gpu.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /**
   * The layout of one pipeline alone: where two share theirs, wgpu holds the uniforms of the second one against the size
   * that the first one wants.
   */
  #layout(kernel: Kernel): GPUPipelineLayout {
    return this.gpu.createPipelineLayout({ bindGroupLayouts: [this.#groupLayout(kernel)] });
  }

  /**
   * The pipeline of a kernel, compiled the first time its text is met. Rejects with the compiler's message.
   *
   * @internal
   */
  pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(kernel.code);
    if (!pipeline) {
      this.#counters.pipelines++;
      pipeline = this.#compile(kernel);
      this.#pipelines.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  /**
   * The pipeline whose machine code took longest to make; `undefined` where the driver makes it unseen.
   *
   * @internal
   */
  get slowestPipeline(): Compilation | undefined {
    return this.#warmUp?.slowest;
  }

  /**
   * The pipeline of a kernel, if it is compiled.
   *
   * @internal
   */
  readyPipeline(kernel: Kernel): GPUComputePipeline | undefined {
    return this.#ready.get(kernel.code);
  }

  /**
   * The pipeline of a kernel, compiled while everything waits where it is not there yet.
   *
   * @internal
   */
  pipelineNow(kernel: Kernel): GPUComputePipeline {
    const ready = this.#ready.get(kernel.code);
    if (ready) return ready;
    this.#counters.pipelines++;
    const { name: label, code } = kernel;
    const module = this.gpu.createShaderModule({ label, code });
    const layout = this.#layout(kernel);
    const pipeline = this.gpu.createComputePipeline({ label, layout, compute: { module, entryPoint: "main" } });
    this.#ready.set(code, pipeline);
    this.#pipelines.set(code, Promise.resolve(pipeline));
    return pipeline;
  }

  async #compile(kernel: Kernel): Promise<GPUComputePipeline> {
    const { name: label, code } = kernel;
    // What is wrong with a text also arrives as an uncaptured error, but the message below says more.
    this.gpu.pushErrorScope("validation");
    const module = this.gpu.createShaderModule({ label, code });
    const heard = this.gpu.popErrorScope();
    heard.catch(() => {}); // the device is gone: the next wait says so
    const layout = this.#layout(kernel);
    let pipeline: GPUComputePipeline;
    try {
      pipeline = await this.#faults.wait(
        this.gpu.createComputePipelineAsync({ label, layout, compute: { module, entryPoint: "main" } }),
      );
    } catch (error) {
      this.#pipelines.delete(code);
      const { messages } = await this.#faults.wait(module.getCompilationInfo());
      const lines = code.split("\n");
      const notes = messages.map(({ lineNum, message }) =>
        `line ${lineNum}: ${message}\n    ${lines[lineNum - 1] ?? ""}`
      );
      throw new Error([`internal: kernel ${label} does not compile: ${messageOf(error)}`, ...notes].join("\n"));
    }
    if (this.#warmUp) await this.#faults.wait(this.#warmUp.add(kernel, pipeline));
    this.#ready.set(code, pipeline);
    return pipeline;
  }

  /**
   * Binds buffers and textures to a kernel, in the order of its bindings.
   *
   * @internal
   */
  bindGroup(kernel: Kernel, memory: readonly Bindable[], uniforms: BufferRange): GPUBindGroup {
    this.#counters.bindGroups++;
    const resource = (piece: Bindable): GPUBindingResource =>
      "buffer" in piece ? piece : "createView" in piece ? piece.createView() : { buffer: piece };
    const entries: GPUBindGroupEntry[] = memory.map((piece, binding) => ({ binding, resource: resource(piece) }));
    entries.push({ binding: memory.length, resource: uniforms });
    return this.gpu.createBindGroup({ label: kernel.name, layout: this.#groupLayout(kernel), entries });
  }

  /**
   * Encodes and submits work as one command buffer; `dispatches` of it are counted.
   *
   * @internal
   */
  submit(encode: (encoder: GPUCommandEncoder) => void, dispatches = 0): void {
    if (this.#faults.end) throw this.#faults.end;
    const encoder = this.gpu.createCommandEncoder();
    encode(encoder);
    this.gpu.queue.submit([encoder.finish()]);
    this.#counters.submissions++;
    this.#counters.dispatches += dispatches;
  }

  /**
   * Waits for a promise of WebGPU's, then throws what WebGPU reported since the last wait.
   *
   * @internal
   */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const result = await this.#faults.wait(promise);
    this.#fresh = [];
    const fault = this.fault();
    if (fault) throw fault;
    return result;
  }

  /** Waits for everything submitted so far. */
  async done(): Promise<void> {
    await this.settle(this.gpu.queue.onSubmittedWorkDone());
  }

  /**
   * Bytes of a buffer; waits for the work before.
   *
   * @internal
   */
  async read(buffer: GPUBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    const staging = this.staging(bytes);
    this.submit((encoder) => encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes));
    return await this.collect(staging, bytes);
  }

  /**
   * Maps a staging buffer into which a copy was submitted, copies its first bytes and gives it back.
   *
   * @internal
   */
  async collect(staging: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    try {
      await this.settle(staging.mapAsync(MAP_READ, 0, bytes));
      return staging.getMappedRange(0, bytes).slice(0);
    } finally {
      if (!this.#faults.end) staging.unmap();
      this.releaseStaging(staging);
    }
  }

  /**
   * Takes the oldest fault that nobody has heard of.
   *
   * @internal
   */
  fault(): Error | undefined {
    return this.#faults.take();
  }

  /** Bytes in use, at most in use, and kept for reuse. */
  memory(): MemoryReport {
    return { liveBytes: this.#liveBytes, peakBytes: this.#peakBytes, pooledBytes: this.#pooledBytes };
  }

  /**
   * Collects JavaScript's garbage where it may hold much of the memory in use, and lets finalizers run; `undefined` where
   * there is no need. For those who are about to take memory, and may wait.
   *
   * @internal
   */
  relieve(): Promise<void> | undefined {
    return this.#reclaimer.relieve();
  }

  /** Starts a new peak at what is in use now. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /** What was done since opening. */
  counters(): Counters {
    return { ...this.#counters };
  }

  /** Frees the device; whoever still waits is rejected. */
  destroy(): void {
    this.#faults.finish(new Error("the device was destroyed: open a new one"));
    this.#warmUp?.stop();
    this.trim();
    this.gpu.destroy();
  }

  /** `using` destroys at the end of a scope. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
