/** XML's entities, in the order in which `mteval-v13a.pl` reads them. */
const ENTITIES: readonly (readonly [entity: string, character: string])[] = [
  ["&quot;", '"'],
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
];

/** A text with the characters that XML's entities stand for. */
export function withoutEntities(text: string): string {
  if (!text.includes("&")) return text;
  return ENTITIES.reduce((line, [entity, character]) => line.replaceAll(entity, character), text);
}
