import {
  type GenerationData,
  type GenerationSplit,
  type GenerationTaskName,
  groupReferences,
  linearizeMeaning,
  linearizeTriples,
} from "../../../lib/data/mod.ts";
import { hashSplits } from "../../../lib/data/generation/generation_tasks.ts";
import { SUITE_SEED } from "../mod.ts";
import { Choices } from "../random.ts";
import { attributesOf, describeHouse, drawHouse, meaningOf } from "./meanings.ts";
import { drawStory, type Story } from "./stories.ts";
import { CATEGORIES, describeFacts, drawFacts, type Facts } from "./triples.ts";

/** Splits of a task of texts. */
export type TextSplit = "train" | "dev" | "test";

/** Splits in the order in which they are drawn: what is tested has the same texts, however many there are to learn from. */
const SPLITS: readonly TextSplit[] = ["test", "dev", "train"];

/** How many inputs each split has. */
export type TextSizes = Readonly<Record<TextSplit, number>>;

const SIZES: Readonly<Record<GenerationTaskName, TextSizes>> = {
  e2e: { train: 600, dev: 50, test: 100 },
  webnlg: { train: 800, dev: 50, test: 120 },
  xsum: { train: 1500, dev: 50, test: 100 },
};

/** A meaning representation with its texts. */
export interface MeaningEntry {
  readonly meaning: string;
  readonly references: readonly string[];
}

/** Facts with their texts; what was marked as faulty leaves a fact out. */
export interface FactsEntry {
  readonly facts: Facts;
  readonly references: readonly { readonly text: string; readonly isGood: boolean }[];
}

/** What the generator draws for each task. */
export interface TextEntries {
  readonly e2e: MeaningEntry;
  readonly webnlg: FactsEntry;
  readonly xsum: Story;
}

/** An entry, and what makes it another one than others. */
type Draw<Entry> = (choices: Choices, split: TextSplit) => { readonly entry: Entry; readonly key: string };

/** Different texts of several attempts. */
function several(count: number, describe: () => string): string[] {
  return [...new Set(Array.from({ length: 3 * count }, describe))].slice(0, count);
}

const DRAWS: { readonly [Task in GenerationTaskName]: Draw<TextEntries[Task]> } = {
  e2e(choices) {
    const house = drawHouse(choices);
    const meaning = meaningOf(house, choices);
    const references = several(4, () => describeHouse(house, choices));
    return { entry: { meaning, references }, key: JSON.stringify(attributesOf(house)) };
  },
  webnlg(choices, split) {
    const seen = split !== "test" || choices.chance(0.5);
    const facts = drawFacts(choices, CATEGORIES.filter(({ isSeen }) => isSeen === seen));
    const good = several(split === "test" ? 3 : 2, () => describeFacts(facts, choices));
    const references = good.map((text) => ({ text, isGood: true }));
    if (facts.triples.length > 1 && split !== "test" && choices.chance(0.05)) {
      const text = describeFacts({ ...facts, triples: facts.triples.slice(1) }, choices);
      references.push({ text, isGood: false });
    }
    return {
      entry: { facts, references },
      key: linearizeTriples(facts.triples.toSorted((a, b) => a.property < b.property ? -1 : 1)),
    };
  },
  xsum(choices) {
    const story = drawStory(choices);
    return { entry: story, key: story.document };
  },
};

/** The entries of each split, none of which is there twice: the same ones for the same seed. */
export function drawTexts<Task extends GenerationTaskName>(
  task: Task,
  { seed = SUITE_SEED, sizes = SIZES[task] }: { readonly seed?: number; readonly sizes?: TextSizes } = {},
): Record<TextSplit, TextEntries[Task][]> {
  const drawn: Record<TextSplit, TextEntries[Task][]> = { train: [], dev: [], test: [] };
  const draw: Draw<TextEntries[Task]> = DRAWS[task];
  const seen = new Set<string>();
  for (const split of SPLITS) {
    const choices = new Choices(seed).fork(`${task} ${split}`);
    while (drawn[split].length < sizes[split]) {
      const { entry, key } = draw(choices, split);
      if (seen.has(key)) continue;
      seen.add(key);
      drawn[split].push(entry);
    }
  }
  return drawn;
}

const ROWS: { readonly [Task in GenerationTaskName]: (entries: readonly TextEntries[Task][]) => GenerationSplit } = {
  e2e(entries) {
    const pairs = entries.flatMap(({ meaning, references }) =>
      references.map((target) => ({ source: linearizeMeaning(meaning), target }))
    );
    return { pairs, groups: groupReferences(pairs) };
  },
  webnlg(entries) {
    const groups = entries.map(({ facts: { category, triples }, references }) => ({
      source: linearizeTriples(triples),
      references: references.filter(({ isGood }) => isGood).map(({ text }) => text),
      part: category.isSeen ? "seen" as const : "unseen" as const,
    }));
    const pairs = groups.flatMap(({ source, references }) => references.map((target) => ({ source, target })));
    return { pairs, groups };
  },
  xsum(entries) {
    const pairs = entries.map(({ document, summary }) => ({ source: document, target: summary }));
    return { pairs, groups: pairs.map(({ source, target }) => ({ source, references: [target] })) };
  },
};

async function rowsOf<Task extends GenerationTaskName>(
  task: Task,
  options: { readonly seed?: number; readonly sizes?: TextSizes },
): Promise<GenerationData> {
  const drawn = drawTexts(task, options);
  const rows: (entries: readonly TextEntries[Task][]) => GenerationSplit = ROWS[task];
  const splits = { train: rows(drawn.train), dev: rows(drawn.dev), test: rows(drawn.test) };
  return { name: task, splits, files: [], hash: await hashSplits(task, splits) };
}

/**
 * A generated task of texts, with the splits `train`, `dev` and `test`: what `readGenerationTask` gives of the files that
 * {@linkcode textFiles} makes of the same entries, with the same hash.
 */
export function textSuite(
  task: GenerationTaskName,
  options: { readonly seed?: number; readonly sizes?: TextSizes } = {},
): Promise<GenerationData> {
  return rowsOf(task, options);
}
