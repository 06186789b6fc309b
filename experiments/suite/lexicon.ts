/** A noun with what is said of it. */
export interface Noun {
  readonly singular: string;
  readonly plural: string;
  /** What every such thing is. */
  readonly kind: string;
}

/** A transitive verb; `register` is the same act in other words. */
export interface Verb {
  readonly base: string;
  readonly third: string;
  readonly past: string;
  readonly participle: string;
  readonly register: "plain" | "raised";
  /** Number of the act: verbs of the same act are synonyms. */
  readonly act: number;
}

function nouns(kind: string, words: string): Noun[] {
  return words.split(" ").map((word) => {
    const [singular, plural = `${singular}s`] = word.split("/");
    return { singular, plural, kind };
  });
}

/** Who acts. */
export const ACTORS: readonly Noun[] = [
  ...nouns("animal", "dog cat horse cow bird wolf/wolves bear fox/foxes lion goat duck monkey"),
  ...nouns("person", "teacher doctor farmer painter singer baker sailor writer nurse king child/children student"),
];

/** What is acted on. */
export const OBJECTS: readonly Noun[] = [
  ...nouns("tool", "hammer knife/knives rope bucket needle lamp broom"),
  ...nouns("food", "apple cake potato/potatoes egg carrot pie lemon"),
  ...nouns("vehicle", "car truck boat train bicycle wagon"),
  ...nouns("instrument", "violin piano drum flute guitar trumpet"),
];

/** Words for kinds, in both numbers. */
export const KINDS: Readonly<Record<string, Noun>> = Object.fromEntries(
  nouns("thing", "animal person/people tool food vehicle instrument").map((noun) => [noun.singular, noun]),
);

const acts: readonly (readonly [plain: string, raised: string])[] = [
  ["see", "notice"],
  ["help", "assist"],
  ["like", "enjoy"],
  ["carry", "transport"],
  ["find", "discover"],
  ["buy", "purchase"],
  ["fix", "repair"],
  ["push", "shove"],
  ["watch", "observe"],
  ["chase", "pursue"],
  ["want", "desire"],
  ["touch", "handle"],
  ["hide", "conceal"],
  ["clean", "wash"],
  ["lose", "misplace"],
  ["hate", "despise"],
];
const IRREGULAR: Readonly<Record<string, readonly [past: string, participle: string]>> = {
  see: ["saw", "seen"],
  find: ["found", "found"],
  buy: ["bought", "bought"],
  hide: ["hid", "hidden"],
  lose: ["lost", "lost"],
};

function verb(base: string, register: Verb["register"], act: number): Verb {
  const ending = (suffix: string) => base.endsWith("y") ? `${base.slice(0, -1)}i${suffix}` : base + suffix;
  const third = /(s|sh|ch)$/.test(base) ? `${base}es` : /[^aeo]y$/.test(base) ? ending("es") : `${base}s`;
  const regular = base.endsWith("e") ? `${base}d` : /[^aeo]y$/.test(base) ? ending("ed") : `${base}ed`;
  const [past, participle] = IRREGULAR[base] ?? [regular, regular];
  return { base, third, past, participle, register, act };
}

/** Acts, each in two registers: the language of pre-training is mostly plain, the tasks use both alike. */
export const VERBS: readonly Verb[] = acts.flatMap(([plain, raised], act) => [
  verb(plain, "plain", act),
  verb(raised, "raised", act),
]);

/** Qualities, each in two registers. */
export const QUALITIES: readonly (readonly [plain: string, raised: string])[] = [
  ["big", "large"],
  ["small", "little"],
  ["fast", "quick"],
  ["old", "ancient"],
  ["happy", "cheerful"],
  ["angry", "furious"],
  ["quiet", "silent"],
  ["clever", "smart"],
  ["strong", "sturdy"],
  ["strange", "odd"],
  ["dirty", "filthy"],
  ["pretty", "lovely"],
];

/** Colours have no synonyms. */
export const COLOURS: readonly string[] = ["red", "blue", "green", "white", "black", "yellow", "brown"];

/** Where things happen. */
export const PLACES: readonly string[] = [
  "in the garden",
  "near the river",
  "at the market",
  "behind the house",
  "in the city",
  "on the hill",
  "under the bridge",
  "by the lake",
  "in the forest",
  "at the school",
];

/** When things happen. */
export const TIMES: readonly string[] = ["today", "yesterday", "often", "again", "at night", "in the morning"];

/** What reviews speak of. */
export const WORKS: readonly string[] = [
  "film",
  "movie",
  "story",
  "plot",
  "acting",
  "music",
  "cast",
  "script",
  "ending",
  "scene",
];

/** Praise and blame. */
export const PRAISE: readonly string[] = [
  "great",
  "wonderful",
  "superb",
  "charming",
  "brilliant",
  "delightful",
  "moving",
  "funny",
  "fresh",
  "touching",
  "clever",
  "lovely",
];
export const BLAME: readonly string[] = [
  "awful",
  "dreadful",
  "dull",
  "boring",
  "terrible",
  "clumsy",
  "tedious",
  "weak",
  "empty",
  "silly",
  "stale",
  "ugly",
];

/** Words that make praise stronger or weaker without turning it round. */
export const DEGREES: readonly string[] = ["very", "quite", "really", "rather", "truly"];

/** All other words of the grammar. */
export const FUNCTION_WORDS: readonly string[] = [
  "the",
  "a",
  "an",
  "every",
  "some",
  "this",
  "that",
  "these",
  "those",
  "many",
  "is",
  "are",
  "was",
  "were",
  "be",
  "by",
  "and",
  "or",
  "but",
  "not",
  "never",
  "no",
  "because",
  "while",
  "who",
  "which",
  "does",
  "do",
  "did",
  "it",
  "they",
  "there",
  "of",
  "with",
  "to",
  "nothing",
  "happily",
  "sadly",
  "oddly",
  "hardly",
  "anything",
  "far",
  "from",
  "too",
  "also",
  "so",
  "though",
  "i",
  "you",
  "we",
  "felt",
  "found",
  "has",
  "have",
  "thing",
  "things",
  "something",
  "someone",
  "what",
  "one",
  "two",
  "all",
  "more",
  "than",
  "at",
  "first",
  "last",
  "in",
  "on",
];
