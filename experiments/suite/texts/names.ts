import type { Choices } from "../random.ts";

const ADJECTIVES = ("Silver Crooked Quiet Golden Painted Hollow Merry Iron Amber Velvet Crimson Humble Salty Drowsy " +
  "Northern Winding Copper Lucky Old Brave").split(" ");
const NOUNS =
  ("Lantern Kettle Anchor Fiddle Heron Barrel Orchard Mill Otter Thistle Compass Pepper Harvest Spoon Magpie " +
    "Cellar Candle Wagon Goose Pavilion").split(" ");
const TOWN_HEADS = "Vel Bran Tor Mos Kel Ash Dun Har Lin Os Pel Ras".split(" ");
const TOWN_TAILS = "mar wick ford holm stad bury nes gate".split(" ");
const FIRST_NAMES = "Ana Bruno Clara Dario Edda Felix Greta Henrik Ines Jonas Lena Milo Nora Otto Petra Rasmus".split(
  " ",
);
const LAST_NAMES = ("Brook Castell Dorn Ekberg Falk Grau Holt Irving Juhl Kern Lund Moreau Nagy Orsini Pavel Quist")
  .split(
    " ",
  );

/** What houses and ships are called: `Silver Lantern`. */
export const venueName = (choices: Choices): string => `${choices.pick(ADJECTIVES)} ${choices.pick(NOUNS)}`;

/** A town: `Velmar`. */
export const townName = (choices: Choices): string => choices.pick(TOWN_HEADS) + choices.pick(TOWN_TAILS);

/** Somebody: `Ana Brook`. */
export const personName = (choices: Choices): string => `${choices.pick(FIRST_NAMES)} ${choices.pick(LAST_NAMES)}`;

/** One of many of a kind, such as a team: `Otters`. */
export const pluralName = (choices: Choices): string => {
  const noun = choices.pick(NOUNS.filter((one) => !/[sy]$/.test(one) && one !== "Goose"));
  return `${noun}s`;
};

/** Days of the week. */
export const DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");

/** A word with `a` or `an` before it. */
export const withArticle = (words: string): string => `${/^[aeiou]/i.test(words) ? "an" : "a"} ${words}`;

/** A text whose first letter is large. */
export const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Parts of a list in a sentence: `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** A list in another order. */
export function shuffled<T>(list: readonly T[], choices: Choices): T[] {
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = choices.below(i + 1);
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}
