/** A box in pixels that something takes. */
interface Box {
  readonly what: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Of a dot. */
  readonly radius?: number;
}

/** Of a letter of text, by its size. */
const LETTER = 0.56;
const [ASCENT, DESCENT] = [0.74, 0.2];

/** Of a `transform`: where it moves to, and whether it turns by a right angle. */
function transformOf(element: Element): { x: number; y: number; turned: boolean } {
  const text = element.getAttribute("transform") ?? "";
  const [, x = "0", y = "0"] = /translate\(([-\d.e]+)(?:[ ,]+([-\d.e]+))?\)/.exec(text) ?? [];
  return { x: Number(x), y: Number(y), turned: /rotate\(-90/.test(text) };
}

const number = (element: Element, name: string) => Number(element.getAttribute(name) ?? 0);

/** What an element inherits. */
function inherited(element: Element, name: string): string | undefined {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const value = at.getAttribute(name);
    if (value) return value;
  }
  return undefined;
}

/** A length in `em` or pixels. */
function length(text: string | null, size: number): number {
  return text === null ? 0 : text.endsWith("em") ? Number.parseFloat(text) * size : Number(text);
}

function textBox(element: Element, x: number, y: number, turned: boolean): Box {
  const size = Number(inherited(element, "font-size") ?? 12);
  const what = element.textContent ?? "";
  const width = LETTER * size * what.length;
  const anchor = inherited(element, "text-anchor") ?? "start";
  const before = anchor === "middle" ? width / 2 : anchor === "end" ? width : 0;
  const [along, across] = [
    length(element.getAttribute("x"), size),
    length(element.getAttribute("y"), size) + length(element.getAttribute("dy"), size),
  ];
  if (turned) {
    return {
      what,
      left: x + across - ASCENT * size,
      right: x + across + DESCENT * size,
      top: y - along - width + before,
      bottom: y - along + before,
    };
  }
  return {
    what,
    left: x + along - before,
    right: x + along - before + width,
    top: y + across - ASCENT * size,
    bottom: y + across + DESCENT * size,
  };
}

/** Boxes of all texts, dots and ticks of axes. */
function boxesOf(root: Element): Box[] {
  const boxes: Box[] = [];
  const visit = (element: Element, x: number, y: number): void => {
    const move = transformOf(element);
    const [ownX, ownY] = [x + move.x, y + move.y];
    const tag = element.tagName.toLowerCase();
    if (tag === "text") boxes.push(textBox(element, ownX, ownY, move.turned));
    if (tag === "circle") {
      const [cx, cy, r] = [ownX + number(element, "cx"), ownY + number(element, "cy"), Number(inherited(element, "r"))];
      boxes.push({ what: "dot", left: cx - r, right: cx + r, top: cy - r, bottom: cy + r, radius: r });
    }
    if (tag === "path" && element.parentElement?.getAttribute("aria-label")?.endsWith("tick")) {
      const along = /^M0,0L(-?\d+),(-?\d+)$/.exec(element.getAttribute("d") ?? "");
      const [dx, dy] = along ? [Number(along[1]), Number(along[2])] : [0, 0];
      boxes.push({
        what: "tick",
        left: Math.min(ownX, ownX + dx),
        right: Math.max(ownX, ownX + dx),
        top: Math.min(ownY, ownY + dy),
        bottom: Math.max(ownY, ownY + dy),
      });
    }
    for (const child of Array.from(element.children)) visit(child, ownX, ownY);
  };
  visit(root, 0, 0);
  return boxes;
}

function overlap(a: Box, b: Box): boolean {
  if (a.radius !== undefined && b.radius !== undefined) {
    const distance = Math.hypot(a.left + a.radius - b.left - b.radius, a.top + a.radius - b.top - b.radius);
    return distance < a.radius + b.radius;
  }
  if (a.what === "tick" && b.what === "tick") return false;
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/**
 * What covers something else in a figure: dots, texts and ticks of axes, by their boxes, with the width of letters
 * estimated; and texts and dots that stand outside of it.
 */
export function overlaps(root: Element): string[] {
  const boxes = boxesOf(root);
  const [width, height] = [number(root, "width"), number(root, "height")];
  const outside = boxes.filter(({ left, right, top, bottom }) =>
    left < 0 || top < 0 || right > width || bottom > height
  )
    .map(({ what }) => `${what} is cut off`);
  const found = boxes.flatMap((a, i) =>
    boxes.slice(i + 1).filter((b) => overlap(a, b)).map((b) => `${a.what} and ${b.what}`)
  );
  return [...outside, ...found];
}
