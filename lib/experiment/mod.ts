/**
 * Grids of runs, their records, and what they say: specs as plain data, tables for Arrow and Parquet, intervals and tests,
 * and what a notebook shows of them.
 *
 * @module
 */
export { nearest, requireName } from "../text/nearest.ts";
export * from "./specs/mod.ts";
export * from "./records/mod.ts";
export * from "./tensorboard/mod.ts";
export * from "./statistics/mod.ts";
export * from "./tables/mod.ts";
export * from "./figures/mod.ts";
export * from "./notebook/mod.ts";
