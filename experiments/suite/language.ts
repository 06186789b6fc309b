import { BLAME, DEGREES, KINDS, PRAISE, WORKS } from "./lexicon.ts";
import { Choices } from "./random.ts";
import { miss, say, type Scene, scene } from "./scenes.ts";

/** Two sentences that stand together in a text. */
export interface Passage {
  readonly first: string;
  readonly second: string;
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

/** What may follow a scene: the same in other words, something that follows from it, or another matter. */
function follow(given: Scene, choices: Choices): string {
  const wording = { raised: RAISED, isPassive: choices.chance(0.3), placeFirst: choices.chance(0.2) };
  const kind = choices.next();
  if (kind < 0.4) return say(given, choices, wording);
  if (kind < 0.55) {
    return say({ ...given, place: undefined, time: undefined }, choices, {
      ...wording,
      general: choices.pick(["actor", "object"] as const),
    });
  }
  if (kind < 0.65) {
    return `every ${given.actor.noun.singular} is ${/^[aeiou]/.test(given.actor.noun.kind) ? "an" : "a"} ${
      KINDS[given.actor.noun.kind].singular
    }`;
  }
  if (kind < 0.85) return say(miss(given, choices), choices, wording);
  return say(scene(choices), choices, wording);
}

/**
 * The language of pre-training, without end: passages of two plain sentences about scenes, and now and then two opinions
 * of one mind. It has neither the tasks' negations and contrasts nor, often, their raised register.
 */
export function* suiteLanguage(seed: number): Generator<Passage, never> {
  const choices = new Choices(seed).fork("language");
  while (true) {
    if (choices.chance(0.2)) {
      const words = choices.chance(0.5) ? PRAISE : BLAME;
      yield { first: `${opinion(choices, words)} .`, second: `${opinion(choices, words)} .` };
      continue;
    }
    const given = scene(choices);
    const first = say(given, choices, {
      raised: RAISED,
      isPassive: choices.chance(0.15),
      placeFirst: choices.chance(0.2),
    });
    yield { first: `${first} .`, second: `${follow(given, choices)} .` };
  }
}
