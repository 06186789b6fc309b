import { formatShape, type Shape } from "../tensor/shape.ts";

/** An axis of an equation: its letter, or for what `...` stands for `...` and the number of axes behind it there. */
export type Label = string;

/** An equation on operands of given shapes. */
export interface EinsumEquation {
  /** The labels of each operand's axes. */
  readonly operands: readonly (readonly Label[])[];
  readonly output: readonly Label[];
  readonly sizes: ReadonlyMap<Label, number>;
}

/** The parts of a term: letters, and one `...` at most. */
function partsOf(equation: string, term: string): readonly string[] {
  const parts: readonly string[] = term.match(/\.\.\.|./gu) ?? [];
  for (const part of parts) {
    if (part !== "..." && !/^[A-Za-z]$/.test(part)) {
      throw new RangeError(`einsum: "${equation}" has "${part}" in "${term}": axes are letters from a to z and A to Z`);
    }
  }
  if (parts.indexOf("...") !== parts.lastIndexOf("...")) {
    throw new RangeError(`einsum: "${equation}" has several "..." in "${term}"`);
  }
  return parts;
}

/** Labels of an operand's axes. */
function labelsOf(
  equation: string,
  term: string,
  { shape, i }: { readonly shape: Shape; readonly i: number },
): Label[] {
  const parts = partsOf(equation, term);
  const letters = parts.filter((part) => part !== "...").length;
  const isOpen = letters < parts.length;
  if (isOpen ? shape.length < letters : shape.length !== letters) {
    const named = `${letters}${isOpen ? " or more" : ""}`;
    throw new RangeError(
      `einsum: "${term}" of "${equation}" names ${named} axes, and operand ${i} is ${formatShape(shape)}`,
    );
  }
  const others = shape.length - letters;
  return parts.flatMap((part) => part === "..." ? openLabels(others) : [part]);
}

/** Labels of what `...` stands for, counted from behind so that they broadcast by NumPy's rule. */
function openLabels(count: number): Label[] {
  return Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);
}

const isOpen = (label: Label) => label.length > 1;

/** The size of each label. A letter has one size; what `...` stands for may be 1 and stretch. */
function sizesOf(
  equation: string,
  operands: readonly (readonly Label[])[],
  shapes: readonly Shape[],
): Map<Label, number> {
  const sizes = new Map<Label, number>();
  const from = new Map<Label, number>();
  operands.forEach((labels, i) =>
    labels.forEach((label, axis) => {
      const size = shapes[i][axis];
      const known = sizes.get(label);
      if (known !== undefined && known !== size && !(isOpen(label) && (known === 1 || size === 1))) {
        const what = isOpen(label) ? `an axis of "..."` : `"${label}"`;
        throw new RangeError(
          `einsum: ${what} in "${equation}" is ${known} in operand ${from.get(label)} and ${size} in operand ${i}`,
        );
      }
      if (known === undefined || known === 1) {
        sizes.set(label, size);
        from.set(label, i);
      }
    })
  );
  return sizes;
}

/** The output of an equation without an arrow: what `...` stands for, and the letters that stand once, in their order. */
function impliedOutput(operands: readonly (readonly Label[])[], open: readonly Label[]): Label[] {
  const letters = operands.flat().filter((label) => !isOpen(label));
  return [...open, ...letters.filter((label) => letters.indexOf(label) === letters.lastIndexOf(label)).sort()];
}

function outputOf(equation: string, term: string, open: readonly Label[], sizes: ReadonlyMap<Label, number>): Label[] {
  const parts = partsOf(equation, term);
  const labels = parts.flatMap((part) => part === "..." ? open : [part]);
  for (const label of labels) {
    if (!sizes.has(label)) throw new RangeError(`einsum: "${label}" of the output of "${equation}" is in no operand`);
    if (labels.indexOf(label) !== labels.lastIndexOf(label)) {
      throw new RangeError(`einsum: "${label}" stands twice in the output of "${equation}"`);
    }
  }
  if (open.length > 0 && !parts.includes("...")) {
    throw new RangeError(`einsum: the output of "${equation}" lacks "...", which stands for axes of the operands`);
  }
  return labels;
}

/** Reads an equation for operands of given shapes. Throws a RangeError that says what is wrong with it. */
export function readEquation(equation: string, shapes: readonly Shape[]): EinsumEquation {
  const [inputs, ...outputs] = equation.replaceAll(" ", "").split("->");
  const terms = inputs.split(",");
  if (outputs.length > 1) throw new RangeError(`einsum: "${equation}" has several "->"`);
  if (terms.length !== shapes.length) {
    throw new RangeError(`einsum: "${equation}" names ${terms.length} operands, and there are ${shapes.length}`);
  }
  const operands = terms.map((term, i) => labelsOf(equation, term, { shape: shapes[i], i }));
  const sizes = sizesOf(equation, operands, shapes);
  const open = openLabels(Math.max(...operands.map((labels) => labels.filter(isOpen).length)));
  const output = outputs.length === 0 ? impliedOutput(operands, open) : outputOf(equation, outputs[0], open, sizes);
  return { operands, output, sizes };
}
