import { cast, io, models, type Tensor } from "../../../mod.ts";
import { TOKENIZER_FILES } from "../../../lib/data/mod.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import type { LoadedModel } from "./load_model.ts";
import type { LabelSet } from "../heads/label_set.ts";

/** What a model's folder is made of beside its weights. */
type Origin = Pick<LoadedModel, "config" | "model" | "folder">;

/** What a folder with a model that writes texts is made of beside its weights. */
interface WriterOrigin {
  readonly config: Readonly<Record<string, unknown>>;
  readonly model: Pick<models.PretrainedModel, "transposed">;
  readonly folder: string;
}

/** Weights are written in F32: else transformers computes in what they were before. */
function dtypesOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.hasOwn(config, "torch_dtype") ? { torch_dtype: "float32", dtype: "float32" } : { dtype: "float32" };
}

async function copyFiles(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await writeAtomically(`${to}/${name}`, await Deno.readFile(`${from}/${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

const inF32 = (tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, cast(tensor, "f32")]));

/** Writes a model that writes texts as a folder in Hugging Face's layout, like {@linkcode writeModelFolder} a classifier. */
export async function writeWriterFolder(
  folder: string,
  tensors: Readonly<Record<string, Tensor>>,
  { config, model, folder: from }: WriterOrigin,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await copyFiles(from, folder, [...TOKENIZER_FILES, "generation_config.json"]);
  const whole = models.checkpointOf(inF32(tensors), model);
  await io.saveSafetensors(`${folder}/model.safetensors`, whole, { format: "pt" });
  const own = { ...models.configFor(config, tensors), ...dtypesOf(config) };
  await writeAtomically(`${folder}/config.json`, `${JSON.stringify(own, null, 2)}\n`);
}

/** The config of a classifier with such labels; names of classes stay where they are as many. */
function configOf(
  { config, model }: Origin & Required<Pick<Origin, "config">>,
  known: LabelSet | undefined,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, unknown> {
  const { labels, architecture, labelNames } = model.config;
  const { num_labels: _, ...rest } = models.configFor(config, tensors);
  const names = known?.kind === "classes" ? known.labels : labelNames;
  const own = Array.from({ length: labels }, (_, i) => names[i] ?? `LABEL_${i}`);
  return {
    ...rest,
    ...dtypesOf(config),
    // Old files have none, and transformers knows no other way to find the class.
    model_type: architecture,
    architectures: [`${model.classPrefix}ForSequenceClassification`],
    id2label: Object.fromEntries(own.map((name, i) => [i, name])),
    label2id: Object.fromEntries(own.map((name, i) => [name, i])),
    problem_type: labels === 1 ? "regression" : "single_label_classification",
  };
}

/**
 * Writes a classifier as a folder in Hugging Face's layout: config, weights in F32, and the files of its tokenizer. Of a
 * model of one's own, the weights alone: its module may name the folder as its `weights`.
 */
export async function writeModelFolder(
  folder: string,
  tensors: Readonly<Record<string, Tensor>>,
  { loaded, labels }: { readonly loaded: Origin; readonly labels?: LabelSet },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { config, model } = loaded;
  const whole = models.checkpointOf(inF32(tensors), model);
  if (!config) return await io.saveSafetensors(`${folder}/model.safetensors`, whole, { format: "pt" });
  await copyFiles(loaded.folder, folder, TOKENIZER_FILES);
  await io.saveSafetensors(`${folder}/model.safetensors`, whole, { format: "pt" });
  await writeAtomically(
    `${folder}/config.json`,
    `${JSON.stringify(configOf({ ...loaded, config }, labels, tensors), null, 2)}\n`,
  );
}
