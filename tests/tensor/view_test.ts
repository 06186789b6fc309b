import { expect } from "expect";
import fc from "fast-check";
import { describe, it } from "@std/testing/bdd";
import {
  broadcastShapes,
  broadcastView,
  collapseView,
  contiguous,
  invertView,
  isContiguous,
  normalizeAxes,
  normalizeAxis,
  permuteView,
  reshapeView,
  type Shape,
  sizeOf,
  sliceView,
  type View,
} from "../../lib/tensor/mod.ts";

/** Positions of a view's elements in its buffer, in row-major order: the definition of a view. */
function positions({ shape, strides, offset }: View): number[] {
  return shape.reduce<number[]>(
    (found, size, axis) => found.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[axis])),
    [offset],
  );
}

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 });

/** Views that come from a whole buffer by cutting, turning and stretching. */
const views = shapes.chain((shape) =>
  fc.record({
    start: fc.tuple(...shape.map((size) => fc.integer({ min: 0, max: size - 1 }))),
    order: fc.shuffledSubarray(shape.map((_, axis) => axis), { minLength: shape.length }),
    front: fc.integer({ min: 1, max: 3 }),
  }).map(({ start, order, front }) => {
    const cut = sliceView(contiguous(shape), start, shape.map((size, axis) => size - start[axis]));
    const turned = permuteView(cut, order);
    return broadcastView(turned, [front, ...turned.shape]);
  })
);

/** Every way to write a number as a product of at most three sizes. */
function factorings(size: number): Shape[] {
  const found: Shape[] = [[size]];
  for (let a = 1; a <= size; a++) {
    if (size % a !== 0) continue;
    found.push([a, size / a]);
    for (let b = 1; b <= size / a; b++) if (size / a % b === 0) found.push([a, b, size / a / b]);
  }
  return found;
}

describe("a view", () => {
  it("of a whole buffer shows its elements in order", () => {
    fc.assert(fc.property(shapes, (shape) => {
      const view = contiguous(shape);
      expect(isContiguous(view)).toBe(true);
      expect(positions(view)).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
    }));
  });

  it("says it is contiguous exactly where its elements follow each other", () => {
    fc.assert(fc.property(views, (view) => {
      expect(isContiguous(view)).toBe(positions(view).every((at, i) => at === view.offset + i));
    }));
  });

  it("collapses to fewer axes that show the same elements in the same order", () => {
    fc.assert(fc.property(views, (view) => {
      const collapsed = collapseView(view);
      expect(positions(collapsed)).toEqual(positions(view));
      expect(collapsed.shape.every((size) => size > 1)).toBe(true);
      expect(collapsed.shape.length).toBeLessThanOrEqual(view.shape.length);
    }));
  });

  it("reshapes without a copy exactly where strides can do it", () => {
    fc.assert(fc.property(views, (view) => {
      const wanted = positions(view);
      for (const shape of factorings(wanted.length)) {
        const reshaped = reshapeView(view, shape);
        if (reshaped) {
          expect(reshaped.shape).toEqual(shape);
          expect(positions(reshaped)).toEqual(wanted);
          continue;
        }
        // Strides, where there are any, would be the distances of neighbours along each axis.
        const step = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
        const strides = step.map((distance, axis) => shape[axis] > 1 ? wanted[distance] - wanted[0] : 0);
        expect(positions({ shape, strides, offset: wanted[0] })).not.toEqual(wanted);
      }
    }));
  });

  it("reshapes to any shape where it has no elements", () => {
    expect(reshapeView(contiguous([0, 3]), [5, 0])).toEqual(contiguous([5, 0]));
  });

  it("is inverted where it shows every element of a whole buffer once, and only there", () => {
    fc.assert(fc.property(views, fc.boolean(), (view, whole) => {
      const shown = whole ? permuteView(contiguous(view.shape), [...view.shape.keys()].reverse()) : view;
      const from = positions(shown);
      const inverse = invertView(shown);
      const isPermutation = [...from].sort((a, b) => a - b).every((at, i) => at === i);
      expect(inverse !== undefined).toBe(isPermutation);
      if (!inverse) return;
      // Element i of the buffer goes to place inverse[i] of the copy.
      const places = positions(inverse);
      expect(from.map((at) => places[at])).toEqual(from.map((_, i) => i));
    }));
  });
});

describe("shapes", () => {
  it("broadcast by NumPy's rule", () => {
    const cases: readonly [Shape, Shape, Shape | undefined][] = [
      [[], [], []],
      [[3], [], [3]],
      [[3, 1], [4], [3, 4]],
      [[2, 1, 5], [3, 1], [2, 3, 5]],
      [[0, 3], [1], [0, 3]],
      [[0], [1], [0]],
      [[2], [3], undefined],
      [[2, 3], [2], undefined],
      [[0], [2], undefined],
    ];
    for (const [a, b, wanted] of cases) {
      expect(broadcastShapes(a, b)).toEqual(wanted);
      expect(broadcastShapes(b, a)).toEqual(wanted);
    }
  });

  it("count axes from the end where they are negative, and refuse those that are not there", () => {
    expect([0, 2, -1, -3].map((axis) => normalizeAxis(axis, 3, "sum"))).toEqual([0, 2, 2, 0]);
    for (const axis of [3, -4, 0.5, NaN]) {
      expect(() => normalizeAxis(axis, 3, "sum")).toThrow(`sum: axis ${axis} does not exist in a tensor of rank 3`);
    }
    expect(() => normalizeAxis(0, 0, "max")).toThrow(RangeError);
    expect(normalizeAxes([-1, 0, 2], 3, "sum")).toEqual([0, 2]);
    expect(normalizeAxes(undefined, 3, "sum")).toEqual([0, 1, 2]);
    expect(normalizeAxes(-2, 3, "sum")).toEqual([1]);
  });
});
