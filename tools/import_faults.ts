import { FREE, type Order, ORDERS, WITHOUT_JSR } from "./import_order.ts";
import { type Import, readImports } from "./read_imports.ts";

/** What {@linkcode importFaults} holds files to. */
export interface ImportRules {
  /** Of each folder that has folders. */
  readonly orders?: Readonly<Record<string, Order>>;
  /** Names of packages that stand for files of the project, as `deno.json` maps them. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Whether an order may name what is not there: files are a part of the project alone. */
  readonly isPart?: boolean;
}

/** A file's import of another file of the project. */
interface Edge extends Import {
  readonly from: string;
  readonly to: string;
}

const isIn = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

function resolve(from: string, specifier: string, packages: Readonly<Record<string, string>>): string | undefined {
  if (specifier.startsWith(".")) return new URL(specifier, `file:///${from}`).pathname.slice(1);
  const known = packages[specifier];
  return known?.startsWith("./") ? known.slice(2) : undefined;
}

function edgesOf(files: ReadonlyMap<string, string>, packages: Readonly<Record<string, string>>): Edge[] {
  return [...files].flatMap(([from, source]) =>
    readImports(source).flatMap((one) => {
      const to = resolve(from, one.specifier, packages);
      return to === undefined ? [] : [{ ...one, from, to }];
    })
  );
}

/** The folder in which two paths part, and the child of it on the way to each. */
function partingOf(a: string, b: string): { folder: string; own: string; other: string } {
  const [left, right] = [a.split("/"), b.split("/")];
  let depth = 0;
  while (depth < left.length - 1 && depth < right.length - 1 && left[depth] === right[depth]) depth++;
  return { folder: left.slice(0, depth).join("/") || ".", own: left[depth], other: right[depth] };
}

/** The height of a folder's child; −1 where the order does not know it. */
function rungOf(order: Order, child: string): number {
  const find = (name: string) => order.findIndex((rung) => [rung].flat().includes(name));
  const rung = find(child);
  return rung < 0 && child.includes(".") ? find("*") : rung;
}

const inWords = (order: Order) => order.map((rung) => [rung].flat().join(" and ")).join(" < ");

/** An import that goes up, or to the side, in words. */
function orderFault({ from, to }: Edge, orders: Readonly<Record<string, Order>>): string | undefined {
  const { folder, own, other } = partingOf(from, to);
  const order = orders[folder];
  if (own === other || !order || FREE.some((free) => isIn(folder, free))) return undefined;
  const [low, high] = [rungOf(order, own), rungOf(order, other)];
  // What no order knows is a fault of its own.
  if (low < 0 || high < 0) return undefined;
  const areOtherFiles = order[low] === "*" && low === high;
  if (high < low || areOtherFiles) return undefined;
  const why = high > low ? "imports only go down" : `${own} and ${other} know nothing of each other`;
  return `${from} imports ${to}: ${why} (${folder}: ${inWords(order)})`;
}

/** Folders without an order, children that it does not know, and names in it that nothing has. */
function tableFaults(files: ReadonlyMap<string, string>, { orders = ORDERS, isPart }: ImportRules): string[] {
  const children = new Map<string, Set<string>>();
  const withFolders = new Set<string>();
  for (const path of files.keys()) {
    const parts = path.split("/");
    parts.forEach((part, depth) => {
      const folder = parts.slice(0, depth).join("/") || ".";
      if (FREE.some((free) => isIn(folder, free))) return;
      children.set(folder, (children.get(folder) ?? new Set()).add(part));
      if (depth < parts.length - 1) withFolders.add(folder);
    });
  }
  const faults: string[] = [];
  for (const folder of withFolders) {
    const order = orders[folder];
    if (!order) {
      faults.push(`${folder} has folders and no order: tools/import_order.ts must say which imports which`);
      continue;
    }
    for (const child of children.get(folder)!) {
      if (rungOf(order, child) < 0) faults.push(`${folder}: the order knows nothing of ${child} (${inWords(order)})`);
    }
  }
  if (isPart) return faults;
  for (const [folder, order] of Object.entries(orders)) {
    for (const name of order.flat()) {
      const isThere = name === "*" || name.endsWith(".json") || children.get(folder)?.has(name);
      if (!isThere) faults.push(`${folder}: the order names ${name}, which is not there`);
    }
  }
  return faults;
}

/** Files that need each other's values, each circle once, as a way around it: `a → b → a`. */
export function circlesOf(edges: readonly { readonly from: string; readonly to: string }[]): string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const state = new Map<string, "open" | "done">();
  const circles: string[] = [];
  const way: string[] = [];
  const visit = (file: string) => {
    state.set(file, "open");
    way.push(file);
    for (const { to } of next.get(file) ?? []) {
      if (state.get(to) === "open") circles.push([...way.slice(way.indexOf(to)), to].join(" → "));
      else if (!state.has(to)) visit(to);
    }
    way.pop();
    state.set(file, "done");
  };
  for (const file of next.keys()) if (!state.has(file)) visit(file);
  return circles;
}

/**
 * Imports that go up or out of place, circles of values, and folders of which no order is known, in words. Types count for
 * the order, not for circles.
 *
 * `files` are texts by path from the project's root; a notebook's is that of its code.
 */
export function importFaults(files: ReadonlyMap<string, string>, rules: ImportRules = {}): string[] {
  const { orders = ORDERS, packages = {} } = rules;
  const edges = edgesOf(files, packages);
  const fromJsr = [...files].flatMap(([path, source]) =>
    WITHOUT_JSR.some((place) => isIn(path, place))
      ? readImports(source).filter(({ specifier }) => /^jsr:/.test(specifier)).map(({ specifier }) =>
        `${path} imports ${specifier}: what mod.ts reaches takes nothing from JSR`
      )
      : []
  );
  const circles = circlesOf(edges.filter(({ isType, to }) => !isType && files.has(to)));
  return [
    ...tableFaults(files, rules),
    ...edges.flatMap((edge) => orderFault(edge, orders) ?? []),
    ...circles.map((circle) => `a circle of values: ${circle}`),
    ...fromJsr,
  ];
}
