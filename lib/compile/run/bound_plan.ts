import type { Bindable, BufferRange } from "../../device/bindable.ts";
import type { Device } from "../../device/device.ts";
import type { BufferName, Plan } from "../plan/plan.ts";
import { countRuns, visitRuns } from "../plan/repeat.ts";
import type { Timer } from "./timer.ts";

/** Uniforms of each step begin at multiples of this: what every device allows as an offset. */
const UNIFORM_ALIGNMENT = 256;
/** Sets of leaves for which bind groups are kept. */
const KEPT_SETS = 4;

const numbers = new WeakMap<Bindable, number>();
let numbered = 0;

function numberOf(buffer: Bindable): number {
  let number = numbers.get(buffer);
  if (number === undefined) numbers.set(buffer, number = ++numbered);
  return number;
}

/** The uniforms of all steps in one array of words, equal ones once. */
function layUniforms(plan: Plan): { words: Uint32Array; offsets: number[] } {
  const stride = UNIFORM_ALIGNMENT / 4;
  const known = new Map<string, number>();
  const offsets: number[] = [];
  const parts: { offset: number; words: Uint32Array }[] = [];
  let end = 0;
  for (const { uniforms } of plan.steps) {
    const key = uniforms.join();
    let offset = known.get(key);
    if (offset === undefined) {
      offset = end;
      known.set(key, offset);
      parts.push({ offset, words: uniforms });
      end += Math.max(1, Math.ceil(uniforms.length / stride)) * stride;
    }
    offsets.push(offset * 4);
  }
  const words = new Uint32Array(Math.max(end, stride));
  for (const part of parts) words.set(part.words, part.offset);
  return { words, offsets };
}

/** What the leaves of a plan lie in. */
export interface BoundLeaves {
  /** Memory of all leaves. */
  readonly buffers: readonly Bindable[];
  /** Buffers of the plan's arenas of leaves. */
  readonly arenas?: readonly GPUBuffer[];
  /** Textures of those that are read as one. */
  readonly textures?: ReadonlyMap<number, GPUTexture>;
}

/** A plan with pipelines and memory on a device. */
export class BoundPlan {
  /** Buffers of the plan's slots. */
  readonly slots: readonly GPUBuffer[];
  /** Textures into which operands are packed. */
  readonly packed: readonly GPUTexture[];
  /** The buffer of single numbers, where there are any. */
  readonly scalars: GPUBuffer | undefined;
  /** The buffer of all steps' uniforms. */
  readonly uniforms: GPUBuffer;
  /** How many dispatches it encodes: each step as often as it runs. */
  readonly dispatches: number;
  readonly #ranges: readonly BufferRange[];
  readonly #groups = new Map<string, GPUBindGroup[]>();

  constructor(readonly device: Device, readonly plan: Plan, readonly pipelines: readonly GPUComputePipeline[]) {
    this.slots = plan.slots.map((bytes) => device.acquire(bytes));
    this.packed = plan.packed.map((size) => device.acquireTexture(...size));
    this.scalars = plan.scalars > 0 ? device.acquire(plan.scalars * 4) : undefined;
    this.dispatches = countRuns(plan).reduce((sum, runs) => sum + runs, 0);
    const { words, offsets } = layUniforms(plan);
    const buffer = this.uniforms = device.uniforms(words);
    this.#ranges = plan.steps.map(({ uniforms }, i) => ({
      buffer,
      offset: offsets[i],
      size: Math.max(16, Math.ceil(uniforms.length / 4) * 16),
    }));
  }

  #buffer(name: BufferName, { buffers, arenas, textures }: BoundLeaves): Bindable {
    if (name === "scalars") return this.scalars!;
    if ("texture" in name) return textures!.get(name.texture)!;
    if ("packed" in name) return this.packed[name.packed];
    if ("leaf" in name) return buffers[name.leaf];
    if ("arena" in name) return { buffer: arenas![name.arena], offset: 0, size: this.plan.arenas[name.arena].bytes };
    const buffer = this.slots[name.slot];
    return name.range ? { buffer, offset: name.range.offset, size: name.range.bytes } : buffer;
  }

  /** Bind groups of all steps. */
  bind(leaves: BoundLeaves): GPUBindGroup[] {
    return this.plan.steps.map(({ kernel, buffers }, i) =>
      this.device.bindGroup(kernel, buffers.map((name) => this.#buffer(name, leaves)), this.#ranges[i])
    );
  }

  #groupsFor(leaves: BoundLeaves): GPUBindGroup[] {
    const key = [...leaves.buffers, ...leaves.textures?.values() ?? []].map(numberOf).join();
    const groups = this.#groups.get(key) ?? this.bind(leaves);
    // The last used set stands last: the first one goes when there are too many.
    this.#groups.delete(key);
    this.#groups.set(key, groups);
    if (this.#groups.size > KEPT_SETS) this.#groups.delete(this.#groups.keys().next().value!);
    return groups;
  }

  /** Encodes all steps on the given leaves' buffers: as one compute pass, or as one for each step to be timed. */
  encode(encoder: GPUCommandEncoder, leaves: BoundLeaves, timer?: Timer): void {
    const { steps } = this.plan;
    if (steps.length === 0) return;
    const groups = this.#groupsFor(leaves);
    let pass = timer ? undefined : encoder.beginComputePass();
    visitRuns(this.plan, (i) => {
      if (timer) {
        pass?.end();
        pass = encoder.beginComputePass({ timestampWrites: timer.writes(i) });
      }
      pass!.setPipeline(this.pipelines[i]);
      pass!.setBindGroup(0, groups[i]);
      pass!.dispatchWorkgroups(...steps[i].grid);
    });
    pass?.end();
    timer?.resolve(encoder);
  }

  /** Encodes one step alone, several times over, as a compute pass. */
  encodeStep(
    encoder: GPUCommandEncoder,
    { step, group, repeats }: { readonly step: number; readonly group: GPUBindGroup; readonly repeats: number },
  ): void {
    const pass = encoder.beginComputePass();
    if (repeats > 0) {
      pass.setPipeline(this.pipelines[step]);
      pass.setBindGroup(0, group);
    }
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...this.plan.steps[step].grid);
    pass.end();
  }

  /** Gives the plan's memory back, but for slots that were handed on. */
  dispose(kept: ReadonlySet<number> = new Set()): void {
    this.slots.forEach((buffer, slot) => {
      if (!kept.has(slot)) this.device.release(buffer);
    });
    this.packed.forEach((texture) => this.device.releaseTexture(texture));
    if (this.scalars) this.device.release(this.scalars);
    this.device.releaseUniforms(this.uniforms);
    this.#groups.clear();
  }
}
