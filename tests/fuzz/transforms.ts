import type { Tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, customVjp, vjp } from "../../lib/transform/mod.ts";
import { allAtOnce, oneByOne } from "./cells.ts";
import type { Transform, Turns } from "./program.ts";
import { inALoop, turnByTurn } from "./turns.ts";

/** Tensors by the names of a program's values; a leaf may be a number. */
export type Values = Readonly<Record<string, Tensor>>;

/** How a program is built: as it is written, or without what must not matter (checkpoints, rules of one's own, cells, loops). */
export type Manner = "written" | "plain";

/** What all cells, or turns, have of a segment's last value, where that is looked at; what the last turn hands on. */
const ALL = "all";

/** Names among a program's values that are looked at beside its outputs. */
export function shownNames(values: Values): string[] {
  return Object.keys(values).filter((name) => name.startsWith(ALL));
}

/** The same record with its keys in the opposite order: trees are matched by key. */
export function reversed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse());
}

/** What a transformed function is made of. */
interface Site {
  readonly manner: Manner;
  /** Inputs that may be numbers. */
  readonly shared: ReadonlySet<string>;
  /** Name of the last value. */
  readonly last: string;
  /** Whether derivatives go through it: those by other cells are 0, and 0 times infinity is NaN. */
  readonly derives: boolean;
}

/** A function of records inside of its transforms. */
export function transformed(
  transform: Transform,
  f: (inputs: Values) => Values,
  site: Site,
): (inputs: Values) => Values {
  const inner = transform.inside ? transformed(transform.inside, f, site) : f;
  const isPlain = site.manner === "plain";
  if (transform.kind === "vmap") {
    if (isPlain && !site.derives && !transform.shows) return inner;
    return (inputs) => {
      const { one, all } = (isPlain ? oneByOne : allAtOnce)(transform, inner, { inputs, shared: site.shared });
      return transform.shows ? { ...one, [ALL]: all[site.last] } : one;
    };
  }
  if (transform.kind === "scan") return (inputs) => turned(transform, inner, { inputs, site });
  if (isPlain) return inner;
  if (transform.kind === "checkpoint") return checkpoint(inner);
  return customVjp(inner, {
    forward: (inputs: Values) => ({ value: inner(inputs), residuals: inputs }),
    backward: (inputs: Values, cotangents: Values) => [
      reversed(vjp(inner, inputs).pullback(reversed(cotangents))[0] as Values),
    ],
  });
}

/** A function of records in a loop. */
function turned(
  turns: Turns,
  f: (inputs: Values) => Values,
  { inputs, site }: { readonly inputs: Values; readonly site: Site },
): Values {
  const { shared, derives, manner, last } = site;
  const { one, all, carry } = (manner === "plain" ? turnByTurn : inALoop)(turns, f, { inputs, shared, derives });
  if (!turns.shows) return one;
  const carried = Object.entries(carry).map(([name, x]) => [`${ALL}.${name}`, x] as const);
  return { ...one, [ALL]: all[last], ...Object.fromEntries(carried) };
}

/** Whether one of the transforms is a rule of one's own. */
export function hasRule({ kind, inside }: Transform): boolean {
  return kind === "customVjp" || (inside !== undefined && hasRule(inside));
}
