import { makeTensor, stateOf, type Tensor } from "../tensor/tensor.ts";

/** The first finite number that no f16 is near, or `undefined`. */
function beyondHalf(values: ArrayLike<number>, halves: ArrayLike<number>): number | undefined {
  for (let i = 0; i < halves.length; i++) {
    if (Math.abs(halves[i]) === Infinity && Number.isFinite(values[i])) return values[i];
  }
  return undefined;
}

/**
 * A parameter as a tensor of f32 or f16: itself where it is one. What lies on the host is converted there at once, so that
 * no copy in f32 reaches the device.
 *
 * Throws a RangeError where f16 has nothing near a number on the host: it ends at 65,504.
 */
export function storeWeight(
  parameter: Tensor,
  options: { readonly name: string; readonly dtype: "f32" | "f16" },
): Tensor {
  const { name, dtype } = options;
  const { shape } = parameter;
  const state = stateOf(parameter);
  if (parameter.dtype === dtype) return parameter;
  if (state.kind !== "host") return parameter.astype(dtype);
  const data = dtype === "f16" ? new Float16Array(state.data) : new Float32Array(state.data);
  const lost = dtype === "f16" ? beyondHalf(state.data, data) : undefined;
  if (lost !== undefined) {
    throw new RangeError(
      `cannot keep ${name} in f16 as it holds ${lost}, and f16 ends at 65,504: keep the weights in f32 ` +
        "(`model.weights` f32)",
    );
  }
  return makeTensor(shape, dtype, { kind: "host", data });
}
