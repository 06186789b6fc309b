import type { Choices } from "../random.ts";
import { drawHouse, type House, QUARTERS, sayingsOf, whereOf } from "./meanings.ts";
import { capitalised, DAYS, listed, personName, shuffled, venueName, withArticle } from "./names.ts";
import { drawStory } from "./stories.ts";
import { CATEGORIES, drawFacts, inWords, predicatesOf, unlined } from "./triples.ts";

/** Sentences about a house in which its name comes again, each of which says one thing. */
function houseSentences(given: House, choices: Choices): string[] {
  const { name, house, quarter, beside, dish } = given;
  return [
    `${name} is ${withArticle(house)}`,
    ...quarter === undefined ? [] : [`you find ${name} ${QUARTERS[quarter]}`],
    ...beside === undefined ? [] : [`${name} stands next to ${beside}`],
    ...dish === undefined ? [] : [`at ${name} you can eat ${dish}`],
    ...(["cost", "stars", "dogs"] as const).flatMap((attribute) => {
      const said = sayingsOf(attribute, given[attribute]).slice(attribute === "cost" ? 1 : 0);
      return said.length === 0 ? [] : [`at ${name} ${choices.pick(said)}`];
    }),
  ];
}

/** A visit, told by a guest. */
function visit(choices: Choices): string {
  const given = drawHouse(choices);
  const begin = `on ${choices.pick(DAYS)} ${personName(choices)} went to ${given.name}, ${withArticle(given.house)}${
    whereOf(given)
  }`;
  const [, ...others] = houseSentences(given, choices);
  return [begin, ...shuffled(others, choices)].map((part) => `${capitalised(part)}.`).join(" ");
}

/** A note in single words, then the same in sentences. */
function note(choices: Choices): string {
  const given = drawHouse(choices);
  const { name, house, quarter, beside, dish, cost, stars, dogs } = given;
  const words = [house, quarter, beside, dish, cost, stars, dogs && `dogs ${dogs}`].filter((one) => one !== undefined);
  const sentences = houseSentences(given, choices).map((part) => `${capitalised(part)}.`);
  return `${[name, ...shuffled(words, choices)].join("; ")}\n${sentences.join(" ")}`;
}

/** Several houses in a list, then one after the other. */
function guide(choices: Choices): string {
  const houses = [1, 2, 3].map(() => drawHouse(choices));
  const said = houses.map((given) => `${capitalised(choices.pick(houseSentences(given, choices)))}.`);
  return `Try ${listed(houses.map(({ name }) => name))}. ${said.join(" ")}`;
}

/** Facts as entries of a register, then asked for and told. */
function register(choices: Choices): string {
  const { triples } = drawFacts(choices, CATEGORIES.filter(({ isSeen }) => isSeen));
  const subject = triples[0].subject;
  const entries = triples.map(({ property, object }) => `${property}, ${object}`);
  const told = triples.map((triple) =>
    choices.chance(0.5)
      ? `${unlined(subject)} ${choices.pick(predicatesOf(triple))}.`
      : `What is the ${inWords(triple.property)} of ${unlined(subject)}? ${unlined(triple.object)}.`
  );
  return `${subject}; ${entries.join("; ")}\n${told.join(" ")}`;
}

/** A passage as newspapers have it, then, at times, who read it. */
function news(choices: Choices): string {
  const { document } = drawStory(choices);
  return choices.chance(0.3) ? `${document}\n${personName(choices)} read it at ${venueName(choices)}.` : document;
}

const FORMS = [visit, note, note, guide, register, register, news, news];

/**
 * Texts of pre-training, without end: houses, facts and news of the suite's grammar in other forms than those of its
 * tasks. No attribute of a house stands there by its name, and no passage is summed up.
 */
export function* suiteProse(choices: Choices): Generator<string, never> {
  while (true) yield choices.pick(FORMS)(choices);
}
