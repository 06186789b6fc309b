import type { Device } from "../../device/device.ts";
import { loopPrimitive } from "../../ops/loop.ts";
import { onNode, paramsOf, type Target } from "../../ops/primitive.ts";
import { allocate, storedBytes, type TypedArray, viewAs } from "../../tensor/dtype.ts";
import type { Executor, Storage } from "../../tensor/executor.ts";
import { Hold } from "../../tensor/hold.ts";
import { contentOf, goneOf, inputsOf, stateOf, type Tensor, usesOf } from "../../tensor/tensor.ts";
import { requireBindable } from "./binding_limit.ts";
import { BoundPlan } from "./bound_plan.ts";
import { makePlan } from "../plan/make_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { DeviceStorage, deviceStorageOf } from "./storage.ts";
import type { Tuner } from "../tune/tuner.ts";

/** Eager programs are computed when so many nodes wait. */
const MAX_PENDING = 4000;

function targetOf(device: Device): Target {
  const { name, isSoftware, subgroupSize, readsTextures, limits } = device.report;
  return {
    driver: /llvmpipe|lavapipe/i.test(name) ? "lavapipe" : /swiftshader/i.test(name) ? "swiftshader" : "other",
    isSoftware,
    subgroupSize,
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    textureSize: readsTextures ? limits.maxTextureDimension2D : undefined,
  };
}

/** Whether all that a pending tensor is made of can be read; `known` remembers what was found of each node. */
function isReady(tensor: Tensor, known: Map<Tensor, boolean>): boolean {
  const stack = [tensor];
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    const state = stateOf(node);
    if (known.has(node)) stack.pop();
    else if (state.kind !== "node") known.set(node, state.kind === "host" || state.kind === "device");
    else {
      const unknown = state.inputs.filter((input) => !known.has(input));
      if (unknown.length > 0) stack.push(...unknown);
      else known.set(node, state.inputs.every((input) => known.get(input)));
    }
  }
  return known.get(tensor)!;
}

/** Whether more was made of a tensor than so many pieces of work, and may be asked for. */
function isNeededBeside(tensor: Tensor, count: number): boolean {
  return usesOf(tensor) > count && (goneOf(tensor) === undefined || contentOf(tensor).holders > count);
}

/** Pending results of the same loop that may be asked for. */
function besideInLoop(tensor: Tensor): Tensor[] {
  const state = stateOf(tensor);
  const loop = state.kind === "node" ? paramsOf(loopPrimitive, state)?.loop : undefined;
  if (!loop) return [];
  return loop.resultsBeside(inputsOf(tensor)).filter((result) => isNeededBeside(result, 0));
}

/** A tensor without elements has them all, whatever makes it. */
export function settleEmpty(tensor: Tensor): void {
  const { size, dtype } = tensor;
  const state = stateOf(tensor);
  if (size === 0 && (state.kind === "node" || state.kind === "arriving")) {
    contentOf(tensor).settle({ kind: "host", data: allocate(dtype, 0) });
  }
}

/** Runs graphs on a device: the executor behind eager tensors, and what jitted functions compile with. */
export class Runtime implements Executor {
  readonly target: Target;
  readonly tuner: Tuner | undefined;
  /** Hears of what takes long. */
  readonly report: ((line: string) => void) | undefined;
  #pending: WeakRef<Tensor>[] = [];
  #isTracing = false;

  constructor(
    readonly device: Device,
    options: {
      readonly target?: Partial<Target>;
      readonly tuner?: Tuner;
      readonly report?: (line: string) => void;
    } = {},
  ) {
    this.tuner = options.tuner;
    this.report = options.report;
    this.target = { ...targetOf(device), measured: options.tuner?.measured, ...options.target };
  }

  /** Starts to listen for pending nodes, as the ambient executor does. */
  install(): void {
    onNode((node, isHeld) => this.#note(node, isHeld));
  }

  #note(node: Tensor, isHeld: boolean): void {
    if (this.#isTracing) return;
    this.#pending.push(new WeakRef(node));
    if (this.#pending.length < MAX_PENDING || isHeld) return;
    const waiting = this.#pending.flatMap((ref) => ref.deref() ?? []).filter((tensor) =>
      stateOf(tensor).kind === "node"
    );
    this.#pending = [];
    const used = new Set(waiting.flatMap(inputsOf));
    // What was made of something that is gone, or is not there yet, is nobody's any more, or will be asked for.
    const ready = new Map<Tensor, boolean>();
    const asked = waiting.filter((tensor) => !used.has(tensor) && isReady(tensor, ready));
    // What cannot be computed stays pending: whoever asks for it hears why, and not whoever made the last node.
    try {
      this.#flush(asked);
    } catch {
      for (const tensor of asked) {
        try {
          this.#flush([tensor]);
        } catch {
          continue;
        }
      }
    }
  }

  /** Whether a function that only builds a graph for somebody else is at work. */
  get isTracing(): boolean {
    return this.#isTracing;
  }

  /** Runs a function that only builds a graph for somebody else. */
  tracing<T>(trace: () => T): T {
    const before = this.#isTracing;
    this.#isTracing = true;
    try {
      return trace();
    } finally {
      this.#isTracing = before;
    }
  }

  /** The pipelines of a plan, compiled together. */
  async pipelines(plan: Plan): Promise<GPUComputePipeline[]> {
    return await Promise.all(plan.steps.map(({ kernel }) => this.device.pipeline(kernel)));
  }

  /**
   * Storage of a tensor, copied to the device where it is host data that is not there yet.
   *
   * Throws where the elements are on another device alone.
   */
  upload(tensor: Tensor): DeviceStorage {
    settleEmpty(tensor);
    const state = stateOf(tensor);
    if (state.kind !== "device" && state.kind !== "host") {
      throw new Error(`internal: cannot upload a tensor in state ${state.kind}`);
    }
    const known = deviceStorageOf(state.storage);
    if (known?.device === this.device) return known;
    if (state.kind === "device") {
      const where = known ? `another device (${known.device.report.name})` : "what another executor computes on";
      throw new Error(
        `${tensor} lies on ${where}: read it there with data(), and make a tensor of that`,
      );
    }
    const storage = new DeviceStorage(this.device, this.device.acquire(state.data.byteLength));
    this.device.write(storage.buffer, state.data);
    contentOf(tensor).attach(storage);
    return storage;
  }

  async evaluate(tensors: readonly Tensor[]): Promise<void> {
    using _asked = new Hold(tensors);
    tensors.forEach(settleEmpty);
    const relief = this.device.relieve();
    if (relief) await relief;
    while (true) {
      const pending = tensors.filter((tensor) => stateOf(tensor).kind === "node");
      if (pending.length === 0) return;
      const plan = this.#plan(pending);
      if (plan.plan.leaves.some((tensor) => stateOf(tensor).kind === "arriving")) {
        await this.arrive(plan.plan.leaves);
        continue;
      }
      const ready = plan.plan.steps.map(({ kernel }) => this.device.readyPipeline(kernel));
      if (ready.every((pipeline) => pipeline !== undefined)) return this.#run(plan, ready);
      // While pipelines compile, others may compute the same tensors: look again afterwards.
      await this.pipelines(plan.plan);
    }
  }

  /** Waits for results of jitted functions that are on their way to the host, and keeps them there. */
  async arrive(tensors: readonly Tensor[]): Promise<void> {
    await Promise.all(tensors.map(async (tensor) => {
      const state = stateOf(tensor);
      if (state.kind !== "arriving") return;
      const data = await state.data;
      if (stateOf(tensor) === state) contentOf(tensor).settle({ kind: "host", data });
    }));
  }

  /** As `evaluate`, but encodes at once and waits for nothing: pipelines that are not there yet hold everything up. */
  #flush(tensors: readonly Tensor[]): void {
    if (tensors.length === 0) return;
    const plan = this.#plan(tensors);
    this.#run(plan, plan.plan.steps.map(({ kernel }) => this.device.pipelineNow(kernel)));
  }

  /** A plan for pending tensors, and for those of their parts that others will need as well. */
  #plan(asked: readonly Tensor[]): { plan: Plan; outputs: readonly Tensor[] } {
    const uses = new Map<Tensor, number>();
    const pending = new Set(asked);
    const stack = [...pending];
    const seen = new Set<Tensor>(stack);
    for (let node = stack.pop(); node; node = stack.pop()) {
      // Turns of a loop run once for all results of theirs that somebody may ask for.
      for (const beside of besideInLoop(node)) {
        pending.add(beside);
        if (!seen.has(beside)) stack.push(beside);
        seen.add(beside);
      }
      for (const input of inputsOf(node)) {
        uses.set(input, (uses.get(input) ?? 0) + 1);
        if (!seen.has(input)) stack.push(input);
        seen.add(input);
      }
    }
    const shared = [...uses].filter(([tensor, count]) =>
      stateOf(tensor).kind === "node" && isNeededBeside(tensor, count)
    );
    const outputs = [...new Set([...pending, ...shared.map(([tensor]) => tensor)])].filter(({ size }) => size > 0);
    const plan = makePlan(outputs, { target: this.target, isKept: false });
    requireBindable(this.device, plan);
    for (const leaf of plan.leaves) {
      if (stateOf(leaf).kind === "argument") {
        throw new Error("cannot read data while a function is traced: use where() in place of a branch on data");
      }
    }
    return { plan, outputs };
  }

  #run({ plan, outputs }: { plan: Plan; outputs: readonly Tensor[] }, pipelines: readonly GPUComputePipeline[]): void {
    // A result may be there for other results alone, which need it no more once they are recorded.
    using _results = new Hold(outputs);
    const leaves = plan.leaves.map((leaf) => this.upload(leaf));
    const bound = new BoundPlan(this.device, plan, pipelines);
    if (plan.steps.length > 0) {
      const buffers = leaves.map(({ memory }) => memory);
      this.device.submit((encoder) => bound.encode(encoder, { buffers }), bound.dispatches);
    }
    const storages = new Map<number, DeviceStorage>();
    plan.results.forEach((place, i) => {
      let storage: DeviceStorage | undefined;
      if (place.kind === "leaf") {
        storage = leaves[place.leaf];
        storage.retain();
      } else if (place.kind === "slot") {
        storage = storages.get(place.slot);
        if (storage) storage.retain();
        else storages.set(place.slot, storage = new DeviceStorage(this.device, bound.slots[place.slot]));
      } else throw new Error("internal: nothing is donated outside of jit");
      contentOf(outputs[i]).settle({ kind: "device", storage });
    });
    bound.dispose(new Set(storages.keys()));
  }

  async read(tensor: Tensor, storage: Storage): Promise<TypedArray> {
    const own = deviceStorageOf(storage);
    if (!own) throw new Error(`internal: the elements of ${tensor} lie in no memory of this executor's`);
    const { buffer, offset } = own;
    const bytes = await this.device.read(buffer, storedBytes(tensor), offset);
    return viewAs(tensor.dtype, bytes, 0, tensor.size);
  }
}
