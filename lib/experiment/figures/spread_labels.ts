/** A label's place in pixels, its left edge and the middle of its height. */
export interface LabelPlace {
  /** Left edge. */
  readonly x: number;
  /** Middle, from above. */
  readonly y: number;
}

/** What {@linkcode spreadLabels} is told of labels. */
export interface LabelSizes {
  /** Of each, in pixels. */
  readonly widths: readonly number[];
  /** Of a line. */
  readonly height: number;
  /** How far from its point a label begins. */
  readonly gap: number;
}

/** How far down or up a label moves at a time, as a share of its height. */
const STEP = 1 / 2;
const MOST_STEPS = 200;

/**
 * Places for labels to the right of points such that none covers another label or a point: from above, each takes the
 * place that is free and nearest to its own height.
 */
export function spreadLabels(
  points: readonly LabelPlace[],
  { widths, height, gap }: LabelSizes,
): LabelPlace[] {
  interface Box {
    readonly left: number;
    readonly right: number;
    readonly middle: number;
    readonly half: number;
  }
  const taken: Box[] = points.map(({ x, y }) => ({ left: x - gap / 2, right: x + gap / 2, middle: y, half: gap / 2 }));
  const isFree = (box: Box) =>
    !taken.some((other) =>
      box.left < other.right && other.left < box.right && Math.abs(box.middle - other.middle) < box.half + other.half
    );
  const places = new Array<LabelPlace>(points.length);
  const order = [...points.keys()].sort((a, b) => points[a].y - points[b].y || points[a].x - points[b].x);
  for (const index of order) {
    const { x, y } = points[index];
    const boxAt = (step: number): Box => {
      // 0, down, up, further down, …
      const offset = Math.ceil(step / 2) * (step % 2 === 1 ? 1 : -1) * STEP * height;
      return { left: x + gap, right: x + gap + widths[index], middle: y + offset, half: height / 2 };
    };
    let box = boxAt(0);
    for (let step = 1; step <= MOST_STEPS && !isFree(box); step++) box = boxAt(step);
    taken.push(box);
    places[index] = { x: box.left, y: box.middle };
  }
  return places;
}
