import { quoted } from "../../text/quoted.ts";
import { nearest } from "../../text/nearest.ts";

/** Names of a table's columns for a message: of many, the first. */
function listed(names: readonly string[]): string {
  const rest = names.length - 20;
  return rest > 0 ? `${names.slice(0, 20).join(", ")} and ${rest} more` : names.join(", ");
}

/**
 * Where columns stand among the names of a table. Throws a SyntaxError, which begins as `where` says, where one is not
 * there, and names the nearest, or is there twice.
 */
export function findColumns(columns: readonly string[], names: readonly string[], where: string): number[] {
  return columns.map((column) => {
    const place = names.indexOf(column);
    if (place < 0) {
      const hint = names.every((name) => name === "")
        ? "it is empty, and must name the columns"
        : `it names no column ${quoted(column)}: there are ${listed(names)}; ${
          quoted(nearest(column, names))
        } is nearest`;
      throw new SyntaxError(`Cannot read ${where} as ${hint}`);
    }
    if (names.indexOf(column, place + 1) < 0) return place;
    throw new SyntaxError(`Cannot read ${where} as the column ${quoted(column)} stands there twice: rename one`);
  });
}
