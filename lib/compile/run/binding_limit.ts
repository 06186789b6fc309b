import type { Device } from "../../device/device.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import { formatShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { liveRanges } from "../plan/liveness.ts";
import type { Plan } from "../plan/plan.ts";
import { mebibytes } from "../../text/mebibytes.ts";

/** What a user can do about a tensor that is too large, as that tensor allows it. */
function cures({ dtype, shape, size }: Tensor, limit: number): string {
  const found = ["open another device"];
  const half = storedBytes({ dtype: "f16", size });
  if (dtype === "f32" && half <= limit) {
    found.push(
      `keep it in f16, which takes ${mebibytes(half)} (\`model.weights\` f16, or dtype: "f16" of models.paramsFrom)`,
    );
  }
  if (shape.length === 2) {
    const rows = Math.floor(limit / (storedBytes({ dtype, size }) / shape[0]));
    found.push(`cut it down to ${rows} rows, such as a vocabulary's pieces that the data never uses`);
  }
  return found.join(", or ");
}

/**
 * Checks that kernels can bind each tensor of a plan, before memory is taken for any of them.
 *
 * Throws a RangeError that names the tensor, or the operation and the shape of its result, with the bytes, the device's
 * limit, and what to do. `nameOf` knows what the caller calls a leaf.
 */
export function requireBindable(
  device: Device,
  plan: Plan,
  nameOf: (leaf: Tensor) => string | undefined = () => undefined,
): void {
  const limit = device.largestBinding;
  const over = (bytes: number) =>
    `${mebibytes(bytes)} are over this device's limit of ${mebibytes(limit)} for one tensor (${device.report.name})`;
  for (const leaf of plan.leaves) {
    const bytes = storedBytes(leaf);
    if (bytes <= limit) continue;
    const what = `${nameOf(leaf) ?? "a tensor"}, ${leaf.dtype} ${formatShape(leaf.shape)}`;
    throw new RangeError(`cannot compute with ${what}, as its ${over(bytes)}: ${cures(leaf, limit)}`);
  }
  if (plan.slots.every((bytes) => bytes <= limit)) return;
  const { content, bytes } = liveRanges(plan).filter(({ slot }) => plan.slots[slot] > limit)
    .reduce((largest, one) => one.bytes > largest.bytes ? one : largest);
  const cure = "use smaller batches (train.makeAccumulatedStep adds them up) or shorter texts, or another device";
  const what = content === undefined || "offsets" in content
    ? "what a kernel needs between its passes"
    : `the result of ${content.primitive?.name ?? "a copy"}, ${content.dtype} ${formatShape(content.shape)}`;
  throw new RangeError(`cannot compute ${what}, as its ${over(bytes)}: ${cure}`);
}
