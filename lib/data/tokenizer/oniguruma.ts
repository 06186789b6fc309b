import { quoted } from "../../text/quoted.ts";

/** What the reference's classes of characters are in JavaScript, for a class and against it. */
const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}",
  h: "0-9a-fA-F",
};

const ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/** POSIX brackets, most of which are names of properties, too. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: "\\p{Alphabetic}\\p{Nd}",
  alpha: "\\p{Alphabetic}",
  blank: "\\p{Zs}\\t",
  cntrl: "\\p{Cc}",
  digit: "\\p{Nd}",
  lower: "\\p{Lowercase}",
  punct: "\\p{P}\\p{S}",
  space: "\\p{White_Space}",
  upper: "\\p{Uppercase}",
  word: CLASSES.w,
  xdigit: "0-9a-fA-F",
  ascii: "\\0-\\x7f",
  any: "\\0-\\u{10ffff}",
};

/** Letters that a text without case can find as one character, as ﬁ or ß: here they are searched for as they stand. */
const FOLDED_TO_ONE = /ss|ff|fi|fl|st/i;

/**
 * The regular expression of Oniguruma's syntax, in which a `tokenizer.json` writes `Split` and `Replace`, as one of
 * JavaScript's: global, and with the reference's meaning of `\s`, `\w`, `\b`, `^`, `$`, nested classes, possessive
 * quantifiers and atomic groups.
 *
 * Throws a TypeError that names the part of it which has no such counterpart here.
 */
export function regExpOfOniguruma(source: string): RegExp {
  const translated = new Translator(source).all();
  try {
    return new RegExp(translated, "gv");
  } catch (error) {
    throw new TypeError(`the regular expression ${quoted(source)} is not supported`, { cause: error });
  }
}

class Translator {
  readonly #characters: readonly string[];
  #at = 0;
  #atomic = 0;
  /** Whether case is left aside here, and the letters that stand side by side so. */
  #ignoresCase = false;
  #letters = "";

  constructor(readonly source: string) {
    this.#characters = [...source];
  }

  all(): string {
    const result = this.#alternatives();
    if (this.#at < this.#characters.length) this.#refuse(")");
    return result;
  }

  #refuse(part: string): never {
    throw new TypeError(`${quoted(part)} in the regular expression ${quoted(this.source)} is not supported`);
  }

  #peek(text: string): boolean {
    return this.#characters.slice(this.#at, this.#at + text.length).join("") === text;
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) this.#refuse("its end");
    return character;
  }

  /** What stands before a text, which is taken, too. */
  #until(end: string): string {
    const from = this.#at;
    while (!this.#peek(end)) this.#next();
    const text = this.#characters.slice(from, this.#at).join("");
    this.#at += end.length;
    return text;
  }

  #alternatives(): string {
    let result = "";
    this.#letters = "";
    while (this.#at < this.#characters.length && !this.#peek(")")) {
      if (this.#take("|")) [result, this.#letters] = [`${result}|`, ""];
      else result += this.#repeated(this.#atom());
    }
    this.#letters = "";
    return result;
  }

  #atom(): string {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      case ".":
        return "[^\\n]";
      case "^":
        return "(?:^|(?<=\\n)(?!$))";
      case "$":
        return "(?:(?=\\n)|(?<!\\n)$)";
      case "*":
      case "+":
      case "?":
        return this.#refuse(character);
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): string {
    if (this.#ignoresCase) {
      this.#letters += character;
      if (character > "\x7f") this.#refuse(`${character} without case`);
      if (FOLDED_TO_ONE.test(this.#letters)) this.#refuse(`${this.#letters} without case`);
    }
    return escaped(character);
  }

  #repeated(atom: string): string {
    const count = this.#quantifier();
    if (count === "") return atom;
    this.#letters = "";
    const isInterval = count.startsWith("{");
    const isLazy = this.#take("?");
    if (isLazy && isInterval && !count.includes(",")) this.#refuse(`${count}?`);
    const isPossessive = !isLazy && this.#take("+");
    if (isPossessive && isInterval) this.#refuse(`${count}+`);
    const following = this.#quantifier();
    if (following !== "") this.#refuse(`${count}${isLazy ? "?" : isPossessive ? "+" : ""}${following}`);
    const whole = `(?:${atom})${count}`;
    return isPossessive ? this.#asAtomic(whole) : isLazy ? `${whole}?` : whole;
  }

  #quantifier(): string {
    for (const sign of ["*", "+", "?"]) if (this.#take(sign)) return sign;
    if (!this.#peek("{")) return "";
    const [interval, from, to] = /^\{(\d*)(?:,\d*)?\}/.test(this.#rest()) ? this.#interval() : [""];
    return interval === "" ? "" : `{${from || 0}${to}}`;
  }

  #rest(): string {
    return this.#characters.slice(this.#at, this.#at + 24).join("");
  }

  /** `{2}`, `{2,}`, `{,2}` or `{2,3}`; `{}` and `{,}` are text. */
  #interval(): [interval: string, from: string, to: string] {
    const [interval, from, to = ""] = this.#rest().match(/^\{(\d*)(,\d*)?\}/)!;
    if (from === "" && (to === "" || to === ",")) return ["", "", ""];
    this.#at += interval.length;
    return [interval, from, to];
  }

  #asAtomic(inner: string): string {
    const name = `atomic${++this.#atomic}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  }

  #group(): string {
    const outer = this.#ignoresCase;
    let open = "(?:";
    let isAtomic = false;
    if (this.#take("?")) {
      if (this.#take("#")) {
        this.#until(")");
        return "(?:)";
      }
      const sign = ["<=", "<!", "=", "!", ":", ">"].find((sign) => this.#take(sign));
      if (sign === ">") isAtomic = true;
      else if (sign !== undefined) open = `(?${sign}`;
      else if (/^<[\p{L}_][\p{L}\p{Nd}_]*>/u.test(this.#rest())) this.#until(">");
      else {
        const options = this.#rest().match(/^[^:)]*/)![0];
        if (!/^(i|-i)$/.test(options)) this.#refuse(`(?${options}`);
        this.#at += options.length;
        this.#ignoresCase = options === "i";
        open = `(?${options}:`;
        // Options alone hold to the end of what is around them.
        if (this.#take(")")) {
          const rest = this.#alternatives();
          this.#ignoresCase = outer;
          return `${open}${rest})`;
        }
        if (!this.#take(":")) this.#refuse(`(?${options}`);
      }
    }
    const inner = this.#alternatives();
    if (!this.#take(")")) this.#refuse("a group without end");
    this.#ignoresCase = outer;
    return isAtomic ? this.#asAtomic(inner) : `${open}${inner})`;
  }

  /** What follows a backslash outside of brackets. */
  #escape(): string {
    const character = this.#characters[this.#at];
    // Outside of brackets, these digits and fractions are parts of words.
    const word = `[${CLASSES.w}\\u{b2}\\u{b3}\\u{b9}\\u{bc}-\\u{be}]`;
    const special: Readonly<Record<string, string>> = {
      b: `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`,
      B: `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`,
      A: "^",
      z: "$",
      Z: "(?=\\n?$)",
      w: word,
      W: `[^${word}]`,
    };
    if (character !== undefined && Object.hasOwn(special, character)) {
      this.#at++;
      if (/w/i.test(character)) this.#expectCase(character);
      return special[character];
    }
    const [set, literal] = this.#escapedCharacter();
    return literal === undefined ? set : this.#literal(literal);
  }

  /** A class as an item of brackets, or one character. */
  #escapedCharacter(): [set: string, character?: string] {
    const character = this.#next();
    const lower = character.toLowerCase();
    if (Object.hasOwn(CLASSES, lower)) {
      const set = CLASSES[lower];
      this.#expectCase(character);
      return [character === lower ? `[${set}]` : `[^${set}]`];
    }
    if (lower === "p") return [this.#property(character === "P")];
    const code = Object.hasOwn(ESCAPES, character) ? ESCAPES[character] : this.#codePoint(character);
    if (code !== undefined) return ["", String.fromCodePoint(code)];
    if (/[\p{L}\p{N}]/u.test(character)) this.#refuse(`\\${character}`);
    return ["", character];
  }

  /** A set of several characters has no counterpart where case is left aside. */
  #expectCase(part: string): void {
    if (this.#ignoresCase) this.#refuse(`\\${part} without case`);
  }

  #codePoint(character: string): number | undefined {
    const patterns: Readonly<Record<string, RegExp>> = {
      x: /^(?:\{([0-9a-fA-F]{1,8})\}|([0-7][0-9a-fA-F]))/,
      u: /^([0-9a-fA-F]{4})/,
      0: /^()(?![0-7])/,
    };
    if (!Object.hasOwn(patterns, character)) return undefined;
    const found = this.#rest().match(patterns[character]);
    const code = found ? parseInt(found[1] || found[2] || "0", 16) : NaN;
    if (!found || !(code <= 0x10ffff) || code >= 0xd800 && code < 0xe000) this.#refuse(`\\${character}`);
    this.#at += found[0].length;
    return code;
  }

  #property(isNegated: boolean): string {
    if (!this.#take("{")) this.#refuse("\\p without {");
    const negates = this.#take("^");
    const name = this.#until("}");
    this.#expectCase(`p{${name}}`);
    const set = setOfProperty(name);
    if (set === undefined) this.#refuse(`\\p{${name}}`);
    return isNegated !== negates ? `[^${set}]` : `[${set}]`;
  }

  /** Brackets and what they hold: characters, ranges, classes, other brackets, and what all sides of `&&` have. */
  #class(): string {
    const isNegated = this.#take("^");
    if (isNegated) this.#expectCase("[^");
    const sides = [""];
    let isFirst = true;
    while (isFirst || !this.#take("]")) {
      isFirst = false;
      if (this.#take("&&")) sides.push("");
      else sides.push(sides.pop()! + this.#item());
    }
    if (sides.some((side) => side === "")) this.#refuse("&& with nothing beside it");
    const open = isNegated ? "[^" : "[";
    return sides.length === 1 ? `${open}${sides[0]}]` : `${open}${sides.map((side) => `[${side}]`).join("&&")}]`;
  }

  #item(): string {
    if (this.#take("[:")) {
      const negates = this.#take("^");
      const name = this.#until(":]");
      if (!Object.hasOwn(POSIX, name)) this.#refuse(`[:${name}:]`);
      this.#expectCase(`[:${name}:]`);
      return negates ? `[^${POSIX[name]}]` : `[${POSIX[name]}]`;
    }
    if (this.#take("[")) return this.#class();
    const from = this.#member();
    const isRange = this.#peek("-") && !this.#peek("-]") && !this.#peek("-[") && !this.#peek("-&&");
    if (from.length > 1 && isRange) this.#refuse("a range that begins with a class");
    if (from.length > 1) return from[0];
    if (!isRange) return escaped(from[0]);
    this.#at++;
    const to = this.#member();
    if (to.length > 1) this.#refuse(`${from[0]}-\\`);
    if (to[0] < from[0] && to[0].codePointAt(0)! < from[0].codePointAt(0)!) this.#refuse(`${from[0]}-${to[0]}`);
    return `${escaped(from[0])}-${escaped(to[0])}`;
  }

  /** One character of brackets, or a class, which has a second member. */
  #member(): [character: string] | [set: string, isSet: true] {
    const character = this.#next();
    if (character !== "\\") {
      if (this.#ignoresCase && character > "\x7f") this.#refuse(`${character} without case`);
      return [character];
    }
    if (this.#take("b")) return ["\b"];
    const [set, literal] = this.#escapedCharacter();
    return literal === undefined ? [set, true] : [literal];
  }
}

/** A character as itself, in and out of brackets. */
function escaped(character: string): string {
  return /[\w\s]|[^\0-\x7f]/v.test(character) && !/[\n\r\u2028\u2029]/.test(character)
    ? character
    : `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** The items of a property's set by its name, in which case, spaces, `-` and `_` do not count. */
function setOfProperty(name: string): string | undefined {
  const plain = name.replace(/[\s_-]/g, "").toLowerCase();
  if (plain === "punct") return "\\p{P}"; // without the symbols that the brackets of this name have
  if (plain === "word") return undefined;
  if (Object.hasOwn(POSIX, plain)) return POSIX[plain];
  const words = name.replace(/[\s_-]+/g, " ").trim().split(" ");
  const capitalised = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join("_");
  for (const candidate of [capitalised, `Script=${capitalised}`]) {
    try {
      new RegExp(`[\\p{${candidate}}]`, "v");
      return `\\p{${candidate}}`;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}
