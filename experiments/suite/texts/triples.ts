import type { Triple } from "../../../lib/data/mod.ts";
import type { Choices } from "../random.ts";
import { listed, personName, pluralName, shuffled, townName, venueName } from "./names.ts";

/** A kind of thing: what it is called, and what may be said of it. */
export interface Category {
  readonly name: string;
  /** Whether a model may learn of it; WebNLG's own categories of that name are those of its training split, too. */
  readonly isSeen: boolean;
  readonly subject: (choices: Choices) => string;
  readonly properties: readonly string[];
}

const people = ["owner", "operator", "architect", "leadArchitect", "chiefPilot", "rector", "headCoach", "chiefCook"];
const moreOfThem = ["chiefArchitect", "leadPilot", "headCook", "captain", "founder"];

/** How objects of a property are drawn. */
function drawObject(property: string, choices: Choices): string {
  if ([...people, ...moreOfThem].includes(property)) return personName(choices);
  if (["location", "homeTown"].includes(property)) return townName(choices);
  if (property.endsWith("Year")) return String(1850 + choices.below(170));
  if (property.endsWith("Length")) return String(20 * (2 + choices.below(98)));
  return String(2 + choices.below(97));
}

/** The categories: those that are not seen have properties that are put together of the same words. */
export const CATEGORIES: readonly Category[] = [
  {
    name: "Airport",
    isSeen: true,
    subject: (choices) => `${townName(choices)} Airport`,
    properties: ["location", "runwayLength", "operator", "chiefPilot", "openingYear", "gateCount"],
  },
  {
    name: "Building",
    isSeen: true,
    subject: (choices) => `${venueName(choices)} Hall`,
    properties: ["location", "architect", "leadArchitect", "owner", "floorCount", "openingYear"],
  },
  {
    name: "University",
    isSeen: true,
    subject: (choices) => `University of ${townName(choices)}`,
    properties: ["location", "rector", "foundingYear", "chiefCook", "courseCount"],
  },
  {
    name: "SportsTeam",
    isSeen: true,
    subject: (choices) => `${townName(choices)} ${pluralName(choices)}`,
    properties: ["homeTown", "headCoach", "owner", "foundingYear", "memberCount"],
  },
  {
    name: "Ship",
    isSeen: false,
    subject: (choices) => `${venueName(choices)} Ferry`,
    properties: ["homeTown", "leadPilot", "headCook", "owner", "deckLength", "openingYear"],
  },
  {
    name: "Festival",
    isSeen: false,
    subject: (choices) => `${townName(choices)} Festival`,
    properties: ["location", "chiefArchitect", "headCook", "operator", "foundingYear", "courseCount"],
  },
];

/** Facts about one thing. */
export interface Facts {
  readonly category: Category;
  readonly triples: readonly Triple[];
}

/** A property's name in words: `runwayLength` is `runway length`. */
export const inWords = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** What is in a triple, as texts write it. */
export const unlined = (name: string): string => name.replaceAll("_", " ");

const underlined = (name: string): string => name.replaceAll(" ", "_");

/** One to three facts about something of some categories. */
export function drawFacts(choices: Choices, categories: readonly Category[]): Facts {
  const category = choices.pick(categories);
  const subject = underlined(category.subject(choices));
  const properties = shuffled(category.properties, choices).slice(0, 1 + choices.below(3));
  return {
    category,
    triples: properties.map((property) => ({
      subject,
      property,
      object: underlined(drawObject(property, choices)),
    })),
  };
}

/** What is said of the subject: ways to go on behind its name. */
export function predicatesOf({ property, object }: Triple): readonly [string, ...string[]] {
  const what = unlined(object);
  const words = inWords(property);
  if (property === "location") return [`is in ${what}`, `lies in ${what}`];
  if (property === "homeTown") return [`comes from ${what}`, `is at home in ${what}`];
  if (property === "foundingYear") return [`was founded in ${what}`, `goes back to ${what}`];
  if (property === "openingYear") return [`was opened in ${what}`, `has been open since ${what}`];
  if (property.endsWith("Length")) {
    const [part] = words.split(" ");
    return [`has a ${part} of ${what} metres`, `has a ${part} that is ${what} metres long`];
  }
  if (property.endsWith("Count")) {
    return [`has ${what} ${words.split(" ")[0]}s`, `counts ${what} ${words.split(" ")[0]}s`];
  }
  return [`has ${what} as its ${words}`, `has the ${words} ${what}`];
}

/** A text that says all facts, one after the other. */
export function describeFacts({ triples }: Facts, choices: Choices): string {
  const said = triples.map((triple) => choices.pick(predicatesOf(triple)));
  const subject = unlined(triples[0].subject);
  if (said.length === 1 || choices.chance(0.5)) return `${subject} ${listed(said)}.`;
  return `${subject} ${said[0]}. It ${listed(said.slice(1))}.`;
}
