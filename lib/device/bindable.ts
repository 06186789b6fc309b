import { type Binding, isWritten, type Kernel, textureFormat } from "../../kernels/kernel.ts";

/** What kernels bind beside uniforms: a whole buffer, a texture, or a piece of a buffer. */
export type Bindable = GPUBuffer | GPUTexture | BufferRange;

/** A piece of a buffer. */
export interface BufferRange {
  /** The buffer in which it lies. */
  readonly buffer: GPUBuffer;
  /** Its first byte, a multiple of 256. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly size: number;
}

const COMPUTE_STAGE = 0x4;

/** How a layout describes a binding. */
function layoutOf(binding: Binding): Pick<GPUBindGroupLayoutEntry, "buffer" | "storageTexture"> {
  const format = textureFormat(binding);
  if (format === undefined) return { buffer: { type: binding === "read" ? "read-only-storage" : "storage" } };
  return { storageTexture: { access: isWritten(binding) ? "write-only" : "read-only", format } };
}

/** How a layout describes all that a kernel binds: its buffers and textures, then its uniforms. */
export function layoutEntries({ bindings }: Kernel): GPUBindGroupLayoutEntry[] {
  return [...bindings.map(layoutOf), { buffer: { type: "uniform" as const } }]
    .map((entry, binding) => ({ binding, visibility: COMPUTE_STAGE, ...entry }));
}

/** What a bind group of a kernel's holds, in the order of its bindings. */
export function groupEntries(memory: readonly Bindable[], uniforms: BufferRange): GPUBindGroupEntry[] {
  const resource = (piece: Bindable): GPUBindingResource =>
    "buffer" in piece ? piece : "createView" in piece ? piece.createView() : { buffer: piece };
  const entries: GPUBindGroupEntry[] = memory.map((piece, binding) => ({ binding, resource: resource(piece) }));
  entries.push({ binding: memory.length, resource: uniforms });
  return entries;
}
