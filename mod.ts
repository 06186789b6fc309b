/**
 * Delta Dawn: fine-tuning by low-rank updates on WebGPU. Tensors are immutable values, functions of them are
 * differentiated and compiled by functions, models are pairs of pure functions, and methods (Delta-LoRA first) are pure
 * functions, too.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const square = (x: dd.Tensor) => dd.sum(dd.mul(x, x));
 * const slope = dd.grad(square)(dd.tensor([1, 2, 3])) as dd.Tensor;
 * console.log(await slope.data()); // Float32Array [2, 4, 6]
 * ```
 *
 * @module
 */
export { type DeviceOptions, openDevice, productChoices, useDevice } from "./lib/compile/open_device.ts";
export {
  type Access,
  type AdapterReport,
  type AdapterSource,
  type Bindable,
  type Binding,
  type BufferRange,
  type Compilation,
  type Counters,
  Device,
  type FindOptions,
  type Grid,
  type Kernel,
  type MemoryReport,
  type OpenDeviceOptions,
  requestDevice,
  type TextureFormat,
} from "./lib/device/mod.ts";
export {
  type Content,
  type DType,
  evaluate,
  type HostArray,
  type NestedArray,
  type Operation,
  type Shape,
  type Storage,
  type Structure,
  Tensor,
  tensor,
  type TensorOptions,
  type TensorState,
  type Tree,
  treeDispose,
  treeFlatten,
  treeLeaves,
  treeMap,
  type TreeNode,
  treeUnflatten,
  type TypedArray,
} from "./lib/tensor/mod.ts";
export * from "./lib/ops/mod.ts";
export * from "./lib/transform/mod.ts";
export * from "./lib/data/mod.ts";
export * from "./lib/metrics/mod.ts";
export type { Params, ProjectedWeight, Weight } from "./lib/nn/mod.ts";
export type { Batch, Model } from "./lib/models/mod.ts";
export * as hub from "./lib/hub/mod.ts";
export * as io from "./lib/io/mod.ts";
export * as models from "./lib/models/mod.ts";
export * as nn from "./lib/nn/mod.ts";
export * as optim from "./lib/optim/mod.ts";
export * as peft from "./lib/peft/mod.ts";
export * as train from "./lib/train/mod.ts";
