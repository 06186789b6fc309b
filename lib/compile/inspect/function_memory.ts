import type { Bindable } from "../../device/bindable.ts";
import type { Device } from "../../device/device.ts";
import { sizeClass } from "../../device/size_class.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/shape.ts";
import type { Arena } from "../plan/arena.ts";
import type { Node } from "../graph/graph.ts";
import { type Peak, peakOf } from "../plan/liveness.ts";
import type { Plan } from "../plan/plan.ts";

/**
 * What memory is there for: an `argument`, a `captured` tensor, a frozen weight's copy as a `texture`, operands
 * `packed` into one, results that are `kept` for later dispatches or `temporary`, `scalars` and `uniforms` of all
 * dispatches, a `result` that a call hands out, its `staging` on the way to the host, and the `rounding` of buffers to
 * few sizes.
 */
export type MemoryKind =
  /** A tensor that the caller gives. */
  | "argument"
  /** A tensor that the function closes over. */
  | "captured"
  /** A copy of a frozen weight as a texture. */
  | "texture"
  /** A texture into which operands of products are packed, one after the other. */
  | "packed"
  /** At the peak, written before and needed then or later: activations that wait for the backward pass. */
  | "kept"
  /** At the peak, written there; and memory that waits for other dispatches. */
  | "temporary"
  /** Single numbers between dispatches. */
  | "scalars"
  /** Sizes and constants of all dispatches. */
  | "uniforms"
  /** A result that a call hands out on the device. */
  | "result"
  /** Small results on their way to the host, while a call runs. */
  | "staging"
  /** What buffers are larger than asked for, as few sizes serve all. */
  | "rounding";

/** Something that takes memory: a tensor, or what several share. */
export interface MemoryItem {
  /** What the memory is there for. */
  readonly kind: MemoryKind;
  /** The way to it: for an argument its place in the tree, the argument's name first; otherwise what made it. */
  readonly path: readonly string[];
  /** Sizes of the axes, where it is one tensor. */
  readonly shape?: Shape;
  /** Whether it is an argument whose memory is given up to results. */
  readonly isDonated?: boolean;
  /** Bytes of its elements; what buffers add to that is an item of its own. */
  readonly bytes: number;
}

/** What takes the bytes of a jitted function, for one signature of shapes, dtypes and static values. */
export interface FunctionMemory {
  /** The function's name, empty where it has none. */
  readonly name: string;
  /** All that takes memory, each byte once. */
  readonly items: readonly MemoryItem[];
  /** Bytes of all items but the staging: what is held between calls, results included. */
  readonly liveBytes: number;
  /** Bytes of all items: what is held while a call runs. */
  readonly peakBytes: number;
  /** The dispatch at which the most of the function's own memory is in use; absent where it computes nothing. */
  readonly peak?: { readonly dispatch: number; readonly kernel: string; readonly bytes: number };
}

/** Memory of a compiled plan's own. */
export interface PlanMemory {
  /** Buffers of the plan's slots. */
  readonly slots: readonly GPUBuffer[];
  /** Textures into which operands are packed. */
  readonly packed: readonly GPUTexture[];
  /** The buffer of single numbers, where there are any. */
  readonly scalars: GPUBuffer | undefined;
  /** The buffer of all steps' uniforms. */
  readonly uniforms: GPUBuffer;
}

/** What the report is made of. */
export interface MemorySources {
  readonly name: string;
  readonly plan: Plan;
  /** Of each leaf its path, or none where it is captured, and whether it is given up. */
  readonly leaves: readonly { readonly path?: readonly string[]; readonly isDonated: boolean }[];
  /** What the leaves and the textures lay in when the function ran last; absent before. */
  readonly bound?: {
    readonly buffers: readonly Bindable[];
    readonly textures?: ReadonlyMap<number, GPUTexture>;
  };
  /** The function's own memory. */
  readonly own: PlanMemory;
  /** Bytes of each large result, and of all small ones together. */
  readonly results: readonly { readonly bytes: number; readonly shape: Shape }[];
  readonly stagingBytes: number;
}

function describeContent(content: Node | Arena | undefined): Pick<MemoryItem, "path" | "shape"> {
  if (content === undefined) return { path: ["scratch"] };
  if (!("offsets" in content)) return { path: [content.primitive?.name ?? "leaf"], shape: content.shape };
  const [first] = content.offsets.keys();
  return { path: [`${content.offsets.size} × ${first.primitive?.name}`], shape: first.shape };
}

/** What the slots hold at the peak, and the rest of them. */
function ownItems(plan: Plan, peak: Peak | undefined): MemoryItem[] {
  const total = plan.slots.reduce((sum, bytes) => sum + bytes, 0);
  if (!peak) return [];
  const items = peak.live.map(({ content, bytes, from }): MemoryItem => ({
    kind: from < peak.dispatch ? "kept" : "temporary",
    ...describeContent(content),
    bytes,
  }));
  return [...items, { kind: "temporary", path: ["not in use at the peak"], bytes: total - peak.bytes }];
}

/** The buffers and textures behind a report, each once. */
class Pieces {
  readonly #offsets = new Map<GPUBuffer | GPUTexture, Set<number>>();

  /** Whether some memory is met for the first time. */
  add(piece: Bindable): boolean {
    const [memory, offset] = "buffer" in piece ? [piece.buffer, piece.offset] : [piece, 0];
    const offsets = this.#offsets.get(memory) ?? new Set();
    this.#offsets.set(memory, offsets);
    return offsets.size < offsets.add(offset).size;
  }

  /** What a device counts for them. */
  bytes(device: Device): number {
    return Array.from(this.#offsets.keys()).reduce((sum, memory) => sum + device.bytesOf(memory), 0);
  }
}

/** Arguments, captured tensors and their copies as textures; notes the memory in which they lie. */
function leafItems(device: Device, { plan, leaves, bound }: MemorySources, pieces: Pieces): MemoryItem[] {
  return plan.leaves.flatMap((leaf, i): MemoryItem[] => {
    const { shape } = leaf;
    const { path = ["captured"], isDonated } = leaves[i];
    const kind = leaves[i].path ? "argument" : "captured";
    // Of tensors that share their memory the first one takes it.
    const bytes = bound && !pieces.add(bound.buffers[i]) ? 0 : storedBytes(leaf);
    const item: MemoryItem = { kind, path, shape, isDonated, bytes };
    const texture = bound?.textures?.get(i);
    if (!texture || !pieces.add(texture)) return [item];
    return [item, { kind: "texture", path, shape, bytes: device.bytesOf(texture) }];
  });
}

/** Says what takes the bytes of a function. */
export function functionMemory(device: Device, sources: MemorySources): FunctionMemory {
  const { name, plan, bound, own, results, stagingBytes } = sources;
  const peak = peakOf(plan);
  const pieces = new Pieces();
  const items = leafItems(device, sources, pieces);
  items.push(...ownItems(plan, peak));
  if (own.scalars) items.push({ kind: "scalars", path: ["scalars"], bytes: 4 * plan.scalars });
  items.push({ kind: "uniforms", path: ["uniforms"], bytes: device.bytesOf(own.uniforms) });
  for (const texture of own.packed) {
    items.push({ kind: "packed", path: ["packed operands"], bytes: device.bytesOf(texture) });
  }
  for (const { bytes, shape } of results) items.push({ kind: "result", path: ["result"], shape, bytes });
  for (const piece of [...own.slots, ...own.packed, own.uniforms, ...own.scalars ? [own.scalars] : []]) {
    pieces.add(piece);
  }
  // What no call has bound yet will be as large as a new buffer.
  const ahead = [
    ...bound ? [] : plan.leaves.map(storedBytes),
    ...results.map(({ bytes }) => bytes),
  ];
  const liveBytes = ahead.reduce((sum, bytes) => sum + sizeClass(bytes), pieces.bytes(device));
  const asked = items.reduce((sum, { bytes }) => sum + bytes, 0);
  items.push({ kind: "rounding", path: ["rounding"], bytes: liveBytes - asked });
  const staging = stagingBytes > 0 ? sizeClass(stagingBytes) : 0;
  if (staging > 0) items.push({ kind: "staging", path: ["staging"], bytes: staging });
  const when = peak && { dispatch: peak.dispatch, kernel: plan.steps[peak.dispatch].kernel.name, bytes: peak.bytes };
  return { name, items, liveBytes, peakBytes: liveBytes + staging, peak: when };
}
