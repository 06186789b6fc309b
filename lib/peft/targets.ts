import type { ParameterFilter } from "../optim/leaf_paths.ts";
import { byDistance } from "../text/nearest.ts";
import type { BaseParams } from "./method.ts";

/**
 * What names the linear layers that a method adapts, by their paths such as
 * `bert.encoder.layer.0.attention.self.query`, which are also known without `.self`: a regular expression is searched
 * in the path, a text is one that must match the whole path, and a list has whole paths or their endings. Texts and
 * lists are PEFT's `target_modules`.
 */
export type TargetPattern = RegExp | string | readonly string[];

/**
 * What is trained whole unless told otherwise: the classifier, and the layers in front of it that checkpoints of bare
 * encoders lack.
 */
export const DEFAULT_HEADS = /(^|\.)(classifier|classification_head|score|pooler|pre_classifier)(\.|$)/;

/** Tables of embeddings that are not called so: BART's, GPT-2's and Llama's. */
const TABLES = /(^|\.)(shared|embed_tokens|embed_positions|wte|wpe)$/;

/** Whether a module is a table of embeddings, by its path. */
export function isTable(path: string): boolean {
  return /embeddings?\b/.test(path) || TABLES.test(path);
}

/** Whether a table is one that encoder and decoder share, which PyTorch's modules read under other names. */
export function isShared(path: string): boolean {
  return /(^|\.)shared$/.test(path);
}

/** Whether a parameter is one that models keep, and no method trains: a buffer in PyTorch. */
export function isBuffer(name: string): boolean {
  return /(^|\.)final_logits_bias$/.test(name);
}

/** `bert.encoder.layer.0.attention.self.query` is also known as `…attention.query`. */
function aliases(path: string): string[] {
  return [path, path.replace(".self.", ".")];
}

/** Whether a pattern is found in a path, whatever was searched before. */
function isFoundIn(pattern: RegExp, path: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(path);
}

function matches(pattern: TargetPattern, path: string): boolean {
  return aliases(path).some((alias) => {
    if (pattern instanceof RegExp) return isFoundIn(pattern, alias);
    if (typeof pattern === "string") return new RegExp(`^(?:${pattern})$`).test(alias);
    return pattern.some((ending) => alias === ending || alias.endsWith(`.${ending}`));
  });
}

/** A path and what is left of it when parts at its beginning go: patterns name as much of it as they please. */
function endings(path: string): string[] {
  return aliases(path).flatMap((alias) => {
    const parts = alias.split(".");
    return parts.map((_, i) => parts.slice(i).join("."));
  });
}

function print(pattern: TargetPattern): string {
  return pattern instanceof RegExp ? String(pattern) : JSON.stringify(pattern);
}

/** What messages say of a pattern that no path matches: the nearest paths. */
function missesAll(pattern: TargetPattern, paths: readonly string[]): string {
  const wanted = print(pattern).replace(/[^a-z0-9_.]/gi, "");
  const nearest = byDistance(wanted, paths, endings).slice(0, 3);
  return `${print(pattern)} matches none of ${paths.length} linear layers: nearest ${
    nearest.length === 1 ? "is" : "are"
  } ${nearest.join(", ")}`;
}

/**
 * Paths of the linear layers that a pattern selects ({@linkcode TargetPattern}), in the order of the parameters. Linear
 * layers are what has a matrix for its weight and is no table of embeddings. As in PEFT, what is trained whole, the
 * heads, is none of them.
 *
 * Throws a RangeError with the nearest paths where nothing matches, or a name of a list matches nothing.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const [W, layer] = [dd.ones([4, 4]), "encoder.layer.0.attention.self"];
 * const base = { [`${layer}.query.weight`]: W, [`${layer}.key.weight`]: W, "classifier.weight": W };
 * console.log(dd.peft.selectTargets(base, ["query"])); // ["encoder.layer.0.attention.self.query"]
 * console.log(dd.peft.selectTargets(base, /./).length); // 2
 * ```
 */
export function selectTargets(base: BaseParams, pattern: TargetPattern, heads: RegExp = DEFAULT_HEADS): string[] {
  const paths = Object.entries(base)
    .filter(([name, { rank }]) => name.endsWith(".weight") && rank === 2)
    .map(([name]) => name.slice(0, -".weight".length))
    .filter((path) => !isTable(path));
  const lacking = Array.isArray(pattern) ? pattern.filter((name) => !paths.some((path) => matches([name], path))) : [];
  if (lacking.length > 0) {
    throw new RangeError(`cannot select targets as ${lacking.map((name) => missesAll(name, paths)).join("; ")}`);
  }
  const matched = paths.filter((path) => matches(pattern, path));
  const found = matched.filter((path) => !isFoundIn(heads, path));
  if (found.length > 0) return found;
  if (matched.length > 0) {
    throw new RangeError(
      `cannot select targets as ${print(pattern)} matches only what is trained whole: ${matched.join(", ")}`,
    );
  }
  throw new RangeError(`cannot select targets as ${missesAll(pattern, paths)}`);
}

/**
 * Names of the parameters whose module's path a pattern finds, such as those that are trained whole.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "pooler.bias": dd.ones([2]), "query.bias": dd.ones([2]), "classifier.bias": dd.ones([3]) };
 * console.log(dd.peft.selectHeads(base, dd.peft.DEFAULT_HEADS)); // ["pooler.bias", "classifier.bias"]
 * ```
 */
export function selectHeads(base: BaseParams, pattern: RegExp): string[] {
  return Object.keys(base).filter((name) => isFoundIn(pattern, name.replace(/\.(weight|bias)$/, "")));
}

/** Of what `full({ targets, heads })` trains, in a flat record by name, the targets' weights: all but the heads. */
export function isTarget(heads: RegExp = DEFAULT_HEADS): ParameterFilter {
  return (param, name) => selectHeads({ [name]: param }, heads).length === 0;
}
