import type { Tensor } from "../tensor/tensor.ts";
import type { LowRankOptions } from "./low_rank.ts";
import type { MethodOptions, MethodPlace, OptionSchema, OptionValues } from "./method_options.ts";

/** The option that says which linear layers a method adapts, where there is no usual choice. */
export const TARGETS = {
  kind: "text",
  help: "which layers are adapted, by a regular expression that must match a whole path",
  required: true,
} as const;

/** α of low-rank methods. */
export const ALPHA = {
  kind: "number",
  help: "α: the product of the factors weighs α by the rank",
  default: 16,
  above: 0,
  field: ["lora_alpha", 8],
} as const;

/** Dropout in front of A. */
export const DROPOUT = {
  kind: "number",
  help: "rate at which the input of the factors drops out in training; 0 by default",
  minimum: 0,
  below: 1,
  field: ["lora_dropout", 0],
} as const;

/**
 * The options that LoRA and its kin share, for the schema of a method: rank (8 by default), α (16), targets and
 * dropout, to be taken whole or in part. All are plain; `{ ...alpha, isData: true }` is an α that may be a tensor.
 */
export const LOW_RANK = {
  rank: { kind: "integer", help: "r: rank of the factors", default: 8, minimum: 1, field: ["r", 8] },
  alpha: ALPHA,
  targets: TARGETS,
  dropout: DROPOUT,
} as const satisfies OptionSchema;

/** How often projections are made anew, of methods that are optimizers of projected gradients. */
export const REFRESH_EVERY = {
  kind: "integer",
  help: "steps from one projection of gradients to the next",
  minimum: 1,
} as const;

/** α where a method takes it as a tensor, too. */
export const DATA_ALPHA = { ...ALPHA, isData: true } as const;

/** {@linkcode LOW_RANK} of methods that take α as a tensor, too. */
export const DATA_LOW_RANK = { ...LOW_RANK, alpha: DATA_ALPHA } as const satisfies OptionSchema;

/** λ of Delta-LoRA and its controls. */
export const LAMBDA = {
  kind: "number",
  help: "λ: weight of the change that W receives",
  default: 0.5,
  minimum: 0,
  isData: true,
} as const;

/**
 * The options that {@linkcode lora} takes, of plain options by the schema {@linkcode LOW_RANK} and of the heads of the
 * place where the method is used.
 *
 * @example
 * ```ts
 * import { peft } from "@delta-dawn/delta-lora";
 *
 * const options = peft.lowRankOptions({ rank: 4, alpha: 8, targets: ".*query" }, { steps: 100, heads: /score/ });
 * console.log(peft.lora(options).name); // lora
 * ```
 */
export function lowRankOptions(
  { rank, alpha, targets, dropout }: Omit<OptionValues<typeof LOW_RANK>, "alpha"> & { readonly alpha: number | Tensor },
  { heads }: MethodPlace,
): LowRankOptions {
  return { rank, alpha, targets, heads, dropout };
}

/** Queries and values of the suite's encoder, as in the papers. */
export const QUERIES_AND_VALUES = "bert\\.encoder\\.layer\\.\\d+\\.attention\\.self\\.(query|value)";

/** Options of low-rank methods in the suite's table. */
export const LOW_RANK_RECIPE = { rank: 8, alpha: 16, targets: QUERIES_AND_VALUES } as const satisfies MethodOptions;
