import { messageOf } from "../../text/message_of.ts";

/** What of Python's regular expressions has no exact equal here; its message says which part. */
export class UntranslatablePattern extends SyntaxError {
  override readonly name = "UntranslatablePattern";
}

/** How a part of an expression is read: `(?i)` and its kin. */
interface Mode {
  readonly dotAll: boolean;
  readonly lines: boolean;
  readonly verbose: boolean;
}

/** Escapes that mean the same in both languages, outside of sets. */
const SAME_ESCAPES = "bBdDsSwWfnrtv";
/** And inside of them. */
const SAME_IN_SETS = "bdDsSwWfnrtv";
const START = "(?<![\\s\\S])";
const END = "(?![\\s\\S])";

/** Translates Python's `re` syntax, left to right. */
class Translation {
  #at = 0;
  #out = "";
  #mode: Mode;
  readonly #outer: Mode[] = [];
  /** Whether a group may be left out or taken again: what a reference to it then means differs. */
  #isUncertain = false;
  #refers = false;
  /** Groups that are open or closed, the unnamed ones by their numbers. */
  readonly #groups: string[] = [];
  readonly flags: string;

  constructor(readonly source: string) {
    const global = /^\(\?([aimsux]+)\)/.exec(source)?.[1] ?? "";
    this.#at = global === "" ? 0 : global.length + 3;
    this.#mode = { dotAll: global.includes("s"), lines: global.includes("m"), verbose: global.includes("x") };
    this.flags = global.includes("i") ? "i" : "";
  }

  fail(what: string): never {
    throw new UntranslatablePattern(what);
  }

  /** Takes what an expression finds at this place. */
  #take(pattern: RegExp): RegExpExecArray | null {
    const sticky = new RegExp(pattern.source, "sy");
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.source);
    if (found) this.#at = sticky.lastIndex;
    return found;
  }

  whole(): string {
    while (this.#at < this.source.length) this.#next();
    if (this.#refers && this.#isUncertain) {
      this.fail("a reference back to a group beside groups that may be left out or repeated");
    }
    return this.#out;
  }

  #next(): void {
    if (this.#mode.verbose && this.#take(/\s+|#[^\n]*/)) return;
    const letter = this.source[this.#at];
    if (letter === "\\") this.#out += this.#escape(SAME_ESCAPES);
    else if (letter === "[") this.#out += this.#set();
    else if (letter === "(") this.#open();
    else if (letter === ")") this.#close();
    else if (!this.#repeat()) this.#plain();
  }

  #plain(): void {
    const { dotAll, lines } = this.#mode;
    const letter = this.source[this.#at++];
    if (letter === "|") this.#isUncertain = true;
    const known: Readonly<Record<string, string>> = {
      ".": dotAll ? "[\\s\\S]" : "[^\\n]",
      "^": lines ? "(?<![^\\n])" : START,
      "$": lines ? `(?=\\n|${END})` : `(?=\\n?${END})`,
      "{": "\\{",
      "}": "\\}",
      "]": "\\]",
    };
    this.#out += known[letter] ?? letter;
  }

  /** `*`, `+`, `?` or `{m,n}`, greedy or lazy. */
  #repeat(): boolean {
    const found = this.#take(/[*+?]|\{(\d*)(,?)(\d*)\}/);
    if (!found) return false;
    const [whole, least = "", comma = "", most = ""] = found;
    if (this.#out.endsWith(")")) this.#isUncertain = true;
    if (whole.startsWith("{") && least + comma + most === "") this.#out += "\\{\\}";
    else this.#out += whole.startsWith("{") ? `{${least === "" ? "0" : least}${comma}${most}}` : whole;
    if (this.#take(/\+/)) this.fail(`a possessive quantifier, ${whole}+`);
    if (this.#take(/\?/)) this.#out += "?";
    return true;
  }

  #escape(same: string): string {
    this.#at++;
    const octal = this.#take(/0[0-7]{0,2}|[0-3][0-7]{2}/);
    if (octal) return `\\x${parseInt(octal[0], 8).toString(16).padStart(2, "0")}`;
    const group = same === SAME_ESCAPES ? this.#take(/[1-9]\d?/) : null;
    if (group) {
      this.#refer(this.#groups[Number(group[0]) - 1] ?? group[0]);
      return `(?:\\${group[0]})`;
    }
    const code = this.#take(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})/);
    if (code) return `\\${code[0]}`;
    const letter = this.source[this.#at++];
    if (letter === undefined) this.fail("a backslash at its end");
    if (letter === "a") return "\\x07";
    if (same === SAME_ESCAPES && letter === "A") return START;
    if (same === SAME_ESCAPES && (letter === "Z" || letter === "z")) return END;
    if (/[a-zA-Z0-9]/.test(letter) && !same.includes(letter)) this.fail(`the escape \\${letter}`);
    return `\\${letter}`;
  }

  /** `[…]`, where a bracket in the first place closes nothing. */
  #set(): string {
    let set = this.#take(/\[\^?/)![0];
    if (this.#take(/\]/)) set += "\\]";
    while (!this.#take(/\]/)) {
      if (this.#at >= this.source.length) this.fail("a [ without its ]");
      set += this.source[this.#at] === "\\" ? this.#escape(SAME_IN_SETS) : this.source[this.#at++].replace("[", "\\[");
    }
    return `${set}]`;
  }

  #open(): void {
    if (this.#take(/\(\?#[^)]*\)/)) return;
    const reference = this.#take(/\(\?P=(\w+)\)/);
    if (reference) {
      this.#refer(reference[1]);
      this.#out += `(?:\\k<${reference[1]}>)`;
      return;
    }
    this.#outer.push(this.#mode);
    const named = this.#take(/\(\?P<([A-Za-z_]\w*)>/);
    const modes = named ? null : this.#take(/\(\?([aiLmsux]*)(?:-([imsx]+))?:/);
    if (named) this.#out += this.#group(named[1], `(?<${named[1]}>`);
    else if (modes) this.#out += this.#openModes(modes[1], modes[2] ?? "");
    else if (this.#take(/\((?!\?)/)) this.#out += this.#group(String(this.#groups.length + 1), "(");
    else {
      const around = this.#take(/\(\?(?:=|!|<=|<!)/);
      if (around) this.#out += around[0];
      else this.fail(`what begins with ${JSON.stringify(this.source.slice(this.#at, this.#at + 4))}`);
    }
  }

  #group(name: string, opening: string): string {
    this.#groups.push(name);
    return opening;
  }

  #refer(group: string): void {
    this.#refers = true;
    if (!this.#groups.includes(group)) this.fail(`a reference to a group ${group} that it lacks`);
  }

  #openModes(on: string, off: string): string {
    const set = (letter: string, before: boolean) => (before || on.includes(letter)) && !off.includes(letter);
    const { dotAll, lines, verbose } = this.#mode;
    this.#mode = { dotAll: set("s", dotAll), lines: set("m", lines), verbose: set("x", verbose) };
    if (on.includes("i")) return "(?i:";
    return off.includes("i") ? "(?-i:" : "(?:";
  }

  #close(): void {
    this.#at++;
    this.#mode = this.#outer.pop() ?? this.fail("a ) without its (");
    this.#out += ")";
  }
}

function compile(source: string, suffix: string): RegExp {
  const translation = new Translation(source);
  const body = translation.whole();
  try {
    return new RegExp(`^(?:${body})${suffix}`, translation.flags);
  } catch (error) {
    throw new UntranslatablePattern(messageOf(error), { cause: error });
  }
}

/**
 * An expression of Python's `re` as one that matches where `re.match` does: from the beginning on. Named groups, `\A`, `\Z`,
 * sets, comments and the modes `(?i)`, `(?s)`, `(?m)`, `(?x)` are translated exactly.
 *
 * Throws an {@linkcode UntranslatablePattern} where the expression has no exact equal, or is none of Python's.
 */
export function pythonMatch(source: string): RegExp {
  return compile(source, "");
}

/** As {@linkcode pythonMatch}, of the whole text, as `re.fullmatch` does. */
export function pythonFullMatch(source: string): RegExp {
  return compile(source, "$");
}
