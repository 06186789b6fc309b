import type { Example, Tokenizer } from "../../../lib/data/mod.ts";
import { list } from "../heads/head.ts";
import type { LabelSet } from "../heads/label_set.ts";
import type { TuningTask } from "./read_task.ts";

/** Examples that are looked at for how they fit a tokenizer and a length: all of a large set would take minutes. */
const SAMPLE = 1000;

/** How examples fit a tokenizer and a length. */
export interface Fit {
  /** Examples that were looked at. */
  readonly examples: number;
  /** Share of them that are longer than the length, and cut. */
  readonly truncated: number;
  /** Share of the tokens of their texts that are unknown; of the examples, where none has any token. */
  readonly unknown: number;
}

/** How examples, a sample of many, fit a tokenizer and a length. */
export function fitOf(examples: readonly Example[], tokenizer: Tokenizer, maxLength: number): Fit {
  const stride = Math.max(1, examples.length / SAMPLE);
  const sample = Array.from({ length: Math.min(SAMPLE, examples.length) }, (_, i) => examples[Math.floor(i * stride)]);
  // Special tokens are known, whatever the text.
  const special = [tokenizer.encode("").ids.length, tokenizer.encode("", "").ids.length];
  let [truncated, unknown, tokens] = [0, 0, 0];
  for (const { text, text2 } of sample) {
    const { ids } = tokenizer.encode(text, text2);
    truncated += Number(ids.length > maxLength);
    unknown += ids.filter((id) => id === tokenizer.unknownId).length;
    // A text of which a tokenizer makes nothing at all is as good as an unknown token.
    const own = ids.length - special[text2 === undefined ? 0 : 1];
    unknown += Number(own === 0);
    tokens += Math.max(own, 1);
  }
  const count = Math.max(sample.length, 1);
  return { examples: sample.length, truncated: truncated / count, unknown: unknown / Math.max(tokens, 1) };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const rows = (examples: readonly Example[]) => examples.length.toLocaleString("en");

/** A set's labels: how many of each class, or their range. */
function labelsLine({ kind, labels }: LabelSet, examples: readonly Example[]): string {
  const found = examples.map(({ label }) => label);
  if (kind === "regression") {
    const [least, most] = found.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    return `scores from ${least} to ${most}`;
  }
  const counts = labels.map(() => 0);
  for (const label of found) counts[label]++;
  return list(labels.map((label, i) => `${label} (${counts[i].toLocaleString("en")})`));
}

/** What a command makes of its data and its model. */
export interface Understood {
  readonly task: Omit<TuningTask, "name" | "metrics" | "hash" | "positive">;
  readonly tokenizer: Tokenizer;
  /** Most tokens of an example. */
  readonly maxLength: number;
  /** Parameters that are made afresh. */
  readonly fresh: readonly string[];
}

/** What a command makes of its data and its model, in lines for people. */
export function understoodLines({ task, tokenizer, maxLength, fresh }: Understood): string[] {
  const sets = Object.entries({ ...task.train.length > 0 && { train: task.train }, ...task.sets });
  const all = sets.flatMap(([, examples]) => examples);
  const fit = fitOf(all, tokenizer, maxLength);
  const looked = fit.examples < all.length
    ? `a sample of ${fit.examples.toLocaleString("en")} examples`
    : "all examples";
  const classes = task.labels.map((label, i) => `${i} = ${label}`);
  const [cut, unknown] = [percent(fit.truncated), percent(fit.unknown)];
  const mostly = `the tokenizer knows next to nothing of these texts: ${unknown} of their tokens are unknown`;
  return [
    `data: ${task.source}${task.files ? `: ${list(task.files)}` : ""}`,
    ...sets.map(([name, examples]) => `${name}: ${rows(examples)} rows: ${labelsLine(task, examples)}`),
    ...task.kind === "classes" ? [`classes: ${list(classes)}, ${task.order}`] : [],
    `tokens: ${cut} of ${looked} are longer than ${maxLength} and cut; ${unknown} are unknown`,
    ...fit.unknown > 0.5 ? [`warning: ${mostly}; is its vocabulary whole?`] : [],
    ...task.unfit.map((line) => `not used: ${line}`),
    ...fresh.length > 0 ? [`made afresh: ${fresh.join(", ")}`] : [],
  ];
}
