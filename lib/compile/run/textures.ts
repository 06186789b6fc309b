import {
  packTexture,
  packTextureGrid,
  packTextureUniforms,
  textureFormatOf,
  textureSize,
} from "../../../kernels/matmul_texture.ts";
import type { Device } from "../../device/device.ts";
import { storedAs } from "../../ops/elementwise.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Plan } from "../plan/plan.ts";
import type { DeviceStorage, TextureCopy } from "./storage.ts";

/** A storage of which a texture does not hold what it holds now. */
interface Stale {
  readonly storage: DeviceStorage;
  readonly copy: TextureCopy;
  readonly matrix: Matrix;
}

/** A leaf that is read as a texture: what its elements lie in says which texels hold them. */
type Matrix = Pick<Tensor, "shape" | "dtype">;

/** Textures that hold copies of some leaves of a compiled function; functions that read the same weights share them. */
export class LeafTextures {
  /** The leaves that are read as textures, by their positions. */
  readonly #matrices: ReadonlyMap<number, Matrix>;
  readonly #held = new Map<number, DeviceStorage>();

  /** For the leaves that a plan reads as textures. */
  constructor(readonly device: Device, { leaves, steps }: Plan) {
    const names = steps.flatMap(({ buffers }) => buffers);
    this.#matrices = new Map(
      names.flatMap((name) => name !== "scalars" && "texture" in name ? [[name.texture, leaves[name.texture]]] : []),
    );
  }

  /** Compiles the kernels that copy, where there is something to copy. */
  async prepare(): Promise<void> {
    const stored = new Set(Array.from(this.#matrices.values(), ({ dtype }) => storedAs(dtype)));
    await Promise.all(Array.from(stored, (as) => this.device.pipeline(packTexture(as))));
  }

  /** Whether a leaf is read as a texture. */
  has(leaf: number): boolean {
    return this.#matrices.has(leaf);
  }

  /** The textures of leaves that lie in these storages now, by the leaves' positions. Copies what they do not hold yet. */
  of(storages: ReadonlyMap<number, DeviceStorage>): ReadonlyMap<number, GPUTexture> {
    const found = new Map<number, GPUTexture>();
    const stale: Stale[] = [];
    for (const [leaf, matrix] of this.#matrices) {
      const storage = storages.get(leaf)!;
      const copy = this.#hold(leaf, storage, matrix);
      if (copy.version !== storage.version) stale.push({ storage, copy, matrix });
      copy.version = storage.version;
      found.set(leaf, copy.texture);
    }
    if (stale.length > 0) this.#copy(stale);
    return found;
  }

  #hold(leaf: number, storage: DeviceStorage, { shape: [rows, columns], dtype }: Matrix): TextureCopy {
    let copy = storage.copies.get(rows);
    if (copy && this.#held.get(leaf) === storage) return copy;
    this.#drop(leaf);
    if (!copy) {
      const texture = this.device.acquireTexture(...textureSize(rows, columns), textureFormatOf(storedAs(dtype)));
      copy = { texture, version: -1, users: 0 };
      storage.copies.set(rows, copy);
    }
    copy.users++;
    this.#held.set(leaf, storage);
    return copy;
  }

  #copy(stale: readonly Stale[]): void {
    const { device } = this;
    const uniforms: GPUBuffer[] = [];
    device.submit((encoder) => {
      const pass = encoder.beginComputePass();
      for (const { storage, copy, matrix: { shape: [rows, columns], dtype } } of stale) {
        const kernel = packTexture(storedAs(dtype));
        pass.setPipeline(device.pipelineNow(kernel));
        const words = packTextureUniforms(rows, columns);
        const buffer = device.uniforms(words);
        uniforms.push(buffer);
        const range = { buffer, offset: 0, size: words.byteLength };
        pass.setBindGroup(0, device.bindGroup(kernel, [storage.memory, copy.texture], range));
        pass.dispatchWorkgroups(...packTextureGrid(rows, columns));
      }
      pass.end();
    }, stale.length);
    uniforms.forEach((buffer) => device.releaseUniforms(buffer));
  }

  #drop(leaf: number): void {
    const storage = this.#held.get(leaf);
    const [rows] = this.#matrices.get(leaf)!.shape;
    this.#held.delete(leaf);
    // What went with its storage is not there any more.
    const copy = storage?.copies.get(rows);
    if (!copy || --copy.users > 0) return;
    storage!.copies.delete(rows);
    this.device.releaseTexture(copy.texture);
  }

  /** Gives up the textures; those that nobody else reads go back. */
  dispose(): void {
    for (const leaf of [...this.#held.keys()]) this.#drop(leaf);
  }
}
