import { argmax, generate, nn, type Params, stack, sum, type Tensor, type train } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { TextKind } from "../data/text_names.ts";
import type { RunModel } from "../model/run_model.ts";
import type { RunWriter } from "../model/text_writer.ts";
import type { Learner, StepBatch, StepSpec } from "./prepare.ts";

/** A task whose answers are texts, as far as a plan needs it. */
export interface PreparedTexts {
  readonly kind: TextKind;
}

function writerOf(writer: RunModel["writer"], dropout: number | undefined): RunWriter {
  if (!writer) throw new TypeError("internal: texts are asked of a model that writes none");
  return writer({ dropout });
}

/** Logits of a batch's texts, with the labels that they are held to. */
function logitsOf(writer: RunWriter, params: Params, batch: StepBatch, key?: Parameters<Learner["loss"]>[2]) {
  if (writer.kind === "sequence-to-sequence") {
    if ("decoderInputIds" in batch) return { logits: writer.model.apply(params, batch, key), labels: batch.labels };
  } else if ("positionIds" in batch) {
    return { logits: writer.model.apply(params, batch, key), labels: batch.labels };
  }
  throw new TypeError(`internal: a batch of another kind is given to a model of ${writer.kind}`);
}

/**
 * What a model learns that writes texts: the cross-entropy of the tokens that have labels. A batch is scored by three
 * numbers, f32 `[3]`: the sum of its tokens' negative log-likelihoods without smoothing, how many tokens there are, and
 * how many of them the model holds for the most likely ones.
 */
export function textLearner({ labelSmoothing, model: { dropout } }: StepSpec, source: RunModel["writer"]): Learner {
  const writer = writerOf(source, dropout);
  return {
    loss(params, batch, key) {
      const { logits, labels } = logitsOf(writer, params, batch, key);
      return nn.crossEntropy(logits, labels, { labelSmoothing });
    },
    answers(params, batch): Tensor {
      const { logits, labels } = logitsOf(writer, params, batch);
      const term = nn.crossEntropy(logits, labels);
      const right = sum(argmax(logits).equal(labels).astype("f32"));
      return stack([term.sum, term.count, right]);
    },
    params: () => ({ ...writer.params() }),
    fresh: [],
  };
}

/** How a spec's texts are written, as `makeGenerator` takes it. */
export function generateOptions(
  { beams, lengthPenalty, penaltyOver, earlyStopping, sources: _, ...limits }: NonNullable<RunSpec["decoding"]>,
  { endTokens, forced }: Pick<RunWriter, "endTokens" | "forced">,
): generate.GenerateOptions {
  const beamSearch = beams > 1 ? { beams, lengthPenalty, penaltyOver, earlyStopping } : undefined;
  return { endTokens, ...forced, ...limits, beamSearch };
}

/** What writes the texts that runs of a spec are scored by. */
export function generatorOf(spec: RunSpec, source: RunModel["writer"]): generate.TokenGenerator {
  if (!spec.decoding) throw new TypeError("internal: texts are asked of a run that writes none");
  const writer = writerOf(source, spec.model.dropout);
  const options = generateOptions(spec.decoding, writer);
  return writer.kind === "language-modelling"
    ? generate.makeGenerator(writer.model, options)
    : generate.makeGenerator(writer.model, options);
}

/** A batch's texts as tensors, for one run. */
export type TextTensors = train.TextBatch | train.PairBatch;
