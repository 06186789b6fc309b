import { type data, metrics } from "../../../mod.ts";
import { quoted } from "../../../lib/text/quoted.ts";

/** A scorer of texts: shares from 0 to 1, but for NIST and CIDEr, which have units of their own. */
type TextMetric = (texts: readonly string[], references: metrics.References) => metrics.TextScore;

/** Metrics by name, the main one first. */
export type MetricsOfTexts = Readonly<Record<string, TextMetric>>;

const rouge = (kind: "rouge1" | "rouge2" | "rougeL"): TextMetric => (texts, references) =>
  metrics.rouge(texts, references, { kind });

/** Words and signs with spaces between, as WebNLG's `bleu_eval_3ref.py` parts them. */
const apart = (text: string) => text.split(/([^\p{L}\p{N}_])/u).join(" ").trim();

/**
 * What each task's papers print. E2E's are of its own scripts, which count words in lower case, and read texts for
 * ROUGE-L, METEOR and CIDEr as captions are read; WebNLG's BLEU is multi-bleu's on words and single
 * signs in lower case, as its script has it. METEOR matches words and stems, but no synonyms and
 * paraphrases, and lies below published figures by that.
 */
export const GENERATION_METRICS: Readonly<Record<data.GenerationTaskName, MetricsOfTexts>> = {
  e2e: {
    bleu: (texts, references) => metrics.bleu(texts, references, { lowercase: true }),
    nist: (texts, references) => metrics.nist(texts, references, { lowercase: true }),
    meteor: (texts, references) => metrics.meteor(texts, references, { captions: true }),
    rougeL: (texts, references) => metrics.captionRouge(texts, references),
    cider: (texts, references) => metrics.cider(texts, references),
  },
  webnlg: {
    bleu: (texts, references) =>
      metrics.bleu(texts.map(apart), references.map((all) => [all].flat().map(apart)), {
        convention: "multi-bleu",
        lowercase: true,
      }),
    meteor: (texts, references) => metrics.meteor(texts, references),
    ter: (texts, references) => metrics.ter(texts, references),
  },
  xsum: { rougeL: rouge("rougeL"), rouge1: rouge("rouge1"), rouge2: rouge("rouge2") },
};

/** What answers to instructions are scored by. */
export const INSTRUCTION_METRICS: MetricsOfTexts = {
  rougeL: rouge("rougeL"),
  bleu: (texts, references) => metrics.bleu(texts, references),
};

/** A written text beside those that are right, with its own scores. */
export interface WrittenRow {
  readonly source: string;
  readonly references: readonly string[];
  readonly text: string;
  readonly scores: Readonly<Record<string, number>>;
}

/** What written texts are worth together and each. */
export interface TextScores {
  readonly metrics: Readonly<Record<string, number>>;
  readonly rows: readonly WrittenRow[];
}

/**
 * Scores texts by all metrics of a task. Where groups say which part they are of, as WebNLG's do, BLEU of each part is
 * there, too: `bleuSeen`, `bleuUnseen`.
 *
 * Throws a RangeError that names the source that has no reference.
 */
export function scoreTexts(
  texts: readonly string[],
  groups: readonly data.ReferenceGroup[],
  scorers: MetricsOfTexts,
): TextScores {
  const references = groups.map(({ references, source }) => {
    if (references.some((one) => one.trim() !== "")) return references;
    throw new RangeError(`no text is right for ${quoted(source)}: a reference is missing`);
  });
  const all = Object.entries(scorers).map(([name, scorer]) => [name, scorer(texts, references)] as const);
  const parts = (["seen", "unseen"] as const).flatMap((part) => {
    const places = [...groups.keys()].filter((place) => groups[place].part === part);
    if (places.length === 0 || !scorers.bleu) return [];
    const { score } = scorers.bleu(places.map((i) => texts[i]), places.map((i) => references[i]));
    return [[`bleu${part[0].toUpperCase()}${part.slice(1)}`, score]];
  });
  return {
    metrics: Object.fromEntries([...all.map(([name, { score }]) => [name, score]), ...parts]),
    rows: groups.map(({ source, references }, i) => ({
      source,
      references,
      text: texts[i],
      scores: Object.fromEntries(all.map(([name, { sentences }]) => [name, sentences[i]])),
    })),
  };
}
