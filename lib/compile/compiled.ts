import { allocate, storedBytes, type TypedArray, viewAs } from "../tensor/dtype.ts";
import type { Executor } from "../tensor/executor.ts";
import { sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Bindable } from "../device/device.ts";
import { requireBindable } from "./binding_limit.ts";
import { type BoundLeaves, BoundPlan } from "./bound_plan.ts";
import { capturedNodes } from "./captured_nodes.ts";
import { Donations } from "./donations.ts";
import { type ExplainOptions, explainPlan } from "./explain.ts";
import { type FunctionMemory, functionMemory } from "./function_memory.ts";
import { makePlan, type Plan } from "./plan.ts";
import { Runtime } from "./runtime.ts";
import { DeviceStorage } from "./storage.ts";
import { LeafTextures } from "./textures.ts";
import { timeByDifference } from "./time_by_difference.ts";
import { type DispatchTime, dispatchTimes, type ProfileClock, Timer } from "./timer.ts";

/** Host data up to this size is written into a slot of the plan; larger tensors get memory of their own, once. */
const MAX_SLOT_BYTES = 256 * 1024;
/** Results up to this size come back to the host with the step. */
const MAX_RETURN_BYTES = 64 * 1024;
const MAX_IN_FLIGHT = 2;

/** What a traced function computes. */
export interface TracedFunction {
  /** Stand-ins for the arguments' tensors. */
  readonly placeholders: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Positions of placeholders whose memory is given up. */
  readonly donated: ReadonlySet<number>;
  /** Tensors older than this were made outside of the function. */
  readonly firstId: number;
  readonly name: string;
  /** Where each placeholder's tensor lies in the arguments, for people; its position by default. */
  readonly paths?: readonly (readonly string[])[];
}

/** The runtime of an executor. Throws where another one is installed. */
export function runtimeOf(executor: Executor): Runtime {
  if (!(executor instanceof Runtime)) throw new Error("jit: needs the executor that openDevice() installs");
  return executor;
}

/** Compiles a traced function: everything that a call will need is made here. */
export async function compileFunction(runtime: Runtime, traced: TracedFunction): Promise<Compiled> {
  const { placeholders, outputs, donated, firstId } = traced;
  const outside = capturedNodes(outputs, firstId);
  await runtime.evaluate(outside);
  const given = new Set(placeholders.filter((_, i) => donated.has(i)));
  const planned = () =>
    makePlan(outputs, {
      target: runtime.target,
      isLeaf: ({ state, id }) => state.kind !== "node" || id < firstId,
      donated: given,
      isFrozen: (leaf) => !given.has(leaf) || outputs.includes(leaf),
    });
  let plan = planned();
  requireBindable(runtime.device, plan, (leaf) => traced.paths?.[placeholders.indexOf(leaf)]?.join("."));
  if (await runtime.tuner?.learn()) plan = planned();
  const captured = plan.leaves.filter(({ state }) => state.kind === "arriving");
  await Promise.all(captured.map((leaf) => leaf.data()));
  const textures = new LeafTextures(runtime.device, plan);
  const [pipelines] = await Promise.all([runtime.pipelines(plan), textures.prepare()]);
  return new Compiled(runtime, traced, plan, { pipelines, textures });
}

/** Where a leaf of the plan comes from in a call. */
type LeafSource = { readonly argument: number } | { readonly captured: Tensor };

/** A result that is copied out of the plan's memory at the end of a step. */
interface Outgoing {
  readonly slot: number;
  readonly bytes: number;
  /** Position in the staging buffer, or −1 for memory of its own. */
  readonly offset: number;
}

/** A function compiled for one signature. */
export class Compiled {
  readonly #bound: BoundPlan;
  readonly #textures: LeafTextures;
  readonly #sources: readonly LeafSource[];
  readonly #outgoing: readonly (Outgoing | undefined)[];
  readonly #stagingBytes: number;
  /** The plan's own buffers for small host data, and what was written last. */
  readonly #entries: ({ readonly buffer: GPUBuffer; last?: TypedArray } | undefined)[];
  readonly #inFlight: Promise<unknown>[] = [];
  /** What the last call ran on. */
  #last: BoundLeaves | undefined;
  #isDisposed = false;

  constructor(
    readonly runtime: Runtime,
    readonly traced: TracedFunction,
    readonly plan: Plan,
    made: { readonly pipelines: readonly GPUComputePipeline[]; readonly textures: LeafTextures },
  ) {
    this.#bound = new BoundPlan(runtime.device, plan, made.pipelines);
    this.#textures = made.textures;
    const positions = new Map(traced.placeholders.map((placeholder, i) => [placeholder, i]));
    this.#sources = plan.leaves.map((leaf) => {
      const argument = positions.get(leaf);
      return argument === undefined ? { captured: leaf } : { argument };
    });
    let staging = 0;
    this.#outgoing = plan.results.map((place, i) => {
      const bytes = storedBytes(traced.outputs[i]);
      if (place.kind !== "slot" || bytes === 0) return undefined;
      if (bytes > MAX_RETURN_BYTES) return { slot: place.slot, bytes, offset: -1 };
      const offset = staging;
      staging += bytes;
      return { slot: place.slot, bytes, offset };
    });
    this.#stagingBytes = staging;
    this.#entries = plan.leaves.map(() => undefined);
  }

  /** Runs on the tensors of a call. Resolves once the step is encoded; rejects with the faults of earlier ones. */
  async run(leaves: readonly Tensor[]): Promise<Tensor[]> {
    await this.#ready(leaves);
    return this.#encode(leaves).results;
  }

  /** Waits until a step may be encoded. */
  async #ready(leaves: readonly Tensor[]): Promise<void> {
    if (this.#isDisposed) throw new Error(`jit: ${this.traced.name || "the function"} was disposed`);
    while (this.#inFlight.length >= MAX_IN_FLIGHT) await this.#inFlight.shift();
    const late = leaves.filter(({ state }) => state.kind === "node" || state.kind === "arriving");
    if (late.length > 0) {
      await this.runtime.evaluate(late);
      await Promise.all(late.filter(({ state }) => state.kind === "arriving").map((leaf) => leaf.data()));
    }
  }

  /**
   * Like {@linkcode run}, with the time that each dispatch takes: slower, as each is a compute pass of its own, or is
   * repeated afterwards on copies where the device has no clock.
   */
  async profile(
    leaves: readonly Tensor[],
  ): Promise<{ results: Tensor[]; clock: ProfileClock; dispatches: DispatchTime[] }> {
    await this.#ready(leaves);
    const { device } = this.runtime;
    if (!Timer.isThere(device)) {
      const { results, bound } = this.#encode(leaves);
      const seconds = await timeByDifference(this.#bound, bound);
      return { results, clock: "difference", dispatches: dispatchTimes(this.plan, seconds) };
    }
    using timer = new Timer(device, this.plan.steps.length);
    const { results } = this.#encode(leaves, timer);
    return { results, clock: "timestamps", dispatches: dispatchTimes(this.plan, await timer.seconds()) };
  }

  #encode(args: readonly Tensor[], timer?: Timer): { results: Tensor[]; bound: BoundLeaves } {
    const { device } = this.runtime;
    const { donated, name } = this.traced;
    for (const { state, shape } of args) {
      if (state.kind === "gone") throw new Error(`jit: an argument of shape [${shape.join(", ")}] was ${state.reason}`);
    }
    const returned = this.#returned(args);
    const fresh = new Map<number, DeviceStorage>();
    const donations = new Donations(this.runtime, args);
    const argumentOf = (leaf: number) => (this.#sources[leaf] as { argument: number }).argument;
    const arenas = this.plan.arenas.map((arena) => {
      const storages = donations.gather(arena, (leaf) => args[argumentOf(leaf)]);
      arena.leaves.forEach(({ leaf }, i) => fresh.set(argumentOf(leaf), storages[i]));
      return storages[0].buffer;
    });
    const copied = new Map<number, DeviceStorage>();
    const buffers = this.#sources.map((source, leaf) => {
      const tensor = "argument" in source ? args[source.argument] : source.captured;
      if (this.#textures.has(leaf)) copied.set(leaf, this.runtime.upload(tensor));
      if (!("argument" in source)) return this.runtime.upload(tensor).memory;
      if (!donated.has(source.argument) || returned.has(tensor)) return this.#enter(leaf, tensor);
      const storage = fresh.get(source.argument) ?? donations.own(tensor);
      fresh.set(source.argument, storage);
      return storage.memory;
    });
    const bound: BoundLeaves = { buffers, arenas, textures: this.#textures.of(copied) };
    this.#last = bound;
    const staging = this.#stagingBytes > 0 ? device.staging(this.#stagingBytes) : undefined;
    const own = new Map<number, DeviceStorage>();
    device.submit((encoder) => {
      donations.encode(encoder);
      this.#bound.encode(encoder, bound, timer);
      this.plan.results.forEach((place, i) => {
        const outgoing = this.#outgoing[i];
        if (place.kind === "copied") {
          const bytes = storedBytes(this.traced.outputs[i]);
          const { buffer, offset } = fresh.get(argumentOf(place.leaf))!;
          encoder.copyBufferToBuffer(this.#bound.slots[place.slot], 0, buffer, offset, bytes);
        } else if (outgoing && outgoing.offset >= 0) {
          encoder.copyBufferToBuffer(this.#bound.slots[outgoing.slot], 0, staging!, outgoing.offset, outgoing.bytes);
        } else if (outgoing) {
          const storage = new DeviceStorage(device, device.acquire(outgoing.bytes));
          own.set(i, storage);
          encoder.copyBufferToBuffer(this.#bound.slots[outgoing.slot], 0, storage.buffer, 0, outgoing.bytes);
        }
      });
    }, this.plan.steps.length);

    const arrival = staging ? device.collect(staging, this.#stagingBytes) : device.done();
    arrival.catch(() => {}); // heard of by the next call, and by whoever asks for a result
    this.#inFlight.push(arrival);

    const taken = new Set<number>();
    const results = this.plan.results.map((place, i): Tensor => {
      const { shape, dtype, size } = this.traced.outputs[i];
      const outgoing = this.#outgoing[i];
      if (outgoing && outgoing.offset >= 0) {
        const data = (arrival as Promise<ArrayBuffer>).then((bytes) =>
          viewAs(dtype, bytes.slice(outgoing.offset, outgoing.offset + outgoing.bytes), 0, size)
        );
        data.catch(() => {});
        return new Tensor(shape, dtype, { kind: "arriving", data });
      }
      if (outgoing) return new Tensor(shape, dtype, { kind: "device", storage: own.get(i)! });
      if (place.kind === "slot") return new Tensor(shape, dtype, { kind: "host", data: allocate(dtype, 0) });
      const { leaf } = place;
      const source = this.#sources[leaf];
      if (place.kind === "leaf") {
        const tensor = "argument" in source ? args[source.argument] : source.captured;
        if (sameShape(tensor.shape, shape)) return tensor;
        const storage = this.runtime.upload(tensor);
        storage.retain();
        return new Tensor(shape, dtype, { kind: "device", storage });
      }
      const argument = (source as { argument: number }).argument;
      taken.add(argument);
      const storage = fresh.get(argument)!;
      storage.version++;
      return new Tensor(shape, dtype, { kind: "device", storage });
    });

    for (const position of donated) {
      const tensor = args[position];
      if (returned.has(tensor) || tensor.state.kind === "gone") continue;
      const { state } = tensor;
      tensor.settle({ kind: "gone", reason: `donated to ${name || "a jitted function"}` });
      const previous = state.kind === "device" ? state.storage : state.kind === "host" ? state.storage : undefined;
      const storage = fresh.get(position);
      // What was written in place goes on with its result; a copy's original loses this owner.
      if (storage !== previous) previous?.release();
      if (storage && !taken.has(position)) storage.release();
    }
    return { results, bound };
  }

  /** Arguments that come out as they went in: they are not given up. */
  #returned(args: readonly Tensor[]): Set<Tensor> {
    const found = new Set<Tensor>();
    this.plan.results.forEach((place, i) => {
      if (place.kind !== "leaf") return;
      const source = this.#sources[place.leaf];
      if (!("argument" in source)) return;
      if (sameShape(args[source.argument].shape, this.traced.outputs[i].shape)) found.add(args[source.argument]);
    });
    return found;
  }

  /** The buffer in which a plan finds an argument that stays the caller's. */
  #enter(leaf: number, tensor: Tensor): Bindable {
    const { state } = tensor;
    const isSmall = state.kind === "host" && state.storage === undefined && state.data.byteLength <= MAX_SLOT_BYTES;
    if (!isSmall) return this.runtime.upload(tensor).memory;
    const { device } = this.runtime;
    const entry = this.#entries[leaf] ??= { buffer: device.acquire(state.data.byteLength) };
    if (entry.last !== state.data) {
      device.write(entry.buffer, state.data);
      entry.last = state.data;
    }
    return entry.buffer;
  }

  /** The plan in words. */
  explain(options: ExplainOptions = {}): string {
    return explainPlan(this.plan, { ...options, name: this.traced.name });
  }

  /** What takes the bytes. */
  memory(): FunctionMemory {
    const { name, donated, outputs, paths = [] } = this.traced;
    const handedThrough = new Set(this.plan.results.flatMap((place) => place.kind === "leaf" ? [place.leaf] : []));
    return functionMemory(this.runtime.device, {
      name,
      plan: this.plan,
      leaves: this.#sources.map((source, leaf) => {
        if (!("argument" in source)) return { isDonated: false };
        const { argument } = source;
        const isDonated = donated.has(argument) && !handedThrough.has(leaf);
        return { path: paths[argument] ?? [String(argument)], isDonated };
      }),
      bound: this.#last,
      own: this.#bound,
      results: this.#outgoing.flatMap((outgoing, i) =>
        outgoing && outgoing.offset < 0 ? [{ bytes: outgoing.bytes, shape: outputs[i].shape }] : []
      ),
      stagingBytes: this.#stagingBytes,
    });
  }

  /** Gives back the memory of the plan once nothing runs on it. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await Promise.allSettled(this.#inFlight.splice(0));
    this.#bound.dispose();
    this.#textures.dispose();
    for (const entry of this.#entries) if (entry) this.runtime.device.release(entry.buffer);
  }
}
