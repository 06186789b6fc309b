import { quoted } from "../../text/quoted.ts";
import type { Adapter } from "../method.ts";
import { patternValue } from "./pattern_value.ts";
import { UntranslatablePattern } from "./python_pattern.ts";
import { isRecordOf } from "../../text/is_record_of.ts";

/** How an adapter that is not read here reaches a model that is. */
export const MERGE_IN_PEFT =
  "merge it in PEFT, PeftModel.from_pretrained(model, ADAPTER).merge_and_unload().save_pretrained(FOLDER), and use that " +
  "model";

/** Reads fields of `adapter_config.json`, and says which one is wrong. What is absent or null has PEFT's default. */
export class ConfigFields {
  constructor(readonly config: Adapter["config"]) {}

  fail(name: string, wanted: string): never {
    throw new Error(`cannot use adapter_config.json: ${name} is ${quoted(this.config[name])}, not ${wanted}`);
  }

  number(name: string, fallback?: number): number {
    const value = this.config[name] ?? fallback;
    return typeof value === "number" && Number.isFinite(value) ? value : this.fail(name, "a number");
  }

  flag(name: string, fallback = false): boolean {
    const value = this.config[name] ?? fallback;
    return typeof value === "boolean" ? value : this.fail(name, "true or false");
  }

  /** Text, one of the choices where there are some. */
  choice(name: string, choices?: readonly string[]): string {
    const value = this.config[name];
    const isOne = typeof value === "string" && (choices?.includes(value) ?? true);
    return isOne ? value : this.fail(name, choices?.map((one) => JSON.stringify(one)).join(" or ") ?? "text");
  }

  pattern(name: string): Record<string, number> {
    const value = this.config[name] ?? {};
    if (!isRecordOf(value, (one) => typeof one === "number")) return this.fail(name, "numbers by the ends of paths");
    this.reading(name, () => Object.keys(value).forEach((key) => patternValue({ [key]: 0 }, "")));
    return value;
  }

  /** Names in a list, or one text: an expression. */
  names(name: string): string | readonly string[] | undefined {
    const value = this.config[name] ?? undefined;
    if (value === undefined || typeof value === "string" || isListOf("string", value)) return value;
    return this.fail(name, "names of modules");
  }

  /** Names in a list; a single one may stand without. */
  list(name: string): readonly string[] {
    const value = this.names(name) ?? [];
    return typeof value === "string" ? [value] : value;
  }

  /** Whole numbers in a list; a single one may stand without. */
  numbers(name: string): readonly number[] {
    const value = this.config[name] ?? [];
    if (typeof value === "number") return [value];
    return isListOf("number", value) ? value : this.fail(name, "a number or a list of them");
  }

  /** Refuses settings whose meaning is another function than ours. */
  refuse(name: string, ...allowed: unknown[]): void {
    const value = this.config[name] ?? undefined;
    if (value === undefined || allowed.some((one) => JSON.stringify(one) === JSON.stringify(value))) return;
    this.fail(name, `${allowed.map((one) => JSON.stringify(one)).join(" or ")}: ${MERGE_IN_PEFT}`);
  }

  /** Says of an expression that cannot be read in which field it stands, and what may take its place. */
  reading<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UntranslatablePattern)) throw error;
      throw new Error(
        `cannot use adapter_config.json: ${name} is ${
          quoted(this.config[name])
        }, a regular expression of Python's with ` +
          `${error.message}, which is not read here: write names of modules in its place`,
        { cause: error },
      );
    }
  }
}

function isListOf<Name extends "string" | "number">(
  type: Name,
  value: unknown,
): value is (Name extends "string" ? string : number)[] {
  return Array.isArray(value) && value.every((one) => typeof one === type);
}
