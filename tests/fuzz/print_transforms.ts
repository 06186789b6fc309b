import type { DType, Tensor } from "../../lib/tensor/mod.ts";
import { placesOf } from "./cells.ts";
import type { Beside, Cells, Transform, Turns } from "./program.ts";
import { handedBy, moverOf, partnerOf } from "./turns.ts";

/** Tensors by name that a function takes, and those that it gives. */
interface FunctionValues {
  readonly of: ReadonlyMap<string, Tensor>;
  readonly made: ReadonlyMap<string, Tensor>;
}

/** An input of another cell, or of another turn. */
function besideText(name: string, beside: Beside, dtype: DType): string {
  if (beside === "equal") return name;
  if (dtype !== "f32" || beside === "flipped") return `dd.flip(${name})`;
  return beside === "scaled" ? `dd.mul(${name}, -0.5)` : `dd.full(${name}.shape, NaN)`;
}

/** A transform of the function `f`, as a function of an object with tensors of these names. */
export function transformText(transform: Transform, f: string, values: FunctionValues): string[] {
  switch (transform.kind) {
    case "checkpoint":
      return [`dd.checkpoint(${f})`];
    case "customVjp": {
      const forward = `forward: (x) => ({ value: ${f}(x), residuals: x })`;
      return [`dd.customVjp(${f}, { ${forward}, backward: (x, g) => dd.vjp(${f}, x).pullback(g) })`];
    }
    case "vmap":
      return cellsText(transform, f, values.of);
    case "scan":
      return turnsText(transform, f, values);
  }
}

/** A function of all cells, of which one is taken on. */
function cellsText(cells: Cells, f: string, of: ReadonlyMap<string, Tensor>): string[] {
  const { count, cell, out, shows } = cells;
  const places = placesOf(cells, Object.fromEntries([...of].map(([name, { rank }]) => [name, rank])));
  const parts = [...of].map(([name, { dtype }]) => {
    const { axis, beside } = places[name];
    const each = Array.from({ length: count }, (_, i) => i === cell ? name : besideText(name, beside, dtype));
    return axis === undefined ? name : `${name}: dd.stack([${each.join(", ")}], { axis: ${axis} })`;
  });
  const axes = Object.entries(places).flatMap(([name, { axis }]) => axis === undefined ? [] : [`${name}: ${axis}`]);
  const options = [`in: [{ ${axes.join(", ")} }]`, `out: ${out}`, ...axes.length > 0 ? [] : [`size: ${count}`]];
  return [
    `({ ${[...of.keys()].join(", ")} }) => dd.tree.map(`,
    `  (x) => dd.select(x, { axis: ${out}, index: ${cell} }),${shows ? " // all cells are looked at" : ""}`,
    `  dd.vmap(${f}, { ${options.join(", ")} })({ ${parts.join(", ")} }),`,
    ")",
  ];
}

/** A loop, of which one turn is taken on. */
function turnsText(turns: Turns, f: string, { of, made }: FunctionValues): string[] {
  const { count, turn, reverse, beside, saysLength, shows } = turns;
  const [inputs, results] = [Object.fromEntries(of), Object.fromEntries(made)];
  const handed = handedBy(turns, inputs);
  const names = Object.keys(inputs).sort();
  const rows = names.filter((name) => handed[name] === "row");
  const carried = names.filter((name) => handed[name] !== "row" && handed[name] !== "shared");
  const stacks = rows.map((name) => {
    const other = besideText(name, beside[names.indexOf(name) % beside.length], inputs[name].dtype);
    return `${name}: dd.stack([${Array.from({ length: count }, (_, i) => i === turn ? name : other).join(", ")}])`;
  });
  const next = carried.map((name) => {
    if (handed[name] === "kept") return name;
    if (handed[name] === "flipped") return `${name}: dd.flip(${name})`;
    if (handed[name] === "exchanged") return `${name}: ${partnerOf(name, handed, inputs)}`;
    const mover = moverOf(inputs[name], results);
    const half = `dd.mul(${name}, 0.5)`;
    if (!mover) return `${name}: ${half}`;
    const value = mover.isMean ? `dd.mean(y.${mover.name})` : `y.${mover.name}`;
    return `${name}: dd.add(${half}, dd.mul(dd.tanh(${value}), 0.25))`;
  });
  const says = saysLength || rows.length === 0 ? `, length: ${count}` : "";
  const halves = [...made].filter(([, { dtype }]) => dtype === "f16").map(([name]) => name);
  const wide = halves.map((name) => `, ${name}: dd.cast(y.${name}, "f32")`).join("");
  const narrow = halves.map((name) => `, ${name}: dd.cast(ys.${name}, "f16")`).join("");
  return [
    `({ ${names.join(", ")} }) => {`,
    `  const turn = ({ ${carried.join(", ")} }, { ${rows.join(", ")} }) => {`,
    `    const y = ${f}({ ${names.join(", ")} });`,
    `    return [{ ${next.join(", ")} }, { ...y${wide} }];`,
    "  };",
    `  const [, ys] = dd.scan(turn, { ${carried.join(", ")} }, { ${
      stacks.join(", ")
    } }, { reverse: ${reverse}${says} });`,
    `  return dd.tree.map((x) => dd.select(x, { axis: 0, index: ${turn} }), { ...ys${narrow} });` +
    (shows ? " // all turns and the last carry are looked at" : ""),
    "}",
  ];
}
