import { concat, flip } from "../ops/mod.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Cosines and sines of angles, f32 `[B, T, d]`: by which {@linkcode rotate} turns the pairs of a head. */
export interface Rotation {
  /** Of each element, the same in both halves. */
  readonly cos: Tensor;
  /** With the sign of what each element is turned into: −sin in the first half, sin in the second. */
  readonly sin: Tensor;
}

/**
 * The rotation of rotary position embeddings ([Su et al. 2021](https://arxiv.org/abs/2104.09864)): tokens at positions i32
 * `[B, T]` turn pair i by position · frequencies[i], f32 `[d / 2]`. Cosines and sines are multiplied by `scale`, 1 by
 * default.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const positions = dd.tensor([[0, 1]], { dtype: "i32" });
 * const { cos } = dd.nn.rotationOf(positions, dd.tensor([Math.PI]), { scale: 2 });
 * console.log((await cos.data()).map(Math.round)); // Float32Array [2, 2, -2, -2]
 * ```
 */
export function rotationOf(
  positions: Tensor,
  frequencies: Tensor,
  options: { readonly scale?: number } = {},
): Rotation {
  const { scale = 1 } = options;
  const angles = positions.astype("f32").expandDims(2).mul(frequencies);
  const [cos, sin] = [angles.cos().mul(scale), angles.sin().mul(scale)];
  return { cos: concat([cos, cos], { axis: 2 }), sin: concat([sin.neg(), sin], { axis: 2 }) };
}

/**
 * Turns queries or keys f32 `[B, H, T, d]` by a rotation: element i and element i + d / 2 are a pair, as in Llama.
 *
 * Throws a RangeError where d is odd or the rotation is of another shape.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const positions = dd.tensor([[0, 1]], { dtype: "i32" });
 * const rotation = dd.nn.rotationOf(positions, dd.tensor([Math.PI / 2]));
 * const y = dd.nn.rotate(dd.tensor([[[[1, 2], [1, 2]]]]), rotation);
 * console.log((await y.data()).map(Math.round)); // Float32Array [1, 2, -2, 1]
 * ```
 */
export function rotate(x: Tensor, { cos, sin }: Rotation): Tensor {
  const [B, H, T, d] = x.shape;
  const wrong = [cos, sin].find(({ shape }) => !sameShape(shape, [shape[0] === 1 ? 1 : B, T, d]));
  if (d % 2 !== 0 || wrong) {
    throw new RangeError(`rotate: ${formatShape(x.shape)} is not turned by ${formatShape((wrong ?? cos).shape)}`);
  }
  const partners = flip(x.reshape([B, H, T, 2, d / 2]), { axis: 3 }).reshape([B, H, T, d]);
  return x.mul(cos.expandDims(1)).add(partners.mul(sin.expandDims(1)));
}
