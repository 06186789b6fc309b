import type { Tensor } from "../tensor/tensor.ts";
import { zeros } from "./full.ts";
import { apply, type BatchSite, type Primitive } from "./primitive.ts";
import { select, stack } from "./slice.ts";

/** The rule of what has no kernel for several cells: the operation for one after the other. */
export function batchOneByOne<P>(primitive: Primitive<P>, { inputs, isMapped, cells, params }: BatchSite<P>): Tensor {
  const cell = (index: number) =>
    apply(primitive, inputs.map((x, i) => isMapped[i] ? select(x, { axis: 0, index }) : x), params);
  if (cells > 0) return stack(Array.from({ length: cells }, (_, index) => cell(index)));
  const one = inputs.map(({ shape, dtype }, i) => ({ shape: isMapped[i] ? shape.slice(1) : shape, dtype }));
  const { shape, dtype } = primitive.infer(one, params);
  return zeros([0, ...shape], { dtype });
}
