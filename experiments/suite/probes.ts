import type { data } from "../../mod.ts";
import { ACTORS, OBJECTS, QUALITIES, VERBS } from "./lexicon.ts";
import { suiteLanguage } from "./language.ts";
import { Choices } from "./random.ts";

/**
 * Tasks that ask what a method can reach, not what it makes of language: `recall` of random pairs, and a student's
 * agreement with a teacher, which is the encoder with a random change of known rank. Both are read off a frozen head.
 */
export const PROBES = ["recall", "rank-1", "rank-4", "rank-16", "rank-full"] as const;

/** Name of a probe. */
export type ProbeName = typeof PROBES[number];

/** Whether a task is a probe. */
export function isProbe(name: string): name is ProbeName {
  return (PROBES as readonly string[]).includes(name);
}

/** Words that the masked token may stand for: the classes of all probes. */
export const ANSWERS: readonly string[] = ACTORS.slice(0, 16).map(({ singular }) => singular);

/** Rank of the teacher's change of each target; `undefined` where a task has no teacher, Infinity where it is full. */
export function rankOf(name: ProbeName): number | undefined {
  if (name === "recall") return undefined;
  return name === "rank-full" ? Infinity : Number(name.slice("rank-".length));
}

/** The token that is asked for. */
const MASK = "[MASK]";

/** Pairs that `recall` asks for. */
const PAIRS = 1600;
/** Words of a key. */
const KEY_WORDS = 4;
/** Texts of the other probes, to train on and to score. */
const TEXTS = { train: 8000, dev: 1000 } as const;

/** Random keys of four words to random answers, with the number of each. */
export function recallPairs(seed: number): data.Example[] {
  const choices = new Choices(seed).fork("recall");
  const words = [
    ...OBJECTS.map(({ singular }) => singular),
    ...QUALITIES.flat(),
    ...VERBS.flatMap(({ base, past }) => [base, past]),
  ];
  const pairs = new Map<string, number>();
  while (pairs.size < PAIRS) {
    const key = Array.from({ length: KEY_WORDS }, () => choices.pick(words)).join(" ");
    if (!pairs.has(key)) pairs.set(key, choices.below(ANSWERS.length));
  }
  return Array.from(pairs, ([text, label]) => ({ text, text2: MASK, label }));
}

/** Sentences of the language of pre-training, one word of each masked, which stand in no other split. */
export function maskedTexts(seed: number): Readonly<Record<keyof typeof TEXTS, readonly string[]>> {
  const language = suiteLanguage(seed);
  const choices = new Choices(seed).fork("masked texts");
  const texts = new Set<string>();
  while (texts.size < TEXTS.train + TEXTS.dev) {
    const words = language.next().value.first.split(" ");
    words[choices.below(words.length - 1)] = MASK;
    texts.add(words.join(" "));
  }
  const all = [...texts];
  return { train: all.slice(TEXTS.dev), dev: all.slice(0, TEXTS.dev) };
}
