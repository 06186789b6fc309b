import { requireScalar } from "../ops/scalar.ts";
import { Tensor } from "../tensor/tensor.ts";
import { requireName } from "../text/nearest.ts";
import { quoted } from "../text/quoted.ts";
import type { TargetPattern } from "./targets.ts";

/** A plain value of a method's option, as a run's spec and a command line hold it. */
export type OptionValue = string | number | boolean;

/** A method's options as plain data, by name. */
export type MethodOptions = Readonly<Record<string, OptionValue>>;

/** A method's options by name, with scalar tensors in the place of some that are data ({@linkcode NumberOption.isData}). */
export type MethodData = Readonly<Record<string, OptionValue | Tensor>>;

/** Where a method is used: what a default may depend on beside other options. */
export interface MethodPlace {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Which linear layers are adapted, in place of the option `targets`. */
  readonly targets?: TargetPattern;
  /** Which parameters are trained whole: classifiers and poolers by default. */
  readonly heads?: RegExp;
  /** How weights are kept that nothing trains; in f32 where this is absent. */
  readonly weights?: "f16";
}

/** What is known of an option whatever its kind. `Value` is what it holds. */
interface AnyOption<Value extends OptionValue> {
  /** What it means in one line, in lower case and without a full stop. A default that is a function is told here. */
  readonly help: string;
  /** Its value where it is not given, fixed or by the options before it and the place; none: the option is absent. */
  readonly default?: Value | ((given: MethodOptions, place: MethodPlace) => Value | undefined);
  /** Whether there must be a value. For `targets`, command lines give the model's usual ones. */
  readonly required?: true;
  /** The field of PEFT's `adapter_config.json` that holds it, and what PEFT takes where the field is absent, if anything. */
  readonly field?: readonly [name: string, absent?: Value];
}

/** An option that is a number: a whole one, or any finite one. */
export interface NumberOption extends AnyOption<number> {
  /** `integer` for a whole number, `number` for any finite one. */
  readonly kind: "integer" | "number";
  /** The least value; no bound by default. */
  readonly minimum?: number;
  /** A number that values lie above; no bound by default. */
  readonly above?: number;
  /** A number that values lie below; no bound by default. */
  readonly below?: number;
  /**
   * Whether the method takes a scalar tensor, too, f32 or i32 of a whole number: then runs that differ in it are cells of one
   * program. Its bounds are not looked at in a tensor. Neither shapes nor another option's default may depend on it.
   */
  readonly isData?: true;
}

/** An option that is a text. */
export interface TextOption extends AnyOption<string> {
  /** Marks the option as text. */
  readonly kind: "text";
  /** All values that there are; any text by default. */
  readonly choices?: readonly string[];
}

/** An option that is true or false. */
export interface BooleanOption extends AnyOption<boolean> {
  /** Marks the option as true or false. */
  readonly kind: "boolean";
}

/** What is known of one option of a method: its kind, what it means, its bounds and its default. */
export type OptionDescription = NumberOption | TextOption | BooleanOption;

/** All options of a method by name. One that comes later may have a default that depends on those before it. */
export type OptionSchema = Readonly<Record<string, OptionDescription>>;

type ValueOf<Option> = Option extends { readonly kind: "boolean" } ? boolean
  : Option extends { readonly kind: "text" }
    ? Option extends { readonly choices: readonly (infer Choice extends string)[] } ? Choice : string
  : number;

type DataOf<Option> = Option extends { readonly isData: true } ? Tensor : never;

/** `targets` comes as a pattern, from the place where that has one; what is data may come as a tensor. */
type ValueAt<Schema, Name extends keyof Schema> = Name extends "targets" ? TargetPattern
  : ValueOf<Schema[Name]> | DataOf<Schema[Name]>;

type Sure<Schema> = {
  [Name in keyof Schema]: Schema[Name] extends { readonly required: true } | { readonly default: OptionValue } ? Name
    : Schema[Name] extends { readonly default: (...args: never[]) => OptionValue } ? Name
    : never;
}[keyof Schema];

/** The values of options that a schema describes: what has a default or is required is always there. */
export type OptionValues<Schema extends OptionSchema> =
  & { readonly [Name in Sure<Schema>]: ValueAt<Schema, Name> }
  & { readonly [Name in Exclude<keyof Schema, Sure<Schema>>]?: ValueAt<Schema, Name> };

/**
 * What values an option takes, in words, for messages and help texts.
 *
 * @example
 * ```ts
 * import { peft } from "@delta-dawn/delta-lora";
 *
 * console.log(peft.wantedOf({ kind: "integer", help: "rank of the factors", minimum: 1 })); // a whole number from 1
 * ```
 */
export function wantedOf(option: OptionDescription): string {
  if (option.kind === "boolean") return "true or false";
  if (option.kind === "text") return option.choices?.join(" or ") ?? "text";
  const { minimum, above, below } = option;
  const bounds = [
    minimum !== undefined && `from ${minimum}`,
    above !== undefined && `above ${above}`,
    below !== undefined && `below ${below}`,
  ].filter((bound) => bound !== false);
  return `a ${option.kind === "integer" ? "whole number" : "number"}${bounds.length ? ` ${bounds.join(" and ")}` : ""}`;
}

/** Whether an option takes a value. */
export function takes(option: OptionDescription, value: unknown): value is OptionValue {
  if (option.kind === "boolean") return typeof value === "boolean";
  if (option.kind === "text") return typeof value === "string" && (option.choices?.includes(value) ?? true);
  const { kind, minimum = -Infinity, above = -Infinity, below = Infinity } = option;
  return typeof value === "number" && value >= minimum && value > above && value < below &&
    (kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value));
}

/**
 * A method's options with the defaults of those that are not given. An option stays absent where it has neither a value
 * nor a default.
 *
 * Throws a RangeError where an option is none of the method's, and names the nearest one, or where it has a value that
 * it does not take.
 *
 * @example
 * ```ts
 * import { peft } from "@delta-dawn/delta-lora";
 *
 * const lora = peft.methodNamed("lora");
 * const options = peft.completeOptions(lora, { rank: 4, targets: ".*query" }, { steps: 100 });
 * console.log(options); // { rank: 4, alpha: 16, targets: ".*query" }
 * ```
 */
export function completeOptions(
  { name, options: schema }: { readonly name: string; readonly options: OptionSchema },
  given: MethodOptions,
  place: MethodPlace,
): MethodOptions {
  for (const option of Object.keys(given)) requireName(`option of method ${name}`, option, Object.keys(schema));
  const complete: Record<string, OptionValue> = {};
  for (const [key, option] of Object.entries(schema)) {
    const usual = typeof option.default === "function" ? option.default(complete, place) : option.default;
    const value = given[key] ?? usual;
    if (value === undefined) continue;
    if (!takes(option, value)) throw new RangeError(`${name}: ${key} is ${wantedOf(option)}, not ${quoted(value)}`);
    complete[key] = value;
  }
  return complete;
}

/**
 * Parts a method's options into plain ones and scalar tensors.
 *
 * Throws a RangeError where a tensor stands for an option that is not data or is no scalar, and a TypeError where its dtype
 * is not that of the option's kind.
 */
export function partData(
  { name, options: schema }: { readonly name: string; readonly options: OptionSchema },
  given: MethodData,
): { readonly plain: MethodOptions; readonly data: Readonly<Record<string, Tensor>> } {
  const plain: Record<string, OptionValue> = {};
  const data: Record<string, Tensor> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!(value instanceof Tensor)) {
      plain[key] = value;
      continue;
    }
    const option = schema[requireName(`option of method ${name}`, key, Object.keys(schema))];
    if (!isData(option)) throw new RangeError(`${name}: ${key} is ${wantedOf(option)}, and cannot be a tensor`);
    requireScalar({ of: name, name: key, value }, option.kind === "integer" ? "i32" : "f32");
    data[key] = value;
  }
  return { plain, data };
}

function isData(option: OptionDescription): option is NumberOption {
  return (option.kind === "number" || option.kind === "integer") && option.isData === true;
}
