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
 * const square = (x: dd.Tensor) => x.mul(x).sum(); // or dd.sum(dd.mul(x, x))
 * const slope = dd.grad(square)(dd.tensor([1, 2, 3]));
 * console.log(await slope.data()); // Float32Array [2, 4, 6]
 * ```
 *
 * @module
 */
export { type DeviceOptions, openDevice, useDevice } from "./lib/compile/open_device.ts";
export type {
  Counters,
  Device,
  DeviceReport,
  DeviceSource,
  MemoryReport,
  OpenDeviceOptions,
} from "./lib/device/mod.ts";
export {
  type DType,
  evaluate,
  type HostArray,
  type NestedArray,
  type PlainObject,
  type Shape,
  type StaticValue,
  Tensor,
  tensor,
  type TensorOptions,
  type Tree,
  type TreeNode,
  type TreeRecord,
  type TypedArray,
} from "./lib/tensor/mod.ts";
export * from "./lib/ops/mod.ts";
export * from "./lib/transform/mod.ts";
export type {
  DispatchSummary,
  DispatchTime,
  ExplainOptions,
  FunctionMemory,
  MemoryItem,
  MemoryKind,
  PlanSummary,
  ProfileClock,
  Roofline,
} from "./lib/compile/inspect_mod.ts";
export type { Params, ProjectedWeight, Weight } from "./lib/nn/mod.ts";
export type { Batch } from "./lib/models/mod.ts";
export * as data from "./lib/data/mod.ts";
export * as device from "./lib/device/mod.ts";
export * as generate from "./lib/generate/mod.ts";
export * as hub from "./lib/hub/mod.ts";
export * as inspect from "./lib/compile/inspect_mod.ts";
export * as io from "./lib/io/mod.ts";
export * as linalg from "./lib/linalg/mod.ts";
export * as metrics from "./lib/metrics/mod.ts";
export * as models from "./lib/models/mod.ts";
export * as nn from "./lib/nn/mod.ts";
export * as optim from "./lib/optim/mod.ts";
export * as peft from "./lib/peft/mod.ts";
export * as train from "./lib/train/mod.ts";
export * as tree from "./lib/tensor/tree_mod.ts";
