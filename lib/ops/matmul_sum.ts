import { matmulDispatch } from "../../kernels/choose_matmul.ts";
import { type MatmulLayout, SINGLE_PRODUCT } from "../../kernels/matmul.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mul } from "./arithmetic.ts";
import { requireDType } from "./elementwise.ts";
import { matmul, type MatmulParams, orientation } from "./matmul.ts";
import { apply, type Primitive } from "./primitive.ts";

/** scale · (A·B + Z·V), A `[m, k]`, B `[k, n]`, Z `[m, r]`, V `[r, n]`: one chain of fma over k, then over r. */
export const matmulSumPrimitive: Primitive<MatmulParams> = {
  name: "matmulSum",
  infer: ([a, b]) => ({ shape: [a.shape[0], b.shape[1]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    finishes: true,
    scaled: ({ scale }, factor) => ({ scale: scale * factor }),
    accepts(input, views) {
      const found = orientation(views[input]);
      // The first operands have their rows together.
      return found !== undefined && (found.kind === "n" || input % 2 === 1);
    },
    emit({ inputs: [a, b, z, v], output, params: { scale }, target, finish }) {
      const [m, n] = output.shape;
      const [[k, r], [A, B, Z, V]] = [
        [a, z].map(({ view }) => view.shape[1]),
        [a, b, z, v].map((x) => orientation(x.view)!),
      ];
      const dispatch = matmulDispatch(`n${B.kind}` as MatmulLayout, {
        ...SINGLE_PRODUCT,
        m,
        n,
        k,
        lda: A.stride,
        ldb: B.stride,
        ldc: n,
        offsetA: a.view.offset,
        offsetB: b.view.offset,
        scale,
        branch: {
          layout: V.kind === "t" ? "nt" : "nn",
          r,
          ldz: Z.stride,
          ldv: V.stride,
          offsetZ: z.view.offset,
          offsetV: v.view.offset,
        },
      }, { target, finish, isFrozen: b.isFrozen });
      return { dispatches: [{ ...dispatch, buffers: [...[0, 1, 2, 3].map((input) => ({ input })), "finish"] }] };
    },
  },
  reference([a, b, z, v], { scale }, output) {
    const n = output.shape[1];
    const along = (left: typeof a, right: typeof a, row: number, column: number) => {
      const k = left.shape[1];
      let sum = 0;
      for (let j = 0; j < k; j++) sum += left.data[row * k + j] * right.data[j * n + column];
      return sum;
    };
    return Float64Array.from({ length: sizeOf(output.shape) }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      return scale * (along(a, b, row, column) + along(z, v, row, column));
    });
  },
  vjp({ inputs: [a, b, z, v], params: { scale }, cotangent, needs }) {
    const slope = scale === 1 ? cotangent : mul(cotangent, scale);
    return [
      needs[0] ? matmul(slope, b, { transposeB: true }) : undefined,
      needs[1] ? matmul(a, slope, { transposeA: true }) : undefined,
      needs[2] ? matmul(slope, v, { transposeB: true }) : undefined,
      needs[3] ? matmul(z, slope, { transposeA: true }) : undefined,
    ];
  },
};

/**
 * A·B + Z·V in one pass: A `[m, k]`, B `[k, n]`, Z `[m, r]`, V `[r, n]` → `[m, n]`, in f32. Meant for a small r, as
 * LoRA's branch beside its base. Transposed views of B and V are read where they lie.
 *
 * Throws a RangeError where the shapes do not fit.
 */
export function matmulSum([a, b]: readonly [Tensor, Tensor], [z, v]: readonly [Tensor, Tensor]): Tensor {
  const parts = [a, b, z, v];
  for (const part of parts) requireDType("matmulSum", part, ["f32"]);
  const fits = parts.every(({ rank }) => rank === 2) && a.shape[1] === b.shape[0] && z.shape[1] === v.shape[0] &&
    a.shape[0] === z.shape[0] && b.shape[1] === v.shape[1];
  if (!fits) {
    const [A, B, Z, V] = parts.map(({ shape }) => formatShape(shape));
    throw new RangeError(`matmulSum: ${A} · ${B} and ${Z} · ${V} have no sum`);
  }
  return apply(matmulSumPrimitive, parts, { scale: 1 });
}
