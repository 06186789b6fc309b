import { Matrix, QR, SVD } from "ml-matrix";
import { fromMatrix, type HostMatrix, toMatrix } from "./host_matrix.ts";

/** A singular value decomposition: the matrix is left · diag(values) · rightᵀ. */
export interface Spectrum {
  /** Singular values, descending. */
  readonly values: Float64Array;
  /** Directions of the output, orthonormal columns: `[rows, values]`. */
  readonly left: HostMatrix;
  /** Directions of the input, orthonormal columns: `[columns, values]`. */
  readonly right: HostMatrix;
  /** Rows and columns of the matrix that was decomposed. */
  readonly shape: readonly [rows: number, columns: number];
}

/** One term scale · B A of a change of low rank, `[out, in]`. */
export interface LowRankTerm {
  /** The factor that gives the output, `[out, r]`. */
  readonly B: HostMatrix;
  /** The factor that meets the input, `[r, in]`. */
  readonly A: HostMatrix;
  /** What the product weighs. */
  readonly scale: number;
}

function decompose(matrix: Matrix): { left: Matrix; values: number[]; right: Matrix } {
  // The library's decomposition is whole for tall matrices alone.
  const isTall = matrix.rows >= matrix.columns;
  const { leftSingularVectors, rightSingularVectors, diagonal } = new SVD(isTall ? matrix : matrix.transpose());
  return isTall
    ? { left: leftSingularVectors, values: diagonal, right: rightSingularVectors }
    : { left: rightSingularVectors, values: diagonal, right: leftSingularVectors };
}

/**
 * Singular values and vectors of a dense matrix, in float64. The time grows with the cube of its size: about a second
 * at 256 × 256 and 15 at 768 × 768. {@linkcode lowRankSpectrum} takes milliseconds where the factors are known.
 *
 * Throws a RangeError where the data does not fill the shape, is empty, or holds what is not finite.
 *
 * @example
 * ```ts
 * import { spectrum } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * const { values } = spectrum({ data: [0, 2, 3, 0], shape: [2, 2] });
 * console.log(values); // ≈ Float64Array [3.00, 2.00]
 * ```
 */
export function spectrum(matrix: HostMatrix): Spectrum {
  const { left, values, right } = decompose(toMatrix(matrix));
  return { values: Float64Array.from(values), left: fromMatrix(left), right: fromMatrix(right), shape: matrix.shape };
}

/**
 * Singular values of a dense matrix alone, descending, in float64: several times as fast as {@linkcode spectrum}.
 *
 * Throws a RangeError where the data does not fill the shape, is empty, or holds what is not finite.
 *
 * @example
 * ```ts
 * import { singularValues } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * console.log(singularValues({ data: [0, 2, 3, 0], shape: [2, 2] })); // ≈ Float64Array [3.00, 2.00]
 * ```
 */
export function singularValues(matrix: HostMatrix): Float64Array {
  const whole = toMatrix(matrix);
  const tall = whole.rows >= whole.columns ? whole : whole.transpose();
  const options = { computeLeftSingularVectors: false, computeRightSingularVectors: false };
  return Float64Array.from(new SVD(tall, options).diagonal);
}

/**
 * Singular values and vectors of a sum of low-rank terms, in float64, without forming it: with all factors side by
 * side, Q_B R_B = [s₁B₁, s₂B₂, …] and Q_A R_A = [A₁ᵀ, A₂ᵀ, …], it is Q_B (R_B R_Aᵀ) Q_Aᵀ, and the middle is small.
 * There are as many values as the ranks have together, at most as many as the matrix has. Delta-LoRA's whole change has
 * two terms: (1+λ)(α/r)·B_T A_T and −λ(α/r)·B_{K+1} A_{K+1}.
 *
 * Throws a RangeError where shapes do not fit, a number is not finite, or there is no term.
 *
 * @example
 * ```ts
 * import { lowRankSpectrum } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * const [B, A] = [{ data: [3, 4], shape: [2, 1] as const }, { data: [0, 1, 0], shape: [1, 3] as const }];
 * console.log(lowRankSpectrum([{ B, A, scale: 2 }]).values); // ≈ Float64Array [10.00]
 * ```
 */
export function lowRankSpectrum(terms: readonly LowRankTerm[]): Spectrum {
  if (terms.length === 0) throw new RangeError("Cannot decompose a sum of no terms");
  const [{ B: { shape: [rows] }, A: { shape: [, columns] } }] = terms;
  for (const { A, B } of terms) {
    if (B.shape[0] !== rows || A.shape[1] !== columns || B.shape[1] !== A.shape[0]) {
      throw new RangeError(
        `Cannot add the product of [${B.shape.join(", ")}] and [${A.shape.join(", ")}] to a [${rows}, ${columns}]`,
      );
    }
  }
  const rank = terms.reduce((sum, { A }) => sum + A.shape[0], 0);
  const B = Matrix.zeros(rows, rank);
  const A = Matrix.zeros(columns, rank);
  let at = 0;
  for (const term of terms) {
    B.setSubMatrix(toMatrix(term.B).mul(term.scale), 0, at);
    A.setSubMatrix(toMatrix(term.A).transpose(), 0, at);
    at += term.A.shape[0];
  }
  if (rank > Math.min(rows, columns)) return spectrum(fromMatrix(B.mmul(A.transpose())));
  const [ofB, ofA] = [new QR(B), new QR(A)];
  const { left, values, right } = decompose(ofB.upperTriangularMatrix.mmul(ofA.upperTriangularMatrix.transpose()));
  return {
    values: Float64Array.from(values),
    left: fromMatrix(ofB.orthogonalMatrix.mmul(left)),
    right: fromMatrix(ofA.orthogonalMatrix.mmul(right)),
    shape: [rows, columns],
  };
}

/** Options of {@linkcode numericRank}. */
export interface NumericRankOptions {
  /**
   * Spacing of numbers at 1: 2⁻²³ for matrices that were kept in f32; 2⁻⁵², the default, for what was computed in
   * float64.
   */
  readonly epsilon?: number;
  /**
   * Size that rounding is relative to: by default the largest singular value. For the difference of two matrices that
   * were rounded, the largest singular value of these, as their rounding is what stays.
   */
  readonly size?: number;
}

/**
 * How many singular values lie above rounding: above max(rows, columns) · epsilon · size, which is
 * the rule of NumPy's `matrix_rank`.
 *
 * @example
 * ```ts
 * import { numericRank, spectrum } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * console.log(numericRank(spectrum({ data: [1, 2, 2, 4], shape: [2, 2] }))); // 1
 * ```
 */
export function numericRank(
  { values, shape }: Pick<Spectrum, "values" | "shape">,
  { epsilon = 2 ** -52, size = values[0] }: NumericRankOptions = {},
): number {
  const floor = Math.max(...shape) * epsilon * size;
  return values.filter((value) => value > floor).length;
}
