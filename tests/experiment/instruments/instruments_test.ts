import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  change,
  cosinesByLayer,
  effectiveRank,
  energyWithin,
  type HostMatrix,
  lowRankSpectrum,
  type LowRankTerm,
  normsByLayer,
  numericRank,
  singularValues,
  type Spectrum,
  spectrum,
  subspaceOverlap,
} from "../../../lib/experiment/instruments/mod.ts";
import fixture from "../../fixtures/instruments.json" with { type: "json" };
import { normals } from "../samples_of_scores.ts";

const matrixOf = ({ data, shape }: { data: number[]; shape: number[] }): HostMatrix => ({
  data,
  shape: [shape[0], shape[1]],
});
const drawn = (rows: number, columns: number, seed: number): HostMatrix => ({
  data: normals(rows * columns, seed),
  shape: [rows, columns],
});

/** left · diag(values) · rightᵀ. */
function rebuilt({ values, left, right, shape: [rows, columns] }: Spectrum): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return values.reduce(
      (sum, value, k) => sum + left.data[row * left.shape[1] + k] * value * right.data[column * right.shape[1] + k],
      0,
    );
  });
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>) {
  expect(found.length).toBe(expected.length);
  Array.from(found).forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-12));
}

describe("spectrum()", () => {
  it("has NumPy's singular values, descending, and rebuilds tall, wide and rank-deficient matrices", () => {
    for (const { matrix, values, rank } of fixture.dense) {
      const found = spectrum(matrixOf(matrix));
      expectNear(found.values, values);
      expectNear(rebuilt(found), matrix.data);
      expect(numericRank(found)).toBe(rank);
      expect(subspaceOverlap(found.left, found.left)).toBeCloseTo(1, 12);
      expect(subspaceOverlap(found.right, found.right)).toBeCloseTo(1, 12);
    }
  });

  it("refuses what is not finite, empty, or does not fill its shape", () => {
    expect(() => spectrum({ data: [1, NaN], shape: [1, 2] })).toThrow(/\[1, 2\] as element 1 is not finite: NaN/);
    expect(() => spectrum({ data: [1, 2, 3], shape: [2, 2] })).toThrow(/\[2, 2\] as a matrix as it has 3 numbers/);
    expect(() => spectrum({ data: [], shape: [0, 2] })).toThrow(/0 numbers/);
  });
});

describe("lowRankSpectrum()", () => {
  it("has the singular values of the sum, from its factors alone, and rebuilds it", () => {
    for (const { terms, matrix, values, rank } of fixture.lowRank) {
      const made: LowRankTerm[] = terms.map(({ A, B, scale }) => ({ A: matrixOf(A), B: matrixOf(B), scale }));
      const found = lowRankSpectrum(made);
      expectNear(found.values, values.slice(0, found.values.length));
      expectNear(rebuilt(found), matrix.data);
      expect(numericRank(found)).toBe(rank);
    }
  });

  it("gives a change of Delta-LoRA's form the rank 2r, and r where its second term is 0", () => {
    const [r, rows, columns] = [3, 20, 16];
    const last = { B: drawn(rows, r, 1), A: drawn(r, columns, 2), scale: 6 };
    const start = { B: drawn(rows, r, 3), A: drawn(r, columns, 4), scale: -4 };
    expect(numericRank(lowRankSpectrum([last, start]))).toBe(2 * r);
    const none = { ...start, B: { data: new Float64Array(rows * r), shape: [rows, r] as const } };
    expect(numericRank(lowRankSpectrum([last, none]))).toBe(r);
    expect(numericRank(lowRankSpectrum([none]))).toBe(0);
  });

  it("refuses no terms and shapes that do not fit", () => {
    expect(() => lowRankSpectrum([])).toThrow(/no terms/);
    expect(() => lowRankSpectrum([{ B: drawn(4, 2, 1), A: drawn(3, 4, 2), scale: 1 }])).toThrow(
      /\[4, 2\] and \[3, 4\]/,
    );
  });
});

describe("numericRank()", () => {
  it("tells a change of low rank from the rounding of weights in f32", () => {
    const [rows, columns, r] = [24, 18, 2];
    const before = drawn(rows, columns, 5);
    const small = rebuilt(lowRankSpectrum([{ B: drawn(rows, r, 6), A: drawn(r, columns, 7), scale: 1e-2 }]));
    const rounded = (data: ArrayLike<number>) => ({ data: Float32Array.from(data), shape: before.shape });
    const from = rounded(before.data);
    const found = spectrum(change(rounded(Array.from(from.data, (value, i) => value + small[i])), from));
    const [size] = spectrum(from).values;
    expect(numericRank(found)).toBe(Math.min(rows, columns));
    expect(numericRank(found, { epsilon: 2 ** -23, size })).toBe(r);
  });
});

describe("change()", () => {
  it("subtracts in float64 and refuses other shapes", () => {
    expect(change({ data: [1, 2], shape: [1, 2] }, { data: [0.5, 3], shape: [1, 2] }))
      .toEqual({ data: Float64Array.of(0.5, -1), shape: [1, 2] });
    expect(() => change(drawn(2, 3, 1), drawn(3, 2, 1))).toThrow("Cannot subtract [3, 2] from [2, 3]");
  });
});

describe("subspaceOverlap()", () => {
  it("is NumPy's φ of singular vectors", () => {
    for (const { a, b, i, j, phi } of fixture.overlaps) {
      const [left, right] = [spectrum(matrixOf(a)).left, spectrum(matrixOf(b)).left];
      expect(subspaceOverlap(left, right, { i, j })).toBeCloseTo(phi, 12);
    }
  });

  it("is 1 where one space holds the other, 0 where they are orthogonal, and sin² and cos² between", () => {
    const axis = { data: [1, 0, 0], shape: [3, 1] as const };
    const plane = { data: [0, 1, 0, 0, 1, 0], shape: [3, 2] as const };
    expect(subspaceOverlap(axis, plane)).toBe(1);
    expect(subspaceOverlap({ data: [0, 1, 0], shape: [3, 1] }, axis)).toBe(0);
    const turned = { data: [Math.cos(0.3), Math.sin(0.3), 0], shape: [3, 1] as const };
    expect(subspaceOverlap(turned, axis)).toBeCloseTo(Math.cos(0.3) ** 2, 14);
  });

  it("refuses vectors of other lengths and columns that are not there", () => {
    expect(() => subspaceOverlap(drawn(3, 1, 1), drawn(4, 1, 1))).toThrow(/other lengths: 3 and 4/);
    expect(() => subspaceOverlap(drawn(3, 1, 1), drawn(3, 2, 1), { i: 2 })).toThrow(/2 and 2 columns of 1 and 2/);
  });
});

describe("singularValues()", () => {
  it("has NumPy's values of tall, wide and rank-deficient matrices, without their vectors", () => {
    for (const { matrix, values } of fixture.dense) expectNear(singularValues(matrixOf(matrix)), values);
    expect(() => singularValues({ data: [1, Infinity], shape: [1, 2] })).toThrow("element 1 is not finite: Infinity");
  });
});

describe("effectiveRank() and energyWithin()", () => {
  it("count equal directions, and fall to 1 where one exceeds all others", () => {
    for (const n of [1, 2, 7]) expect(effectiveRank(new Array(n).fill(0.3))).toBeCloseTo(n, 12);
    expect(effectiveRank([5, 0, 0])).toBeCloseTo(1, 12);
    expect(effectiveRank([1, 1e-9])).toBeLessThan(1 + 1e-7);
    // Shares of 1/2, 1/4 and 1/4 have an entropy of (3/2) ln 2.
    expect(effectiveRank([2, 1, 1])).toBeCloseTo(2 ** 1.5, 12);
    expect(effectiveRank([0, 0])).toBe(0);
  });

  it("do not depend on the size of the matrix, and say what the best matrix of a rank has of it", () => {
    const values = [3, 2, 1];
    for (const size of [1, 1e-200, 1e200]) {
      const scaled = values.map((value) => size * value);
      expect(effectiveRank(scaled)).toBeCloseTo(effectiveRank(values), 12);
      expect([0, 1, 2, 3, 9].map((count) => energyWithin(scaled, count) * 14)).toEqual(
        [0, 9, 13, 14, 14].map((share) => expect.closeTo(share, 10)),
      );
    }
    expect(energyWithin([1, 2, 3], 1)).toBeCloseTo(9 / 14, 12); // whatever their order
    expect(energyWithin([0, 0], 1)).toBe(1);
  });

  it("refuse what is no singular value, and parts of a direction", () => {
    expect(() => effectiveRank([1, -1])).toThrow("value 1 as a singular value as it is -1");
    expect(() => energyWithin([NaN], 1)).toThrow("value 0 as a singular value as it is NaN");
    expect(() => energyWithin([1], 0.5)).toThrow("no whole number from 0: 0.5");
  });
});

describe("cosinesByLayer() and normsByLayer()", () => {
  it("have NumPy's cosine and norm, layer by layer", () => {
    const { x, y, cosine, norm } = fixture.vectors;
    const twice = y.map((value) => -2 * value);
    expect(cosinesByLayer({ a: x, b: y }, { a: y, b: twice }).a).toBeCloseTo(cosine, 14);
    expect(cosinesByLayer({ b: y }, { b: twice }).b).toBeCloseTo(-1, 14);
    expect(normsByLayer({ x, y: [0, 0] })).toEqual({ x: expect.closeTo(norm, 12), y: 0 });
  });

  it("keep sizes whose squares leave float64, and give 0 to the angle with nothing", () => {
    const norms = normsByLayer({ small: [3e-200, 4e-200], large: [3e200, 4e200], broken: [1, NaN] });
    expect(norms.small / 5e-200).toBeCloseTo(1, 14);
    expect(norms.large / 5e200).toBeCloseTo(1, 14);
    expect(norms.broken).toBeNaN();
    expect(cosinesByLayer({ a: [1e-200, 0] }, { a: [1e200, 0] })).toEqual({ a: 1 });
    expect(cosinesByLayer({ a: [1, 2] }, { a: [0, 0] })).toEqual({ a: 0 });
  });

  it("refuse layers of one alone and of other sizes", () => {
    expect(() => cosinesByLayer({ a: [1] }, { b: [1] })).toThrow("only one of both has: a, b");
    expect(() => cosinesByLayer({ a: [1] }, { a: [1, 2] })).toThrow("Cannot compare a as its sizes differ: 1 and 2");
  });
});
