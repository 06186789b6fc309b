/** Sizes of a tensor's axes, outermost first; `[]` is the shape of a scalar. */
export type Shape = readonly number[];

/** How many elements a shape has. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Elements that a tensor may have: kernels count them in u32. */
const MAX_ELEMENTS = 2 ** 32 - 1;

/**
 * The shape, if it is one: whole sizes from 0 whose product kernels can count. Whatever makes a tensor of given sizes
 * asks here first, as a wrong shape would fail long after the call, in somebody else's.
 *
 * Throws a RangeError that names the operation.
 */
export function requireShape(op: string, shape: Shape): Shape {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new RangeError(`${op}: ${formatShape(shape)} is no shape: sizes are whole numbers from 0`);
  }
  if (sizeOf(shape) > MAX_ELEMENTS) {
    throw new RangeError(`${op}: ${formatShape(shape)} has more than ${MAX_ELEMENTS.toLocaleString("en")} elements`);
  }
  return shape;
}

/** Which whole numbers may be, and how a message says it. */
export interface Counts {
  /** The least one; 0 by default. */
  readonly least?: number;
  /** What all lie below; nothing by default. */
  readonly below?: number;
  /** What is counted, as in `steps`. */
  readonly of?: string;
  /** What stands behind the least one in messages. */
  readonly note?: string;
}

/** The number, if it is whole and not below the least. Throws a RangeError that begins with `subject`. */
export function requireWhole(subject: string, count: number, { least = 0, below, of, note }: Counts = {}): number {
  if (Number.isSafeInteger(count) && count >= least && (below === undefined || count < below)) return count;
  const numbers = `a whole number${of === undefined ? "" : ` of ${of}`} from ${least}${note ? ` ${note}` : ""}`;
  throw new RangeError(`${subject} is ${numbers}, not ${count}`);
}

/**
 * The number, if it is whole and not below the least, which is 0 by default. Throws a RangeError that names the operation
 * and what is counted.
 */
export function requireCount(op: string, what: string, count: number, least = 0): number {
  return requireWhole(`${op}: ${what}`, count, { least });
}

/** `[2, 3]`, as error messages print it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** The shape two operands broadcast to, by NumPy's rule; `undefined` where they do not. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) return undefined;
    result.push(sizeA === 1 ? sizeB : sizeA);
  }
  return result;
}

/** An axis counted from the front; throws a RangeError where the tensor has no such axis. */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  const fromFront = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || fromFront < 0 || fromFront >= rank) {
    throw new RangeError(`${op}: axis ${axis} does not exist in a tensor of rank ${rank}`);
  }
  return fromFront;
}

/** Axes counted from the front, ascending and distinct; all of them when none is given. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, op: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  return [...new Set(list.map((axis) => normalizeAxis(axis, rank, op)))].sort((a, b) => a - b);
}
