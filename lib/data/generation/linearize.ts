import { quoted } from "../../text/quoted.ts";

/** The names of E2E's attributes in the data of the LoRA paper's code, where they are others. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ["eatType", "Type"],
  ["priceRange", "price"],
  ["familyFriendly", "family friendly"],
]);

/** One attribute of a meaning representation, from where the last one ended. */
const ATTRIBUTE = /([^[\],]+)\[([^[\]]*)\](?:,\s*|\s*$)/y;

/**
 * Writes a meaning representation of E2E's in a line, as the data of the LoRA paper's code has it: `name[The Vaults],
 * eatType[pub]` becomes `name : The Vaults | Type : pub`. Three attributes have other names there: `Type`, `price` and
 * `family friendly`. Values stay as they are.
 *
 * Throws a SyntaxError where a text is no list of names with values in brackets.
 *
 * @see [LoRA: Low-Rank Adaptation of Large Language Models](https://arxiv.org/abs/2106.09685)
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * console.log(data.linearizeMeaning("name[Blue Spice], area[riverside]")); // name : Blue Spice | area : riverside
 * ```
 */
export function linearizeMeaning(meaning: string): string {
  const parts: string[] = [];
  const text = meaning.trim();
  let end = 0;
  while (end < text.length) {
    ATTRIBUTE.lastIndex = end;
    const match = ATTRIBUTE.exec(text);
    if (!match) break;
    const [whole, name, value] = match;
    parts.push(`${ATTRIBUTES.get(name.trim()) ?? name.trim()} : ${value.trim()}`);
    end += whole.length;
  }
  if (end === text.length && parts.length > 0) return parts.join(" | ");
  throw new SyntaxError(
    `its meaning ${quoted(meaning)} is no list of attributes such as name[Blue Spice], area[riverside]`,
  );
}

/** A fact: a subject, a property, and the object that the subject has there. */
export interface Triple {
  /** What the fact is about, `Aarhus_Airport` say. */
  readonly subject: string;
  /** What is said of it, `cityServed` say. */
  readonly property: string;
  /** What it has there, `"Aarhus, Denmark"` say. */
  readonly object: string;
}

/**
 * Writes triples in a line, as the LoRA paper's code does: `subject : property : object`, joined by ` | `.
 *
 * @see [LoRA: Low-Rank Adaptation of Large Language Models](https://arxiv.org/abs/2106.09685)
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const triple = { subject: "Aarhus_Airport", property: "cityServed", object: "Aarhus" };
 * console.log(data.linearizeTriples([triple])); // Aarhus_Airport : cityServed : Aarhus
 * ```
 */
export function linearizeTriples(triples: readonly Triple[]): string {
  return triples.map(({ subject, property, object }) => `${subject} : ${property} : ${object}`).join(" | ");
}
