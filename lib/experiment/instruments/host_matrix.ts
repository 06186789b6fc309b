import { Matrix } from "ml-matrix";

/** A matrix that the host holds, row by row, such as what `tensor.data()` gives. */
export interface HostMatrix {
  /** Elements, `rows · columns` of them. */
  readonly data: ArrayLike<number>;
  /** Its rows and columns. */
  readonly shape: readonly [rows: number, columns: number];
}

/**
 * A matrix for the library, in float64. Throws a RangeError where the data does not fill the shape, is empty, or holds
 * what is not finite: the decompositions would not end.
 */
export function toMatrix({ data, shape }: HostMatrix): Matrix {
  const [rows, columns] = shape;
  if (shape.length !== 2 || data.length !== rows * columns || data.length === 0) {
    throw new RangeError(`Cannot take [${shape.join(", ")}] as a matrix as it has ${data.length} numbers`);
  }
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      throw new RangeError(`Cannot decompose [${shape.join(", ")}] as element ${i} is not finite: ${data[i]}`);
    }
  }
  return Matrix.from1DArray(rows, columns, Array.from(data));
}

/** A library's matrix as data and shape. */
export function fromMatrix(matrix: Matrix): HostMatrix {
  return { data: Float64Array.from(matrix.to1DArray()), shape: [matrix.rows, matrix.columns] };
}

/**
 * What a matrix has become minus what it was, in float64.
 *
 * Throws a RangeError where the shapes differ.
 *
 * @example
 * ```ts
 * import { change } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * const [before, after] = [[1, 2], [1, 5]].map((data) => ({ data, shape: [1, 2] as const }));
 * console.log(change(after, before).data); // Float64Array [0, 3]
 * ```
 */
export function change(after: HostMatrix, before: HostMatrix): HostMatrix {
  if (after.shape.join() !== before.shape.join() || after.data.length !== before.data.length) {
    throw new RangeError(`Cannot subtract [${before.shape.join(", ")}] from [${after.shape.join(", ")}]`);
  }
  return { data: Float64Array.from(after.data, (value, i) => value - before.data[i]), shape: after.shape };
}
