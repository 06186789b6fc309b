import { ACTORS, COLOURS, KINDS, type Noun, OBJECTS, PLACES, QUALITIES, TIMES, type Verb, VERBS } from "./lexicon.ts";
import type { Choices } from "./random.ts";

/** A thing of a scene: what it is, how many, and one quality at most. */
export interface Thing {
  readonly noun: Noun;
  readonly isPlural: boolean;
  /** A colour, or the number of a quality. */
  readonly quality?: string | number;
}

/** Somebody does something to something, somewhere or sometime. */
export interface Scene {
  readonly actor: Thing;
  readonly act: number;
  readonly object: Thing;
  readonly place?: string;
  readonly time?: string;
  readonly isPast: boolean;
}

/** How a scene is put into words. */
export interface Wording {
  /** Probability of words of the raised register. */
  readonly raised: number;
  readonly isPassive?: boolean;
  readonly isNegated?: boolean;
  /** Names things by their kind. */
  readonly general?: "actor" | "object";
  /** Says where and when first. */
  readonly placeFirst?: boolean;
}

function thing(choices: Choices, nouns: readonly Noun[], quality: number): Thing {
  const noun = choices.pick(nouns);
  const isPlural = choices.chance(0.3);
  if (!choices.chance(quality)) return { noun, isPlural };
  return { noun, isPlural, quality: choices.chance(0.4) ? choices.pick(COLOURS) : choices.below(QUALITIES.length) };
}

/** A scene at random. */
export function scene(choices: Choices): Scene {
  const where = choices.next();
  return {
    actor: thing(choices, ACTORS, 0.4),
    act: choices.below(VERBS.length / 2),
    object: thing(choices, choices.chance(0.75) ? OBJECTS : ACTORS, 0.4),
    place: where < 0.45 ? choices.pick(PLACES) : undefined,
    time: where > 0.75 ? choices.pick(TIMES) : undefined,
    isPast: choices.chance(0.6),
  };
}

/** Words for a thing. */
export function describe(
  { noun, isPlural, quality }: Thing,
  choices: Choices,
  wording: Wording,
  general = false,
): string {
  const named = general ? KINDS[noun.kind] : noun;
  const word = isPlural ? named.plural : named.singular;
  const adjective = quality === undefined || general
    ? []
    : [typeof quality === "string" ? quality : QUALITIES[quality][choices.chance(wording.raised) ? 1 : 0]];
  const next = adjective[0] ?? word;
  const determiners = isPlural ? ["the", "some", "these"] : ["the", /^[aeiou]/.test(next) ? "an" : "a", "this"];
  return [
    general ? (isPlural ? "some" : /^[aeiou]/.test(word) ? "an" : "a") : choices.pick(determiners),
    ...adjective,
    word,
  ].join(" ");
}

function verbOf(act: number, choices: Choices, wording: Wording): Verb {
  const register = choices.chance(wording.raised) ? "raised" : "plain";
  return VERBS.find((verb) => verb.act === act && verb.register === register)!;
}

/** A sentence, without its full stop. */
export function say(given: Scene, choices: Choices, wording: Wording): string {
  const { actor, object, act, place, time, isPast } = given;
  const verb = verbOf(act, choices, wording);
  const subject = describe(actor, choices, wording, wording.general === "actor");
  const target = describe(object, choices, wording, wording.general === "object");
  const be = (isPlural: boolean) => isPast ? (isPlural ? "were" : "was") : isPlural ? "are" : "is";
  let core: string;
  if (wording.isPassive) {
    core = [target, be(object.isPlural), ...wording.isNegated ? ["not"] : [], verb.participle, "by", subject].join(" ");
  } else if (wording.isNegated) {
    const auxiliary = isPast ? "did" : actor.isPlural ? "do" : "does";
    core = [subject, auxiliary, "not", verb.base, target].join(" ");
  } else {
    core = [subject, isPast ? verb.past : actor.isPlural ? verb.base : verb.third, target].join(" ");
  }
  const rest = [place, time].filter((part) => part !== undefined).join(" ");
  if (!rest) return core;
  return wording.placeFirst ? `${rest} ${core}` : `${core} ${rest}`;
}

/** A question for yes or no about a scene, without its mark. */
export function ask({ actor, object, act, isPast }: Scene, choices: Choices, wording: Wording): string {
  const verb = verbOf(act, choices, wording);
  const auxiliary = isPast ? "did" : actor.isPlural ? "do" : "does";
  return [auxiliary, describe(actor, choices, wording), verb.base, describe(object, choices, wording)].join(" ");
}

/** A question for who acts, without its mark. */
export function askWho({ object, act, isPast }: Scene, choices: Choices, wording: Wording): string {
  const verb = verbOf(act, choices, wording);
  return ["who", isPast ? verb.past : verb.third, describe(object, choices, wording)].join(" ");
}

/** The same scene with one part exchanged for another: a near miss. */
export function miss(given: Scene, choices: Choices): Scene {
  const parts = ["actor", "object", "act", "swap"] as const;
  switch (choices.pick(parts)) {
    case "actor":
      return {
        ...given,
        actor: {
          ...given.actor,
          noun: choices.pickOther(ACTORS, (n) => n === given.actor.noun || n === given.object.noun),
        },
      };
    case "object":
      return {
        ...given,
        object: { ...given.object, noun: choices.pickOther(OBJECTS, (n) => n === given.object.noun) },
      };
    case "act":
      return { ...given, act: (given.act + 1 + choices.below(VERBS.length / 2 - 1)) % (VERBS.length / 2) };
    case "swap":
      return { ...given, actor: given.object, object: given.actor };
  }
}
