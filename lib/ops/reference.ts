import { stateOf, type Tensor } from "../tensor/tensor.ts";
import { primitiveOf, type ReferenceArray } from "./primitive.ts";

/**
 * Computes a tensor in float64 on the host, one operation at a time: what tests hold kernels to, and a way to see which
 * digits are the device's. The tensor must not have been computed yet, and be made of tensors whose elements are on the
 * host.
 *
 * Throws an Error where what it is made of lies on the device, or was given up.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * console.log(dd.inspect.reference(dd.tensor([2]).sqrt()).data); // Float64Array [1.4142135623730951]
 * ```
 */
export function reference(output: Tensor): ReferenceArray {
  return referenceFrom(new Map(), output);
}

/** The same where some tensors that it is made of are known already; what is found is added to them. */
export function referenceFrom(known: Map<Tensor, ReferenceArray>, output: Tensor): ReferenceArray {
  const stack = [output];
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    const state = stateOf(node);
    if (known.has(node)) {
      stack.pop();
    } else if (state.kind === "host") {
      known.set(node, { shape: node.shape, dtype: node.dtype, data: Float64Array.from(state.data) });
    } else if (state.kind === "node") {
      const missing = state.inputs.filter((input) => !known.has(input));
      if (missing.length > 0) stack.push(...missing);
      else {
        const inputs = state.inputs.map((input) => known.get(input)!);
        const data = primitiveOf(state).reference(inputs, state.params, node);
        known.set(node, { shape: node.shape, dtype: node.dtype, data });
      }
    } else {
      throw new Error(`reference: needs host data at the leaves, and found ${node} in state "${state.kind}"`);
    }
  }
  return known.get(output)!;
}
