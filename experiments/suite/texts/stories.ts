import type { Choices } from "../random.ts";
import { capitalised, DAYS, personName, pluralName, shuffled, townName, withArticle } from "./names.ts";

/** A passage, and what it comes down to. */
export interface Story {
  readonly document: string;
  readonly summary: string;
}

/** What stories are made of. */
interface Cast {
  readonly town: string;
  readonly day: string;
  readonly person: string;
  /** A number that matters. */
  readonly many: number;
  /** A number that does not. */
  readonly few: number;
}

/** What is told of an event: how it begins, what the summary needs besides, and the summary. */
interface Event {
  readonly leads: readonly string[];
  readonly details: readonly string[];
  readonly summary: string;
}

type Kind = (cast: Cast, choices: Choices) => Event;

const HOUSES = ["bakery", "hotel", "library", "paper mill", "school", "theatre"];

const fire: Kind = ({ town, day, many }, choices) => {
  const house = choices.pick(HOUSES);
  return {
    leads: [`A fire broke out in the ${house} of ${town} on ${day}.`, `On ${day} the ${house} of ${town} caught fire.`],
    details: [`Firemen led ${many} people out of it.`, "Nobody knows yet how it began."],
    summary: `${many} people have been saved from a fire in ${withArticle(house)} in ${town}.`,
  };
};

const flood: Kind = ({ town, day, many }) => ({
  leads: [`The river near ${town} rose over its banks on ${day}.`, `On ${day} water came into the streets of ${town}.`],
  details: [`By night ${many} houses stood in it.`, "More rain is to come."],
  summary: `${many} houses are under water after a flood in ${town}.`,
});

const theft: Kind = ({ town, day, many }, choices) => {
  const house = choices.pick(["museum", "bank", "church", "jeweller"]);
  const loot = choices.pick(["paintings", "gold coins", "silver cups", "old maps"]);
  return {
    leads: [
      `Somebody broke into the ${house} of ${town} on ${day}.`,
      `The ${house} of ${town} found its doors open on ${day}.`,
    ],
    details: [`What is missing are ${many} ${loot}.`, "The police look for a white van."],
    summary: `Thieves have taken ${many} ${loot} from ${withArticle(house)} in ${town}.`,
  };
};

const match: Kind = ({ town, day, many, few }, choices) => {
  const team = `${town} ${pluralName(choices)}`;
  const others = `${townName(choices)} ${pluralName(choices)}`;
  const [goals, answer] = [3 + (many % 4), few % 3];
  return {
    leads: [`${team} met ${others} on ${day}.`, `On ${day} ${others} were the guests of ${team}.`],
    details: [`It ended ${goals} to ${answer} for ${team}.`, "The rain did not stop the singing."],
    summary: `${team} have beaten ${others} by ${goals} goals to ${answer}.`,
  };
};

const opening: Kind = ({ town, day, many }, choices) => {
  const work = choices.pick(["bridge", "tunnel", "stadium", "swimming pool", "concert hall"]);
  return {
    leads: [`On ${day} ${town} opened its new ${work}.`, `The ${work} in ${town} has been open since ${day}.`],
    details: [`It cost ${many} million.`, "Many came to see it."],
    summary: `A new ${work} for ${many} million has opened in ${town}.`,
  };
};

const strike: Kind = ({ town, day, many }, choices) => {
  const workers = choices.pick(["bus drivers", "nurses", "teachers", "dock workers", "bakers"]);
  return {
    leads: [`The ${workers} of ${town} stopped work on ${day}.`, `In ${town} no ${workers} came to work on ${day}.`],
    details: [`They want ${many} per cent more pay.`, "Talks will go on."],
    summary: `${capitalised(workers)} in ${town} are on strike for ${many} per cent more pay.`,
  };
};

const rescue: Kind = ({ town, day, many }, choices) => {
  const ship = choices.pick(["ferry", "fishing boat", "cargo ship", "sailing boat"]);
  return {
    leads: [`A ${ship} ran aground off ${town} on ${day}.`, `On ${day} a ${ship} struck a rock near ${town}.`],
    details: [`Boats took ${many} people off it.`, "The sea was rough."],
    summary: `${many} people have been rescued from a ${ship} off ${town}.`,
  };
};

const election: Kind = ({ town, day, many }, choices) => {
  const winner = personName(choices);
  return {
    leads: [`${town} chose a mayor on ${day}.`, `On ${day} people in ${town} voted for a mayor.`],
    details: [`${winner} got ${many} per cent of the votes.`, "All others had fewer."],
    summary: `${winner} is the new mayor of ${town}.`,
  };
};

const KINDS: readonly Kind[] = [fire, flood, theft, match, opening, strike, rescue, election];

/** What has nothing to do with it, though it has names and numbers, too. */
const asides = ({ person, few, town }: Cast, choices: Choices): string[] => [
  `${person}, who lives nearby, was ${choices.pick(["surprised", "glad", "worried", "tired"])}.`,
  `The road to ${townName(choices)} was closed for ${few} hours.`,
  `It is ${few} years since ${town} had such a day.`,
  `"I shall not forget it," said ${person}.`,
];

/** A story at random: it begins with what happened, and the rest is in any order. */
export function drawStory(choices: Choices): Story {
  const many = 11 + choices.below(85);
  const cast: Cast = {
    town: townName(choices),
    day: choices.pick(DAYS),
    person: personName(choices),
    many,
    few: 2 + choices.below(8),
  };
  const { leads, details, summary } = choices.pick(KINDS)(cast, choices);
  const [needed, ...others] = details;
  const beside = shuffled([...others, ...asides(cast, choices)], choices).slice(0, 2);
  return {
    document: [choices.pick(leads), ...shuffled([needed, ...beside], choices)].join("\n"),
    summary,
  };
}
