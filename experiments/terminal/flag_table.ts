/** A flag: what it takes, what it means, and the option, or place in a spec, that it decides. */
export interface FlagDescription {
  /** Nothing (it is there or not), text, several texts, a whole number, a number above 0 or from 0, or a share below 1. */
  readonly takes: "nothing" | "text" | "texts" | "integer" | "positive" | "number" | "share";
  /** The value's name in help texts. */
  readonly value?: string;
  readonly help: string;
  /** The least whole number; 1 where it is absent. */
  readonly least?: number;
  /** All texts that there are. */
  readonly choices?: readonly string[];
  /** What messages call it that know no flags: a place in a spec, or an option. */
  readonly path?: string;
}

/** Flags by name, in the order of help texts. */
export type FlagTable = Readonly<Record<string, FlagDescription>>;

/** What most commands have: those that compute all of it. */
export const COMMON = {
  device: { takes: "text", value: "NAME", help: "swiftshader, lavapipe, browser, or part of a device's name" },
  json: { takes: "nothing", help: "one JSON document on standard output, all else on standard error" },
  verbose: { takes: "nothing", help: "with the warnings that Dawn has for every software device" },
  help: { takes: "nothing", help: "this text" },
} as const satisfies FlagTable;
