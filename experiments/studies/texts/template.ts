/** What a template says of an attribute, `_` standing for the value: of E2E's restaurants, and of the suite's houses. */
const PHRASES: Readonly<Record<string, string>> = {
  food: "serving _ food",
  price: "in the _ price range",
  "customer rating": "with a customer rating of _",
  area: "in the _ area",
  near: "near _",
  dish: "serving _",
  cost: "with _ prices",
  stars: "with _ stars",
  quarter: "in the _ quarter",
  beside: "next to _",
};

/** Attributes that say what a place is, and those that are true of it or not, with what is said then. */
const KINDS = ["Type", "house"] as const;
const TRUE_OR_NOT: Readonly<Record<string, readonly [isTrue: string, isNot: string]>> = {
  "family friendly": ["It is family friendly.", "It is not family friendly."],
  dogs: ["Dogs are welcome.", "Dogs are not allowed."],
};

/** Values that say that nothing is known, and are left unsaid. */
const UNSAID: readonly string[] = ["unknown", "none"];

/** A sentence about a linearised meaning, `name : Aromi | area : riverside`. */
function describeMeaning(source: string): string {
  const pairs = source.split(" | ").map((part) => {
    const [name, ...value] = part.split(" : ");
    return [name.trim(), value.join(" : ").trim()] as const;
  });
  const values = new Map(pairs);
  const subject = values.get("name") ?? pairs[0][1];
  const kind = KINDS.map((name) => values.get(name)).find((value) => value !== undefined) ?? "place";
  const said = pairs.filter(([name, value]) =>
    value !== subject && !UNSAID.includes(value) && ![...KINDS, "name"].includes(name)
  );
  const known = said.flatMap(([name, value]) => PHRASES[name] ? [PHRASES[name].replace("_", value)] : []);
  const others = said.filter(([name]) => !Object.hasOwn(PHRASES, name)).map(([name, value]) => {
    const [isTrue, isNot] = TRUE_OR_NOT[name] ?? [];
    if (isTrue === undefined) return `Its ${name} is ${value}.`;
    return /^(no|false)$/i.test(value) ? isNot : isTrue;
  });
  return [`${[`${subject} is a ${kind}`, ...known].join(" ")}.`, ...others].join(" ");
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
