import { METHODS } from "../../peft/registry.ts";
import type { ColumnType } from "./column_type.ts";

/**
 * Options of all methods that are here, each with what its values are: they have columns of their own in `runs.arrow`,
 * named `method_rank` and so on. Options of methods of one's own are in the column `spec`.
 */
export const METHOD_OPTIONS: Readonly<Record<string, ColumnType>> = Object.fromEntries(
  METHODS.flatMap(({ options }) => Object.entries(options).map(([name, { kind }]) => [name, kind])),
);
