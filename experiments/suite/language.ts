import { BLAME, DEGREES, KINDS, PRAISE, WORKS } from "./lexicon.ts";
import { Choices } from "./random.ts";
import { miss, say, type Scene, scene } from "./scenes.ts";

/** Words that say how a sentence goes with the one before, in what mood something is said, or that it is no sentence. */
export const CONNECTIVES = ["so", "but", "also", "happily", "sadly", "oddly"] as const;

/** Sentences that stand together in a text. */
export interface Passage {
  readonly first: string;
  /**
   * How the second goes with the first: it follows, it contradicts, or it is another matter; the mood of both; or
   * `oddly` where the words of the first are out of order.
   */
  readonly connective: typeof CONNECTIVES[number];
  readonly second?: string;
}

/** Words of the raised register in the language of pre-training: rare, where the tasks use them half of the time. */
const RAISED = 0.15;

function opinion(choices: Choices, words: readonly string[]): string {
  const [a, b] = [choices.pick(words), choices.pick(words)];
  const work = choices.pick(WORKS);
  return choices.pick([
    `the ${work} was ${a} and ${b}`,
    `the ${work} was ${choices.pick(DEGREES)} ${a}`,
    `the ${work} is ${a} because the ${choices.pick(WORKS)} is ${b}`,
    `this ${a} ${work} has a ${b} ${choices.pick(WORKS)}`,
  ]);
}

/** What may follow a scene: the same in other words, something that follows from it, a near miss, or another matter. */
function follow(given: Scene, choices: Choices): Omit<Passage, "first"> {
  const wording = { raised: RAISED, isPassive: choices.chance(0.3), placeFirst: choices.chance(0.2) };
  const kind = choices.next();
  if (kind < 0.3) return { connective: "so", second: say(given, choices, wording) };
  if (kind < 0.45) {
    const general = choices.pick(["actor", "object"] as const);
    const shorter = { ...given, place: undefined, time: undefined };
    return { connective: "so", second: say(shorter, choices, { ...wording, general }) };
  }
  if (kind < 0.55) {
    const { singular } = KINDS[given.actor.noun.kind];
    const second = `every ${given.actor.noun.singular} is ${/^[aeiou]/.test(singular) ? "an" : "a"} ${singular}`;
    return { connective: "also", second };
  }
  if (kind < 0.85) return { connective: "but", second: say(miss(miss(given, choices), choices), choices, wording) };
  return { connective: "also", second: say(scene(choices), choices, wording) };
}

/** Three words that stand together or more, in another order. */
function scramble(words: readonly string[], choices: Choices): string[] {
  const length = 3 + choices.below(words.length - 3);
  const start = choices.below(words.length - length + 1);
  const part = words.slice(start, start + length);
  for (let i = part.length - 1; i > 0; i--) {
    const j = choices.below(i + 1);
    [part[i], part[j]] = [part[j], part[i]];
  }
  const scrambled = [...words.slice(0, start), ...part, ...words.slice(start + length)];
  return scrambled.join(" ") === words.join(" ") ? scramble(words, choices) : scrambled;
}

/**
 * The language of pre-training, without end: passages of two plain sentences about scenes, now and then opinions or
 * scrambled sentences. It has neither the tasks' negations and their small faults nor, often, their raised register.
 */
export function* suiteLanguage(seed: number): Generator<Passage, never> {
  const choices = new Choices(seed).fork("language");
  while (true) {
    if (choices.chance(0.25)) {
      const isPraise = choices.chance(0.5);
      const words = isPraise ? PRAISE : BLAME;
      yield {
        first: `${opinion(choices, words)} .`,
        connective: isPraise ? "happily" : "sadly",
        second: choices.chance(0.5) ? `${opinion(choices, words)} .` : undefined,
      };
      continue;
    }
    const given = scene(choices);
    const first = say(given, choices, {
      raised: RAISED,
      isPassive: choices.chance(0.15),
      placeFirst: choices.chance(0.2),
    });
    if (choices.chance(0.2)) {
      yield { first: `${scramble(first.split(" "), choices).join(" ")} .`, connective: "oddly" };
      continue;
    }
    const { connective, second } = follow(given, choices);
    yield { first: `${first} .`, connective, second: `${second} .` };
  }
}
