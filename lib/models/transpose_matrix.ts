import { copy } from "../ops/mod.ts";
import { makeTensor, stateOf, type Tensor } from "../tensor/tensor.ts";

/** A matrix with rows and columns changed over, `[m, n]` → `[n, m]`: on the host where it lies there, so that no copy reaches the device. */
export function transposeMatrix(matrix: Tensor): Tensor {
  const [m, n] = matrix.shape;
  const state = stateOf(matrix);
  if (state.kind !== "host") return copy(matrix.transpose([1, 0]));
  const { data } = state;
  const turned = data.slice();
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) turned[j * m + i] = data[i * n + j];
  return makeTensor([n, m], matrix.dtype, { kind: "host", data: turned });
}
