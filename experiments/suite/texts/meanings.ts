import type { Choices } from "../random.ts";
import { capitalised, shuffled, venueName, withArticle } from "./names.ts";

/**
 * What may be said of a house besides its name. A value that has no words, as `unknown`, is left unsaid: a model has to
 * learn which.
 */
export interface House {
  readonly name: string;
  readonly house: string;
  readonly quarter?: string;
  readonly beside?: string;
  readonly dish?: string;
  readonly cost?: string;
  readonly stars?: string;
  readonly dogs?: string;
}

const HOUSES = ["tea house", "bakery", "tavern", "canteen", "wine bar", "inn"];
const DISHES = ["noodles", "dumplings", "grilled fish", "onion pies", "bean soups", "pancakes", "rice curries"];

/** Words for where a house stands, by its quarter. */
export const QUARTERS: Readonly<Record<string, string>> = {
  harbour: "by the harbour",
  "old town": "in the old town",
  market: "at the market",
  hill: "on the hill",
  station: "behind the station",
  riverside: "along the river",
};

/** What values are said by: an adjective, or a word for it before a noun, first, then sentences. */
export const SAYINGS = {
  cost: {
    low: ["cheap", "prices are low", "it costs little"],
    middle: ["fairly priced", "prices are fair", "it costs neither much nor little"],
    high: ["expensive", "prices are high", "it costs a lot"],
    unknown: [],
  },
  stars: {
    "1 of 5": ["it has one star of five", "guests give it a single star"],
    "2 of 5": ["it has two stars of five", "guests give it two stars"],
    "3 of 5": ["it has three stars of five", "guests give it three stars"],
    "4 of 5": ["it has four stars of five", "guests give it four stars"],
    "5 of 5": ["it has all five stars", "guests give it five stars"],
    none: [],
  },
  dogs: {
    yes: ["dogs are welcome", "you may bring your dog"],
    no: ["dogs are not allowed", "your dog has to wait outside"],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Words for a value of an attribute; none where it is left unsaid. */
export function sayingsOf(attribute: keyof typeof SAYINGS, value: string | undefined): readonly string[] {
  const all: Readonly<Record<string, readonly string[]>> = SAYINGS[attribute];
  return value === undefined ? [] : all[value];
}

/** A house at random. */
export function drawHouse(choices: Choices): House {
  const perhaps = <T>(chance: number, draw: () => T): T | undefined => choices.chance(chance) ? draw() : undefined;
  const oneOf = (attribute: keyof typeof SAYINGS) => choices.pick(Object.keys(SAYINGS[attribute]));
  const name = venueName(choices);
  return {
    name,
    house: choices.pick(HOUSES),
    quarter: perhaps(0.6, () => choices.pick(Object.keys(QUARTERS))),
    beside: perhaps(0.35, () => anotherName(choices, name)),
    dish: perhaps(0.7, () => choices.pick(DISHES)),
    cost: perhaps(0.6, () => oneOf("cost")),
    stars: perhaps(0.5, () => oneOf("stars")),
    dogs: perhaps(0.4, () => oneOf("dogs")),
  };
}

function anotherName(choices: Choices, name: string): string {
  const other = venueName(choices);
  return other === name ? anotherName(choices, name) : other;
}

/** Attributes of a house with their values, in the order of the interface. */
export function attributesOf({ name, house, quarter, beside, dish, cost, stars, dogs }: House): [string, string][] {
  return Object.entries({ name, house, quarter, beside, dish, cost, stars, dogs })
    .flatMap(([attribute, value]) => value === undefined ? [] : [[attribute, value]]);
}

/** A meaning representation in E2E's form: the name first, then the other attributes in any order. */
export function meaningOf(house: House, choices: Choices): string {
  const [name, ...others] = attributesOf(house);
  return [name, ...shuffled(others, choices)].map(([attribute, value]) => `${attribute}[${value}]`).join(", ");
}

/** Where a house stands, with a space before; nothing where that is not known. */
export function whereOf({ quarter, beside }: House): string {
  return `${quarter === undefined ? "" : ` ${QUARTERS[quarter]}`}${beside === undefined ? "" : ` next to ${beside}`}`;
}

/** The first sentence, with the rest of what it leaves unsaid. */
function open(given: House, choices: Choices): { readonly sentence: string; readonly isCostSaid: boolean } {
  const { name, house, dish } = given;
  const where = whereOf(given);
  const [adjective] = sayingsOf("cost", given.cost);
  const isCostSaid = adjective !== undefined && choices.chance(0.5);
  const kind = withArticle(isCostSaid ? `${adjective} ${house}` : house);
  const forms = [
    `${name} is ${kind}${where}${dish === undefined ? "" : ` that serves ${dish}`}`,
    `there is ${kind} called ${name}${where}${dish === undefined ? "" : `, where you can eat ${dish}`}`,
    dish === undefined ? `if you look for ${kind}, try ${name}${where}` : `for ${dish}, go to ${name}, ${kind}${where}`,
  ];
  return { sentence: choices.pick(forms), isCostSaid };
}

/** A description of a house: everything that is to be said, and nothing else. */
export function describeHouse(given: House, choices: Choices): string {
  const { sentence, isCostSaid } = open(given, choices);
  const clauses = [
    ...isCostSaid ? [] : [sayingsOf("cost", given.cost).slice(1)],
    sayingsOf("stars", given.stars),
    sayingsOf("dogs", given.dogs),
  ].filter((words) => words.length > 0).map((words) => choices.pick(words));
  const ordered = choices.chance(0.3) ? clauses.toReversed() : clauses;
  const [first, second, third] = ordered;
  if (first === undefined) return `${capitalised(sentence)}.`;
  const rest = second === undefined
    ? [first]
    : third === undefined
    ? choices.chance(0.7) ? [`${first}, and ${second}`] : [first, second]
    : choices.chance(0.5)
    ? [`${first}, and ${second}`, third]
    : [first, `${second}, and ${third}`];
  return [sentence, ...rest].map((part) => `${capitalised(part)}.`).join(" ");
}
