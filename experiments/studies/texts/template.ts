/** Attributes of E2E's restaurants: what a template says of each, `_` standing for the value. */
const PHRASES: Readonly<Record<string, string>> = {
  food: "serving _ food",
  priceRange: "in the _ price range",
  "customer rating": "with a customer rating of _",
  area: "in the _ area",
  near: "near _",
};

function familyPhrase(value: string): string {
  return /^(no|false)$/i.test(value) ? "It is not family friendly." : "It is family friendly.";
}

/** A sentence about a linearised meaning, `name : Aromi | area : riverside`. */
function describeMeaning(source: string): string {
  const pairs = source.split(" | ").map((part) => {
    const [name, ...value] = part.split(" : ");
    return [name.trim(), value.join(" : ").trim()] as const;
  });
  const values = new Map(pairs);
  const subject = values.get("name") ?? pairs[0][1];
  const known = pairs.flatMap(([name, value]) => PHRASES[name] ? [PHRASES[name].replace("_", value)] : []);
  const others = pairs.filter(([name, value]) =>
    value !== subject && !Object.hasOwn(PHRASES, name) && !["name", "eatType", "familyFriendly"].includes(name)
  );
  const family = values.get("familyFriendly");
  return [
    `${[`${subject} is a ${values.get("eatType") ?? "place"}`, ...known].join(" ")}.`,
    ...others.map(([name, value]) => `Its ${name} is ${value}.`),
    ...family === undefined ? [] : [familyPhrase(family)],
  ].join(" ");
}

/** Words of a property or an entity: `birthPlace` is "birth place", `Buzz_Aldrin` "Buzz Aldrin". */
const inWords = (name: string) => name.replaceAll("_", " ").replace(/(?<=[a-z])(?=[A-Z])/g, " ").trim();

/** A sentence for each of some linearised triples, `subject : property : object | …`. */
function describeTriples(source: string): string {
  return source.split(" | ").map((triple) => {
    const [subject, property, ...object] = triple.split(" : ").map(inWords);
    return `The ${property.toLowerCase()} of ${subject} is ${object.join(" ")}.`;
  }).join(" ");
}

/** The first sentence of an article. */
function firstSentence(source: string): string {
  return source.trim().match(/^[\s\S]*?[.!?](?=\s|$)/)?.[0] ?? source.trim();
}

/** What a template writes without a model, by task: one sentence of phrases, one a triple, or an article's first. */
export const TEMPLATES = { e2e: describeMeaning, webnlg: describeTriples, xsum: firstSentence } as const;
