/** Something that a file imports. */
export interface Import {
  readonly specifier: string;
  /** Whether it imports types alone, so that nothing of it is there when the program runs. */
  readonly isType: boolean;
}

const NAMES = String.raw`\{[^}]*\}`;
const CLAUSE = String.raw`\*(?:\s+as\s+[\w$]+)?|(?:[\w$]+\s*,\s*)?(?:${NAMES}|\*\s+as\s+[\w$]+)|[\w$]+`;
/** Statements begin a line, as `deno fmt` writes them; those in comments and texts do not. */
const STATEMENT = new RegExp(String.raw`^(?:import|export)\s+(type\s+)?(${CLAUSE})\s*from\s*["']([^"']+)["']`, "gm");
const EFFECT = /^import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

/** `{ type A, type B }`: every name says that it is a type. */
function namesOnlyTypes(clause: string): boolean {
  if (!clause.startsWith("{")) return false;
  const names = clause.slice(1, -1).split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length > 0 && names.every((name) => name.startsWith("type "));
}

/** What the text of a TypeScript file imports, or exports from other files. */
export function readImports(source: string): Import[] {
  const statements = Array.from(source.matchAll(STATEMENT), ([, type, clause, specifier]) => ({
    specifier,
    isType: type !== undefined || namesOnlyTypes(clause),
  }));
  const others = [...source.matchAll(EFFECT), ...source.matchAll(DYNAMIC)];
  return [...statements, ...others.map(([, specifier]) => ({ specifier, isType: false }))];
}

/** The code of a notebook's cells as one text. */
export function notebookSource(json: string): string {
  const { cells } = JSON.parse(json) as {
    readonly cells: readonly { readonly cell_type: string; readonly source: string | readonly string[] }[];
  };
  return cells.filter((cell) => cell.cell_type === "code").map(({ source }) => [source].flat().join("")).join("\n");
}
