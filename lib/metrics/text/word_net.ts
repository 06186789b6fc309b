import { isFile } from "../../io/is_file.ts";

const PARTS_OF_SPEECH = ["noun", "verb", "adj", "adv"] as const;

/** WordNet's rules of detachment, of nouns, verbs and adjectives, in the order in which METEOR 1.5 tries them. */
const ENDINGS: readonly (readonly [ending: string, replacement: string])[] = [
  ["s", ""],
  ["ses", "s"],
  ["xes", "x"],
  ["zes", "z"],
  ["ches", "ch"],
  ["shes", "sh"],
  ["men", "man"],
  ["ies", "y"],
  ["es", "e"],
  ["es", ""],
  ["ed", "e"],
  ["ed", ""],
  ["ing", "e"],
  ["ing", ""],
  ["er", ""],
  ["est", ""],
  ["er", "e"],
  ["est", "e"],
];

/**
 * WordNet's sets of synonyms, like {@linkcode meteor} takes them: a function that gives the names of the sets that a word
 * or its base form is in (Miller 1995). `folder` is the `dict` folder of a release of WordNet, which is free under its
 * own licence (https://wordnet.princeton.edu): of it `index.*` are read, and `*.exc` where they are there, as the
 * release of the database alone is without them; words have no irregular base forms then.
 *
 * Rejects where an index is not there, or a line of it is none.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const dict = await Deno.makeTempDir();
 * for (const part of ["noun", "verb", "adj", "adv"]) {
 *   const index = part === "noun" ? "bar n 1 0 1 0 02796995\npub n 1 0 1 0 02796995\n" : "";
 *   await Deno.writeTextFile(`${dict}/index.${part}`, index);
 * }
 * const synonyms = await metrics.readWordNet(dict);
 * console.log([...synonyms("pubs")]); // ["noun 02796995"]
 * console.log(metrics.meteor(["two bars"], ["two pubs"], { synonyms }).score.toFixed(4)); // 0.8500
 * ```
 */
export async function readWordNet(folder: string): Promise<(word: string) => Iterable<string>> {
  const sets = new Map<string, string[]>();
  const bases = new Map<string, string[]>();
  for (const part of PARTS_OF_SPEECH) {
    for (const [word, numbers] of indexRows(await Deno.readTextFile(`${folder}/index.${part}`), `index.${part}`)) {
      sets.set(word, [...sets.get(word) ?? [], ...numbers.map((number) => `${part} ${number}`)]);
    }
    const exceptions = `${folder}/${part}.exc`;
    if (!await isFile(exceptions)) continue;
    for (const line of (await Deno.readTextFile(exceptions)).split("\n")) {
      const [form, ...found] = line.trim().split(" ");
      if (form !== "") bases.set(form, [...bases.get(form) ?? [], ...found]);
    }
  }
  const setsOf = (word: string) => sets.get(word) ?? [];
  return (word) => new Set([...setsOf(word), ...(bases.get(word) ?? [baseOf(word, sets)]).flatMap(setsOf)]);
}

/** Words of an index with their sets' numbers, which are as many as the third field says, at the line's end. */
function indexRows(text: string, file: string): [string, string[]][] {
  return text.split("\n").flatMap((line, at): [string, string[]][] => {
    if (line.startsWith(" ") || line.trim() === "") return [];
    const [word, , count, ...rest] = line.trim().split(" ");
    const numbers = Number(count) > 0 ? rest.slice(-Number(count)) : [];
    if (numbers.length === 0 || !numbers.every((number) => /^\d{8}$/.test(number))) {
      throw new RangeError(`Cannot read ${file} of WordNet as line ${at + 1} does not end in numbers of sets: ${line}`);
    }
    return [[word, numbers]];
  });
}

function baseOf(word: string, known: ReadonlyMap<string, unknown>): string {
  if (word.endsWith("ss") || word.length <= 2) return word;
  const candidates = ENDINGS.filter(([ending]) => word.endsWith(ending)).map(([ending, replacement]) =>
    word.slice(0, word.length - ending.length) + replacement
  );
  return candidates.find((candidate) => known.has(candidate)) ?? word;
}
