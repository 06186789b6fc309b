import { parseArgs } from "@std/cli/parse-args";
import { requireName } from "../../lib/text/nearest.ts";
import { entryLines } from "./entry_lines.ts";
import { checkValues, type Flags, nonNegative, positive, rate, refuseUnknown, wholeNumber } from "./flags.ts";
import type { FlagDescription, FlagTable } from "./flag_table.ts";

type ValueOf<Flag extends FlagDescription> = Flag["takes"] extends "nothing" ? boolean
  : Flag["takes"] extends "texts" ? readonly string[]
  : Flag["takes"] extends "text"
    ? (Flag extends { readonly choices: readonly (infer Choice extends string)[] } ? Choice : string) | undefined
  : number | undefined;

/** The values of a table's flags: `undefined` where one was not given, false where it takes none. */
export type FlagValues<Table extends FlagTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

/** Names of a table's flags, by whether they take a value. */
export function flagNames(table: FlagTable): Flags {
  const names = Object.keys(table);
  return {
    boolean: names.filter((name) => table[name].takes === "nothing"),
    string: names.filter((name) => table[name].takes !== "nothing"),
  };
}

/** Lines of a help text, an entry a flag. */
export function flagHelp(table: FlagTable): string {
  return Object.entries(table).flatMap(([name, { value, help }]) =>
    entryLines(value === undefined ? `--${name}` : `--${name} ${value}`, help.split("\n"))
  ).join("\n");
}

/** Places of a spec by the flags that decide them. */
export function flagPaths(table: FlagTable): Record<string, string> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, { path }]) => path === undefined ? [] : [[path, name]]),
  );
}

function valueOf(name: string, given: unknown, { takes, least, choices }: FlagDescription): unknown {
  if (takes === "nothing") return given === true;
  if (takes === "texts") return given ?? [];
  if (given === undefined) return undefined;
  const text = String(given);
  if (takes === "integer") return wholeNumber(name, text, least);
  if (takes === "positive") return positive(name, text);
  if (takes === "share") return rate(name, text);
  if (takes === "number") return nonNegative(name, text);
  return choices ? requireName(`value of --${name}`, text, choices) : text;
}

/** Flags as they were typed, and the words that belong to none. */
export interface Typed<Table extends FlagTable> {
  readonly flags: FlagValues<Table> & Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
}

/**
 * The values of a table's flags among arguments, the flags of `others` as they were typed, and the words that belong to no
 * flag.
 *
 * Throws a RangeError where a flag is unknown, lacks its value or has one that it cannot have.
 */
export function readFlagsAndWords<Table extends FlagTable>(
  args: readonly string[],
  table: Table,
  others: Flags = { boolean: [], string: [] },
): Typed<Table> {
  const own = flagNames(table);
  const all = { boolean: [...own.boolean, ...others.boolean], string: [...own.string, ...others.string] };
  checkValues(args, all);
  const { _: words, ...typed } = parseArgs([...args], {
    boolean: all.boolean,
    // Words that look like numbers are words all the same.
    string: [...all.string, "_"],
    collect: own.string.filter((name) => table[name].takes === "texts"),
    unknown: refuseUnknown(all),
  });
  const isHelp = typed.help === true;
  // Who asks for help has not asked for anything else: nothing else must be right.
  const values = isHelp ? [] : Object.entries(table).map(([name, flag]) => [name, valueOf(name, typed[name], flag)]);
  // Each value is of its flag's type by what `valueOf` makes of it.
  return { flags: { ...typed, ...Object.fromEntries(values) }, words: words.map(String) };
}

/**
 * The values of a table's flags among arguments, and the flags of `others` as they were typed.
 *
 * Throws a RangeError as {@linkcode readFlagsAndWords}, and where a word belongs to no flag.
 */
export function readFlags<Table extends FlagTable>(
  args: readonly string[],
  table: Table,
  others?: Flags,
): Typed<Table>["flags"] {
  const { flags, words: [extra] } = readFlagsAndWords(args, table, others);
  if (extra !== undefined) throw new RangeError(`unexpected argument "${extra}": see --help`);
  return flags;
}
