import { storedBytes, type TypedArray, viewAs } from "../../tensor/dtype.ts";
import type { Executor } from "../../tensor/executor.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { Hold } from "../../tensor/hold.ts";
import { aliasOf, giveUp, goneOf, idOf, makeTensor, stateOf, type Tensor } from "../../tensor/tensor.ts";
import type { Bindable } from "../../device/bindable.ts";
import { requireBindable } from "./binding_limit.ts";
import { type BoundLeaves, BoundPlan } from "./bound_plan.ts";
import { CompileWatch } from "./compile_watch.ts";
import { Donations } from "./donations.ts";
import { type FunctionMemory, functionMemory } from "../inspect/function_memory.ts";
import { type PlanSummary, summarizePlan } from "../inspect/plan_summary.ts";
import { layResultCopies, type ResultCopy } from "./result_copies.ts";
import { makePlan } from "../plan/make_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { Runtime, settleEmpty } from "./runtime.ts";
import { DeviceStorage } from "./storage.ts";
import { LeafTextures } from "./textures.ts";
import { timeByDifference } from "./time_by_difference.ts";
import { type DispatchTime, dispatchTimes, type ProfileClock } from "../inspect/dispatch_times.ts";
import { Timer } from "./timer.ts";
import { walkTrace } from "../graph/traced_graph.ts";

/** Host data up to this size is written into a slot of the plan; larger tensors get memory of their own, once. */
const MAX_SLOT_BYTES = 256 * 1024;
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

/**
 * Compiles a traced function: everything that a call will need is made here. What it closes over is held from now on,
 * until it is disposed of.
 */
export async function compileFunction(runtime: Runtime, traced: TracedFunction): Promise<Compiled> {
  const { placeholders, outputs, donated, firstId, name } = traced;
  for (const output of outputs) {
    const gone = goneOf(output);
    if (gone === undefined) continue;
    const shape = formatShape(output.shape);
    throw new Error(`jit: ${name || "the function"} returned a tensor of shape ${shape} that was ${gone}`);
  }
  const graph = walkTrace(outputs, firstId);
  graph.captured.forEach(settleEmpty);
  const captured = new Hold(graph.captured);
  using watch = new CompileWatch(runtime.report, { name, operations: graph.made.length });
  try {
    await runtime.evaluate(graph.captured);
    const given = new Set(placeholders.filter((_, i) => donated.has(i)));
    const returned = new Set(outputs);
    const planned = () =>
      makePlan(outputs, {
        target: runtime.target,
        isKept: true,
        isLeaf: (tensor) => stateOf(tensor).kind !== "node" || idOf(tensor) < firstId,
        donated: given,
        isFrozen: (leaf) => !given.has(leaf) || returned.has(leaf),
        onPiece: () => watch.look(),
      });
    let plan = planned();
    requireBindable(runtime.device, plan, (leaf) => traced.paths?.[placeholders.indexOf(leaf)]?.join("."));
    if (await runtime.tuner?.learn()) plan = planned();
    await runtime.arrive(plan.leaves);
    const textures = new LeafTextures(runtime.device, plan);
    const [pipelines] = await Promise.all([runtime.pipelines(plan), textures.prepare()]);
    watch.done();
    return new Compiled(runtime, traced, plan, { pipelines, textures, captured });
  } catch (error) {
    captured[Symbol.dispose]();
    throw error;
  } finally {
    for (const node of graph.made) {
      giveUp(node, `made while ${name || "a jitted function"} was traced, not returned by it`);
    }
  }
}

/** Where a leaf of the plan comes from in a call. */
type LeafSource = { readonly argument: number } | { readonly captured: Tensor };

/** A function compiled for one signature. */
export class Compiled {
  readonly #bound: BoundPlan;
  readonly #textures: LeafTextures;
  /** What the function closes over. */
  readonly #captured: Hold;
  readonly #sources: readonly LeafSource[];
  readonly #resultCopies: readonly (ResultCopy | undefined)[];
  readonly #stagingBytes: number;
  /** The plan's own buffers for small host data, and what was written last. */
  readonly #entries: ({ readonly buffer: GPUBuffer; last?: TypedArray } | undefined)[];
  readonly #inFlight: Promise<unknown>[] = [];
  /** What the last call ran on. */
  #last: BoundLeaves | undefined;
  /** Leaves that the plan writes: arguments that are donated. */
  readonly #written: ReadonlySet<number>;
  #isDisposed = false;

  constructor(
    readonly runtime: Runtime,
    readonly traced: TracedFunction,
    readonly plan: Plan,
    made: {
      readonly pipelines: readonly GPUComputePipeline[];
      readonly textures: LeafTextures;
      readonly captured: Hold;
    },
  ) {
    this.#bound = new BoundPlan(runtime.device, plan, made.pipelines);
    this.#textures = made.textures;
    this.#captured = made.captured;
    this.#written = new Set(
      plan.results.flatMap((place) => place.kind === "donated" || place.kind === "copied" ? [place.leaf] : []),
    );
    const positions = new Map(traced.placeholders.map((placeholder, i) => [placeholder, i]));
    this.#sources = plan.leaves.map((leaf) => {
      const argument = positions.get(leaf);
      return argument === undefined ? { captured: leaf } : { argument };
    });
    const { copies, stagingBytes } = layResultCopies(plan, traced.outputs);
    this.#resultCopies = copies;
    this.#stagingBytes = stagingBytes;
    this.#entries = plan.leaves.map(() => undefined);
  }

  /** Runs on the tensors of a call. Resolves once the step is encoded; rejects with the faults of earlier ones. */
  async run(leaves: readonly Tensor[]): Promise<Tensor[]> {
    using held = new Hold(leaves);
    await this.#ready(held);
    return this.#encode(held).results;
  }

  /** Waits until a step may be encoded. */
  async #ready({ tensors }: Hold): Promise<void> {
    const relief = this.runtime.device.relieve();
    if (relief) await relief;
    while (this.#inFlight.length >= MAX_IN_FLIGHT) await this.#inFlight.shift();
    const late = tensors.filter((tensor) => ["node", "arriving"].includes(stateOf(tensor).kind));
    if (late.length > 0) {
      await this.runtime.evaluate(late);
      await this.runtime.arrive(late);
    }
    if (this.#isDisposed) throw new Error(`jit: ${this.traced.name || "the function"} was disposed`);
  }

  /**
   * Like {@linkcode run}, with the time that each dispatch takes: slower, as each is a compute pass of its own, or is
   * repeated afterwards on copies where the device has no clock, or where `isApart` asks for that.
   */
  async profile(
    leaves: readonly Tensor[],
    { isApart = false }: { readonly isApart?: boolean } = {},
  ): Promise<{ results: Tensor[]; clock: ProfileClock; dispatches: DispatchTime[] }> {
    using held = new Hold(leaves);
    await this.#ready(held);
    const { device } = this.runtime;
    if (isApart || !Timer.isThere(device)) {
      const { results, bound } = this.#encode(held);
      const seconds = await timeByDifference(this.#bound, bound);
      return { results, clock: "difference", dispatches: dispatchTimes(this.plan, seconds) };
    }
    using timer = new Timer(device, this.plan.steps.length);
    const { results } = this.#encode(held, timer);
    return { results, clock: "timestamps", dispatches: dispatchTimes(this.plan, await timer.seconds()) };
  }

  #encode(held: Hold, timer?: Timer): { results: Tensor[]; bound: BoundLeaves } {
    // Shares of the call itself: results take their own.
    const shares: DeviceStorage[] = [];
    try {
      return this.#encodeWith(shares, held, timer);
    } finally {
      for (const storage of shares) storage.release();
    }
  }

  #encodeWith(shares: DeviceStorage[], held: Hold, timer?: Timer): { results: Tensor[]; bound: BoundLeaves } {
    const { device } = this.runtime;
    const args = held.tensors;
    const share = (storage: DeviceStorage) => {
      shares.push(storage);
      return storage;
    };
    const tensorOf = (leaf: number) => {
      const source = this.#sources[leaf];
      return "argument" in source ? args[source.argument] : source.captured;
    };
    const donations = new Donations(this.runtime, held);
    /** Memory of the leaves that are written. */
    const written = new Map<number, DeviceStorage>();
    const arenas = this.plan.arenas.map((arena) => {
      const storages = donations.gather(arena, tensorOf).map(share);
      arena.leaves.forEach(({ leaf }, i) => written.set(leaf, storages[i]));
      return storages[0].buffer;
    });
    for (const leaf of this.#written) if (!written.has(leaf)) written.set(leaf, share(donations.own(tensorOf(leaf))));
    const copied = new Map<number, DeviceStorage>();
    const buffers = this.#sources.map((source, leaf) => {
      const tensor = tensorOf(leaf);
      if (this.#textures.has(leaf)) copied.set(leaf, this.runtime.upload(tensor));
      if (!("argument" in source)) return this.runtime.upload(tensor).memory;
      return written.get(leaf)?.memory ?? this.#enter(leaf, tensor);
    });
    const bound: BoundLeaves = { buffers, arenas, textures: this.#textures.of(copied) };
    this.#last = bound;
    /** Memory of the results that stay on the device. */
    const large = new Map<ResultCopy, DeviceStorage>();
    for (const copy of this.#resultCopies) {
      if (!copy || copy.offset >= 0 || large.has(copy)) continue;
      large.set(copy, share(new DeviceStorage(device, device.acquire(copy.bytes))));
    }
    const staging = this.#stagingBytes > 0 ? device.staging(this.#stagingBytes) : undefined;
    device.submit((encoder) => {
      donations.encode(encoder);
      this.#bound.encode(encoder, bound, timer);
      this.plan.results.forEach((place, i) => {
        const copy = this.#resultCopies[i];
        if (place.kind === "copied") {
          const bytes = storedBytes(this.traced.outputs[i]);
          const { buffer, offset } = written.get(place.leaf)!;
          encoder.copyBufferToBuffer(this.#bound.slots[place.slot], 0, buffer, offset, bytes);
        } else if (copy) {
          const [target, offset] = large.has(copy) ? [large.get(copy)!.buffer, 0] : [staging!, copy.offset];
          encoder.copyBufferToBuffer(this.#bound.slots[copy.slot], 0, target, offset, copy.bytes);
        }
      });
    }, this.#bound.dispatches);
    for (const storage of written.values()) storage.version++;

    const collected = staging && device.collect(staging, this.#stagingBytes);
    const arrival = collected ?? device.done();
    arrival.catch(() => {}); // heard of by the next call, and by whoever asks for a result
    this.#inFlight.push(arrival);

    /** Arguments that are handed through as they are, each once: they are not given up. */
    const through = new Set<Tensor>();
    const results = this.plan.results.map((place, i): Tensor => {
      const { shape, dtype, size } = this.traced.outputs[i];
      if (place.kind === "leaf") {
        const tensor = tensorOf(place.leaf);
        const isArgument = "argument" in this.#sources[place.leaf] && goneOf(tensor) === undefined;
        if (!isArgument || through.has(tensor) || !sameShape(tensor.shape, shape)) return aliasOf(tensor, shape);
        through.add(tensor);
        return tensor;
      }
      const copy = this.#resultCopies[i];
      const storage = copy ? large.get(copy) : place.kind === "slot" ? undefined : written.get(place.leaf);
      if (storage) {
        storage.retain();
        return makeTensor(shape, dtype, { kind: "device", storage });
      }
      if (!copy || !collected) throw new Error(`internal: result ${i} is neither on the device nor on its way`);
      const { offset, bytes } = copy;
      const data = collected.then((all) => viewAs(dtype, all.slice(offset, offset + bytes), 0, size));
      data.catch(() => {});
      return makeTensor(shape, dtype, { kind: "arriving", data });
    });
    for (const position of this.traced.donated) {
      const tensor = args[position];
      if (!through.has(tensor)) giveUp(tensor, `donated to ${this.traced.name || "a jitted function"}`);
    }
    return { results, bound };
  }

  /** The buffer in which a plan finds an argument that stays the caller's. */
  #enter(leaf: number, tensor: Tensor): Bindable {
    const state = stateOf(tensor);
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

  /** The plan as data. */
  summary(): PlanSummary {
    return summarizePlan(this.plan, this.traced.name);
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
      results: this.#resultCopies.flatMap((copy, i) => {
        if (!copy || copy.offset >= 0 || this.#resultCopies.indexOf(copy) < i) return [];
        return [{ bytes: copy.bytes, shape: outputs[i].shape }];
      }),
      stagingBytes: this.#stagingBytes,
    });
  }

  /** Gives back the memory of the plan once nothing runs on it. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await Promise.allSettled(this.#inFlight.splice(0));
    this.#captured[Symbol.dispose]();
    this.#bound.dispose();
    this.#textures.dispose();
    for (const entry of this.#entries) if (entry) this.runtime.device.release(entry.buffer);
  }
}
