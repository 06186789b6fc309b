import type { peft } from "../../mod.ts";
import { requireName } from "../../lib/text/nearest.ts";
import { takes, wantedOf } from "../../lib/peft/method_options.ts";
import type { Flags } from "./flags.ts";
import { entryLines } from "./entry_lines.ts";

/** Options whose flags are not their names in kebab case. */
const FLAG_OF: Readonly<Record<string, string>> = { dropout: "branch-dropout", targetRank: "rank" };

/** Flags of methods' options in a command that has flags of its own. */
export class MethodFlags implements Flags {
  readonly boolean: readonly string[];
  readonly string: readonly string[];

  /** `taken` are the command's own flags: an option of such a name is `--METHOD-option`. */
  constructor(readonly methods: readonly peft.MethodDescription[], readonly taken: readonly string[]) {
    const all = methods.flatMap((method) => Object.keys(method.options).map((option) => this.#entry(method, option)));
    // What is so unless told otherwise takes true or false; all other flags of truths are there or not.
    const isTold = ({ option }: typeof all[number]) => option.kind !== "boolean" || option.default === true;
    const told = new Set(all.filter(isTold).map(({ flag }) => flag));
    this.string = [...told];
    this.boolean = [...new Set(all.map(({ flag }) => flag).filter((flag) => !told.has(flag)))];
  }

  #entry(method: peft.MethodDescription, name: string) {
    return { method, option: method.options[name], flag: this.flagOf(method, name) };
  }

  /** The flag of a method's option. */
  flagOf(method: peft.MethodDescription, option: string): string {
    const flag = FLAG_OF[option] ?? option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return this.taken.includes(flag) ? `${method.name}-${flag}` : flag;
  }

  /** Options of a method by their flags. */
  optionsOf(method: peft.MethodDescription): ReadonlyMap<string, string> {
    return new Map(Object.keys(method.options).map((option) => [this.flagOf(method, option), option]));
  }

  /**
   * The options that flags give a method. Throws a RangeError where a flag is one of another method's, or its value is none
   * that the option takes.
   */
  read(method: peft.MethodDescription, flags: Readonly<Record<string, unknown>>): peft.MethodOptions {
    const own = this.optionsOf(method);
    for (const flag of [...this.boolean, ...this.string]) {
      if ((flags[flag] ?? false) === false || own.has(flag)) continue;
      throw new RangeError(`--${flag} is nothing of method ${method.name}`);
    }
    const given = [...own].filter(([flag]) => (flags[flag] ?? false) !== false);
    return Object.fromEntries(
      given.map(([flag, name]) => [name, optionValue(flag, flags[flag], method.options[name])]),
    );
  }

  /** Lines for a help text: a flag, what it means here or by the method itself, and for which methods. */
  help(here: Readonly<Record<string, string>> = {}): string {
    const entries = this.methods.flatMap((method) =>
      Object.keys(method.options).map((name) => ({ ...this.#entry(method, name), name }))
    );
    const lines = [...Map.groupBy(entries, ({ flag }) => flag)].flatMap(([flag, uses]) => {
      const meanings = Map.groupBy(uses, ({ name, option }) => here[name] ?? meaningOf(option));
      const texts = [...meanings].map(([meaning, of]) =>
        `${meaning} (${of.length === this.methods.length ? "all" : of.map(({ method }) => method.name).join(", ")})`
      );
      return entryLines(`--${flag}${this.boolean.includes(flag) ? "" : ` ${placeholder(uses[0].option)}`}`, texts);
    });
    return lines.join("\n");
  }
}

function placeholder({ kind, ...option }: peft.OptionDescription): string {
  if (kind === "integer") return "N";
  if (kind === "number") return "X";
  return "choices" in option || kind === "boolean" ? "NAME" : "TEXT";
}

/** What an option means, with its default where that is one value. */
function meaningOf({ help, default: usual }: peft.OptionDescription): string {
  return usual === undefined || typeof usual === "function" ? help : `${help}; ${usual} by default`;
}

/** The value of an option's flag as it was typed. */
function optionValue(flag: string, given: unknown, option: peft.OptionDescription): peft.OptionValue {
  if (option.kind === "text") {
    return option.choices ? requireName(`value of --${flag}`, String(given), option.choices) : String(given);
  }
  if (option.kind === "boolean") return requireName(`value of --${flag}`, String(given), ["true", "false"]) === "true";
  const text = String(given);
  const value = text.trim() === "" ? NaN : Number(text);
  if (takes(option, value)) return value;
  throw new RangeError(`--${flag} is ${wantedOf(option)}, not "${text}"`);
}
