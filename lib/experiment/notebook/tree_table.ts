import { formatBytes } from "../../compile/inspect/format_bytes.ts";
import { isRecord, isTreeNode, storedBytes, Tensor, type Tree } from "../../tensor/mod.ts";
import { escapeHtml, tableHtml, tableMarkdown, type TableRow } from "../tables/table.ts";
import { plural } from "../../text/plural.ts";

/** Up to so many tensors are one table; more are parts that open and close. */
const TABLE_ROWS = 8;

/** What moves the tensors of a training state, by its part. */
const MOVED: Readonly<Record<string, string>> = { base: "frozen", trainable: "trained" };

/** What {@linkcode treeTable} is told of a method. */
export interface TreeOptions {
  /** Names of the base parameters that the method writes, as `method.writes(base)` gives them. */
  readonly written?: readonly string[];
}

/** A tensor of a tree, where it stands, and what moves it. */
interface Leaf {
  readonly path: readonly string[];
  readonly tensor: Tensor;
  readonly moved?: string;
}

/** The tensors of a tree with their paths; dots in names part them, too. */
function leavesOf(tree: Tree, path: readonly string[] = []): Leaf[] {
  if (tree instanceof Tensor) return [{ path, tensor: tree }];
  const parts = isTreeNode(tree) ? tree.treeParts() : tree;
  if (!Array.isArray(parts) && !isRecord(parts)) return [];
  return Object.entries<Tree>(parts).flatMap(([key, part]) => leavesOf(part, [...path, ...key.split(".")]));
}

/** Marks what moves each tensor, where the tree is a method's or a run's state. */
function markedLeaves(tree: Tree, { written = [] }: TreeOptions): Leaf[] {
  const leaves = leavesOf(tree);
  if (!(isRecord(tree) && "base" in tree && "trainable" in tree)) return leaves;
  const names = new Set(written);
  return leaves.map((leaf) => {
    const [part, ...name] = leaf.path;
    return { ...leaf, moved: part === "base" && names.has(name.join(".")) ? "written" : MOVED[part] ?? "kept" };
  });
}

const sizeOf = (leaves: readonly Leaf[]) => leaves.reduce((sum, { tensor }) => sum + tensor.size, 0);
const bytesOf = (leaves: readonly Leaf[]) => leaves.reduce((sum, { tensor }) => sum + storedBytes(tensor), 0);

/** What a part holds, in words. */
function summaryOf(leaves: readonly Leaf[]): string {
  const moved = [...new Set(leaves.flatMap(({ moved }) => moved ?? []))];
  const tensors = plural(leaves.length, "tensor");
  return [tensors, `${sizeOf(leaves).toLocaleString("en")} elements`, formatBytes(bytesOf(leaves)), ...moved].join(
    ", ",
  );
}

function rowsOf(leaves: readonly Leaf[], depth: number): TableRow[] {
  return leaves.map(({ path, tensor, moved }) => ({
    path: path.slice(depth).join("."),
    shape: tensor.shape.join(" × ") || "scalar",
    dtype: tensor.dtype,
    elements: tensor.size,
    bytes: bytesOf([{ path, tensor }]),
    ...moved && { moved },
  }));
}

/** How many names at a depth all paths share. */
function sharedDepth(leaves: readonly Leaf[], depth: number): number {
  const [{ path }] = leaves;
  while (depth < path.length - 1 && leaves.every((leaf) => leaf.path[depth] === path[depth])) depth++;
  return depth;
}

function partHtml(leaves: readonly Leaf[], depth: number): string {
  if (leaves.length <= TABLE_ROWS) return tableHtml(rowsOf(leaves, depth));
  const groups = groupsAt(leaves, depth);
  const alone = groups.flatMap(({ leaves }) => leaves.length === 1 ? leaves : []);
  const parts = groups.filter(({ leaves }) => leaves.length > 1).map(({ name, leaves, depth }) =>
    `<details style="margin-left: 1em"><summary><code>${escapeHtml(name)}</code> ${summaryOf(leaves)}</summary>\n` +
    `${partHtml(leaves, depth)}\n</details>`
  );
  return [...parts, ...alone.length > 0 ? [tableHtml(rowsOf(alone, depth))] : []].join("\n");
}

/** Parts of a tree by their next name, and by those after it that all of a part share. */
function groupsAt(leaves: readonly Leaf[], depth: number) {
  return [...Map.groupBy(leaves, ({ path }) => path[depth] ?? "")].map(([, own]) => {
    const end = sharedDepth(own, depth + 1);
    return { name: own[0].path.slice(depth, end).join("."), leaves: own, depth: end };
  });
}

/**
 * A tree of tensors in HTML whose parts open and close: paths, shapes, dtypes, elements and bytes; of a method's or a
 * run's state also what is trained, what is frozen, and what the method writes.
 */
export function treeHtml(tree: Tree, options: TreeOptions = {}): string {
  const leaves = markedLeaves(tree, options);
  return `<div><b>${summaryOf(leaves.map(({ path, tensor }) => ({ path, tensor })))}</b></div>\n${
    leaves.length > 0 ? partHtml(leaves, 0) : ""
  }`;
}

/** The parts of a tree of tensors as a Markdown table: as many lines as it has parts at the top. */
export function treeMarkdown(tree: Tree, options: TreeOptions = {}): string {
  const leaves = markedLeaves(tree, options);
  if (leaves.length <= TABLE_ROWS) return tableMarkdown(rowsOf(leaves, 0));
  return tableMarkdown(
    groupsAt(leaves, sharedDepth(leaves, 0)).map(({ name, leaves }) => ({
      path: name,
      tensors: leaves.length,
      elements: sizeOf(leaves),
      bytes: bytesOf(leaves),
    })),
  );
}
