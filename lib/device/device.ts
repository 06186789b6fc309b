import type { Kernel, TextureFormat } from "../../kernels/kernel.ts";
import { type Bindable, type BufferRange, groupEntries } from "./bindable.ts";
import { Faults } from "./faults.ts";
import { MemoryPool } from "./memory_pool.ts";
import { Pipelines } from "./pipelines.ts";
import { Reclaimer } from "./reclaim.ts";
import type { Counters, DeviceReport, MemoryReport } from "./reports.ts";
import { type Compilation, WarmUp } from "./warm_up.ts";

const MAP_READ = 0x1;

/** Data in whole words, the way WebGPU writes it, zeros behind the last one. As bytes: Dawn knows no Float16Array. */
function wholeWords({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  // WebGPU takes no shared memory.
  if (buffer instanceof ArrayBuffer && byteLength % 4 === 0) return new Uint8Array(buffer, byteOffset, byteLength);
  const padded = new Uint8Array(Math.ceil(byteLength / 4) * 4);
  padded.set(new Uint8Array(buffer, byteOffset, byteLength));
  return padded;
}

/**
 * A WebGPU device with its memory, pipelines and faults: what {@linkcode openDevice} gives. Errors that WebGPU reports
 * later (validation, out of memory, lost device) reject whoever waits next; none is swallowed.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const device = await dd.openDevice();
 * const { submissions } = device.counters();
 * await dd.tensor([1, 2]).mul(3).add(1).data();
 * console.log(device.counters().submissions > submissions, device.memory().liveBytes > 0); // true true
 * ```
 */
export class Device {
  /** The WebGPU device itself, for kernels of one's own. */
  readonly gpu: GPUDevice;
  /** What it is: name, driver, features, limits. */
  readonly report: DeviceReport;
  readonly #faults: Faults;
  readonly #memory: MemoryPool;
  readonly #pipelines: Pipelines;
  readonly #warmUp: WarmUp | undefined;
  readonly #reclaimer: Reclaimer;
  #counters = { submissions: 0, dispatches: 0, bindGroups: 0 };

  /**
   * Wraps a device; `requestDevice()` makes one. `openHelper` opens another one of the same adapter, where the driver puts
   * off compiling until pipelines are used.
   *
   * @internal
   */
  constructor(gpu: GPUDevice, report: DeviceReport, openHelper?: () => Promise<Device>) {
    this.gpu = gpu;
    this.report = report;
    this.#faults = new Faults(gpu, report.name, () => this.#memory.noteShortage());
    this.#memory = new MemoryPool(gpu, report, () => this.#faults.end);
    this.#warmUp = openHelper && new WarmUp(gpu, openHelper);
    this.#pipelines = new Pipelines(gpu, { faults: this.#faults, warmUp: this.#warmUp });
    this.#reclaimer = new Reclaimer(() => this.#memory.liveBytes, report);
  }

  /**
   * The most bytes that a storage buffer may have, so that kernels can bind all of it.
   *
   * @internal
   */
  get largestBinding(): number {
    return this.#memory.largestBinding;
  }

  /** Limits of the device, by WebGPU's names, such as `maxBufferSize` in bytes. */
  get limits(): Readonly<Record<string, number>> {
    return this.report.limits;
  }

  /**
   * A storage buffer of at least so many bytes, its contents undefined. Throws a RangeError over the limits.
   *
   * @internal
   */
  acquire(bytes: number): GPUBuffer {
    return this.#memory.buffer("storage", bytes);
  }

  /**
   * Gives a buffer of {@linkcode acquire} back for reuse.
   *
   * @internal
   */
  release(buffer: GPUBuffer): void {
    this.#memory.giveBack(buffer);
  }

  /**
   * A texture of four numbers a texel that kernels write and read, its contents undefined.
   *
   * @internal
   */
  acquireTexture(width: number, height: number, format: TextureFormat = "rgba32float"): GPUTexture {
    return this.#memory.texture(width, height, format);
  }

  /**
   * Gives a texture of {@linkcode acquireTexture} back for reuse.
   *
   * @internal
   */
  releaseTexture(texture: GPUTexture): void {
    this.#memory.giveBack(texture);
  }

  /**
   * Bytes of what this device made, or of a piece of it.
   *
   * @internal
   */
  bytesOf(piece: Bindable): number {
    return this.#memory.bytesOf(piece);
  }

  /**
   * A buffer to map for reading.
   *
   * @internal
   */
  staging(bytes: number): GPUBuffer {
    return this.#memory.buffer("staging", bytes);
  }

  /**
   * Gives a buffer of {@linkcode staging} back for reuse.
   *
   * @internal
   */
  releaseStaging(buffer: GPUBuffer): void {
    this.#memory.giveBack(buffer);
  }

  /**
   * A uniform buffer with contents.
   *
   * @internal
   */
  uniforms(words: Uint32Array): GPUBuffer {
    const buffer = this.#memory.buffer("uniform", words.byteLength);
    this.write(buffer, words);
    return buffer;
  }

  /**
   * Gives a buffer of {@linkcode uniforms} back for reuse.
   *
   * @internal
   */
  releaseUniforms(buffer: GPUBuffer): void {
    this.#memory.giveBack(buffer);
  }

  /** Destroys the buffers and textures that are kept for reuse; those in use stay. */
  trim(): void {
    this.#memory.trim();
  }

  /**
   * Writes host data into a buffer, ahead of everything submitted later; bytes that fill no word are followed by zeros.
   *
   * @internal
   */
  write(buffer: GPUBuffer, data: ArrayBufferView, offset = 0): void {
    if (data.byteLength > 0) this.gpu.queue.writeBuffer(buffer, offset, wholeWords(data));
  }

  /**
   * The pipeline of a kernel, compiled the first time its text is met. Rejects with the compiler's message.
   *
   * @internal
   */
  pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    return this.#pipelines.of(kernel);
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
    return this.#pipelines.ready(kernel);
  }

  /**
   * The pipeline of a kernel, compiled while everything waits where it is not there yet.
   *
   * @internal
   */
  pipelineNow(kernel: Kernel): GPUComputePipeline {
    return this.#pipelines.now(kernel);
  }

  /**
   * Binds buffers and textures to a kernel, in the order of its bindings.
   *
   * @internal
   */
  bindGroup(kernel: Kernel, memory: readonly Bindable[], uniforms: BufferRange): GPUBindGroup {
    this.#counters.bindGroups++;
    const layout = this.#pipelines.groupLayout(kernel);
    return this.gpu.createBindGroup({ label: kernel.name, layout, entries: groupEntries(memory, uniforms) });
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
    this.#memory.noteSettled();
    const fault = this.fault();
    if (fault) throw fault;
    return result;
  }

  /** Resolves once everything that was submitted so far is done. Rejects with what the device reported since the last wait. */
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

  /** Says how many bytes are in use, were in use at most, and are kept for reuse. */
  memory(): MemoryReport {
    return this.#memory.report();
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

  /** Starts a new peak of {@linkcode memory} at what is in use now. */
  resetPeak(): void {
    this.#memory.resetPeak();
  }

  /** Counts what was done since the device was opened: submissions, dispatches, and what was created for them. */
  counters(): Counters {
    const { submissions, dispatches, bindGroups } = this.#counters;
    return { submissions, dispatches, buffers: this.#memory.created, pipelines: this.#pipelines.created, bindGroups };
  }

  /** Frees the device and its memory. Whoever still waits for it is rejected, and so is all later work. */
  destroy(): void {
    this.#faults.finish(new Error("the device was destroyed: open a new one"));
    this.#warmUp?.stop();
    this.trim();
    this.gpu.destroy();
  }

  /** Destroys the device at the end of a scope with `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
