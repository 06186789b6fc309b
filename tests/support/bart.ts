import { loadSafetensors } from "../../lib/io/mod.ts";
import {
  fromConfig,
  paramsFrom,
  type PretrainedModel,
  type PretrainedSeq2Seq,
  type Seq2SeqExamples,
} from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { partOf } from "./against_pytorch.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const { tensors } = await loadSafetensors(new URL("bart.safetensors", FIXTURES));

/** Heads that a BART has. */
export type BartHead = "classification" | "seq2seq-lm";

/** What `tests/fixtures/bart.py` says of a model. */
interface DescribedBart {
  readonly config: Record<string, unknown>;
  /** Names of the tensors that were saved. */
  readonly names: readonly string[];
  /** Shapes and rates of what drops out in a training step. */
  readonly dropouts: readonly (readonly [shape: number[], rate: number])[];
}

/** What `tests/fixtures/bart.py` says of its cases. */
export const describedBarts: {
  readonly cases: Readonly<Record<string, Readonly<Record<BartHead, DescribedBart>>>>;
  /** Hugging Face's values of all keys of a config. */
  readonly defaults: Readonly<Record<string, unknown>>;
} = JSON.parse(await Deno.readTextFile(new URL("bart.json", FIXTURES)));

/** Names of the models that there are. */
export const BARTS: readonly string[] = Object.keys(describedBarts.cases);

/** Tensors of the fixture whose names begin so, without that. */
export const bartPart = (prefix: string): Record<string, Tensor> => partOf(tensors, prefix);

/** The tensors that transformers saved of a model. */
export function bartCheckpoint(name: string, head: BartHead): Record<string, Tensor> {
  const weights = bartPart(`${name}.weights.`);
  return Object.fromEntries(describedBarts.cases[name][head].names.map((parameter) => [parameter, weights[parameter]]));
}

/** A batch of a case, with what both heads are asked. */
export function bartBatch(name: string, index: number): Seq2SeqExamples & { readonly classes: Tensor } {
  const { ids, mask, labels, classes } = bartPart(`${name}.${index}.`);
  return { inputIds: ids, attentionMask: mask, labels, classes };
}

/** Parameters of a case, and what they were made of. */
export function loadBart<Model extends Omit<PretrainedModel, "apply">>(name: string, head: BartHead, model: Model) {
  return { model, ...paramsFrom(bartCheckpoint(name, head), model, { key: random.key(0) }) };
}

/** A case that writes texts. */
export function bartWriter(name: string): PretrainedSeq2Seq {
  return fromConfig(describedBarts.cases[name]["seq2seq-lm"].config, { head: "seq2seq-lm" });
}

/** A case that classifies. */
export function bartClassifier(name: string): PretrainedModel {
  return fromConfig(describedBarts.cases[name].classification.config, { head: "classification" });
}
