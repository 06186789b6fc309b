import { openDevice } from "../../../mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { isObject } from "../../../lib/text/is_object.ts";
import type { TextTaskName } from "../../recipes/texts.ts";
import type { TextRunTask, WrittenSources } from "../../runner/data/encode_texts.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { scoreTexts, type TextScores } from "../../runner/data/text_metrics.ts";
import { predictionLines, predictionsPath } from "../../runner/train/predictions_file.ts";
import { generatorOf } from "../../runner/train/text_functions.ts";
import { writeTexts } from "../../runner/train/write_texts.ts";
import { ProgressBar } from "../../terminal/progress_bar.ts";
import { tell } from "../../terminal/tell.ts";
import { TEMPLATES } from "./template.ts";

/** Rows beside those of methods: what needs no training. */
export interface Baselines {
  readonly untuned: TextScores;
  readonly template: TextScores;
  /** Of each source the first reference beside the others; absent where each source has one alone. */
  readonly references?: TextScores;
}

/** Options of {@linkcode baselinesOf}. */
export interface BaselinesOptions {
  readonly inputs: Inputs;
  /** The folder of records, which keeps what was written. */
  readonly out: string;
  /** Whether a device is open. */
  readonly hasDevice: boolean;
  /** The name by which one is opened where none is. */
  readonly device?: string;
}

async function save(out: string, name: string, { rows }: TextScores): Promise<void> {
  await Deno.mkdir(`${out}/predictions`, { recursive: true });
  await writeAtomically(predictionsPath(out, name), predictionLines(rows));
}

/** Texts that were kept, where there are as many as sources. */
async function keptTexts(path: string, count: number): Promise<string[] | undefined> {
  const lines = await Deno.readTextFile(path).then((text) => text.trimEnd().split("\n"), (error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
  const texts = lines.flatMap((line): string[] => {
    const row: unknown = JSON.parse(line);
    return isObject(row) && typeof row.text === "string" ? [row.text] : [];
  });
  return texts.length === count ? texts : undefined;
}

/** Texts of the model as it is. */
async function untunedTexts(spec: RunSpec, written: WrittenSources, options: BaselinesOptions): Promise<string[]> {
  const { inputs, hasDevice, device: name } = options;
  using _device = hasDevice ? undefined : await openDevice({ device: name, report: tell });
  const generator = generatorOf(spec, (await inputs.model(spec.model.weights)).writer);
  const bar = new ProgressBar(`${spec.task} untuned`, written.prompts.length);
  try {
    const { params } = await inputs.writer(spec.model);
    return await writeTexts(params(), written, { generator, onTexts: (done) => bar.update(done, "texts") });
  } finally {
    bar.end();
    generator.dispose();
  }
}

/** The untuned model's texts, which are kept beside those of runs: the same for as long as model, data and decoding are. */
async function untuned(spec: RunSpec, { task, written }: TextRunTask, options: BaselinesOptions): Promise<TextScores> {
  const { model, data, decoding } = spec;
  const key = (await sha256(canonicalJson([model, data.hash, decoding]))).slice(0, 16);
  const kept = await keptTexts(predictionsPath(options.out, `untuned-${key}`), written!.groups.length);
  const texts = kept ?? await untunedTexts(spec, written!, options);
  const scores = scoreTexts(texts, written!.groups, task.metrics);
  if (!kept) await save(options.out, `untuned-${key}`, scores);
  return scores;
}

/** The rows beside those of methods, of which the untuned model's alone needs a device. */
export async function baselinesOf(spec: RunSpec, options: BaselinesOptions): Promise<Baselines> {
  const encoded = await options.inputs.encodedTexts(spec);
  const { task: { metrics }, written } = encoded;
  if (!written) throw new TypeError("internal: a task of texts has no sources to write about");
  const { groups } = written;
  const write = TEMPLATES[spec.task as TextTaskName];
  const template = scoreTexts(groups.map(({ source }) => write(source)), groups, metrics);
  await save(options.out, "template", template);
  const several = groups.filter(({ references }) => references.length > 1);
  const others = several.map(({ references: [, ...references], ...rest }) => ({ ...rest, references }));
  const references = several.length === 0
    ? undefined
    : scoreTexts(several.map(({ references: [first] }) => first), others, metrics);
  if (references) await save(options.out, "references", references);
  return { untuned: await untuned(spec, encoded, options), template, references };
}
