/**
 * What a jitted function does and what it costs: its plan, its memory, the time of its dispatches and the least time that
 * the device could take; and what an operation should give in float64.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const step = dd.jit((x: dd.Tensor) => x.mul(2).add(1).sum());
 * console.log(await (await step(dd.tensor([1, 2, 3]))).item()); // 15
 * const [{ dispatches }] = step.plans();
 * console.log(dispatches.map(({ fused }) => fused.join(" "))); // ["mul add sum"]
 * ```
 *
 * @module
 */
export type { ExplainOptions } from "./inspect/explain.ts";
export type { DispatchSummary, PlanSummary } from "./inspect/plan_summary.ts";
export { formatMemory } from "./inspect/format_memory.ts";
export type { FunctionMemory, MemoryItem, MemoryKind } from "./inspect/function_memory.ts";
export { type AtBest, atBest, atBestTogether, type BoundBy, type Roofline } from "./inspect/roofline.ts";
export type { DispatchTime, ProfileClock } from "./inspect/dispatch_times.ts";
export { productChoices } from "./open_device.ts";
export { reference } from "../ops/reference.ts";
export type { ReferenceArray } from "../ops/primitive.ts";
