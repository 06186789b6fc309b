import { type Shape, sizeOf } from "./shape.ts";

/** How elements of a buffer are seen as a tensor: element `i` lies at `offset + Σ iₖ·stridesₖ`, in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Row-major strides without gaps. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** A whole buffer in row-major order. */
export function contiguous(shape: Shape): View {
  return { shape, strides: contiguousStrides(shape), offset: 0 };
}

/** Whether the elements lie in row-major order without gaps, at any offset. */
export function isContiguous(view: View): boolean {
  for (let axis = view.shape.length - 1, stride = 1; axis >= 0; axis--) {
    if (view.shape[axis] !== 1 && view.strides[axis] !== stride) return false;
    stride *= view.shape[axis];
  }
  return true;
}

/** Axes in another order. */
export function permuteView(view: View, permutation: readonly number[]): View {
  return {
    shape: permutation.map((axis) => view.shape[axis]),
    strides: permutation.map((axis) => view.strides[axis]),
    offset: view.offset,
  };
}

/** Axes of size 1 stretched, and new ones in front, by strides of 0. */
export function broadcastView(view: View, shape: Shape): View {
  const added = shape.length - view.shape.length;
  const strides = shape.map((size, axis) =>
    axis < added || (view.shape[axis - added] === 1 && size !== 1) ? 0 : view.strides[axis - added]
  );
  return { shape, strides, offset: view.offset };
}

/** Axes in the opposite direction, by negative strides: kernels compute places modulo 2³². */
export function flipView(view: View, axes: readonly number[]): View {
  const offset = axes.reduce((sum, axis) => sum + (view.shape[axis] - 1) * view.strides[axis], view.offset);
  const strides = view.strides.map((stride, axis) => axes.includes(axis) ? -stride : stride);
  return { shape: view.shape, strides, offset };
}

/** A box of the view. */
export function sliceView(view: View, start: readonly number[], size: Shape): View {
  const offset = start.reduce((sum, first, axis) => sum + first * view.strides[axis], view.offset);
  return { shape: size, strides: view.strides, offset };
}

/**
 * Where each element of a whole buffer goes when a view of it is copied: the inverse of a view that shows every element
 * once; `undefined` for other views.
 */
export function invertView(view: View): View | undefined {
  const to = contiguousStrides(view.shape);
  const axes = [...view.shape.keys()].filter((axis) => view.shape[axis] !== 1);
  axes.sort((a, b) => view.strides[b] - view.strides[a]);
  const shape = axes.map((axis) => view.shape[axis]);
  const expected = contiguousStrides(shape);
  if (view.offset !== 0 || axes.some((axis, i) => view.strides[axis] !== expected[i])) return undefined;
  return { shape, strides: axes.map((axis) => to[axis]), offset: 0 };
}

/** The view with its mergeable axes merged and axes of size 1 dropped: the fewest axes that reach the same elements. */
export function collapseView(view: View): View {
  const shape: number[] = [];
  const strides: number[] = [];
  view.shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = shape.length - 1;
    if (last >= 0 && strides[last] === view.strides[axis] * size) {
      shape[last] *= size;
      strides[last] = view.strides[axis];
    } else {
      shape.push(size);
      strides.push(view.strides[axis]);
    }
  });
  return { shape, strides, offset: view.offset };
}

/** The same elements in the same order under another shape; `undefined` where only a copy can do it. */
export function reshapeView(view: View, shape: Shape): View | undefined {
  if (sizeOf(shape) === 0) return contiguous(shape);
  const from = collapseView(view);
  const strides = new Array<number>(shape.length).fill(0);
  let axis = shape.length - 1;
  for (let source = from.shape.length - 1; source >= 0; source--) {
    let rest = from.shape[source];
    let stride = from.strides[source];
    while (rest > 1) {
      if (axis < 0 || rest % shape[axis] !== 0) return undefined;
      strides[axis] = stride;
      stride *= shape[axis];
      rest /= shape[axis];
      axis--;
    }
  }
  for (; axis >= 0; axis--) strides[axis] = 0;
  return { shape, strides, offset: view.offset };
}
