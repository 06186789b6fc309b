import { attention } from "../nn/attention.ts";
import { linear, type Params, tensorOf, weightOf } from "../nn/linear.ts";
import { arange, embedding } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ArchitectureNames, type CommonConfig, type FromConfigOptions, labelsOf } from "./architecture.ts";
import { keyring } from "./assemble.ts";
import type { CausalBatch, Decoded, DecoderCache, PretrainedDecoder, PretrainedDecoderConfig } from "./causal.ts";
import { causalRows, firstTokens, lastTokens } from "./causal_rows.ts";
import { decode, decoderKeys, type DecoderParts, decoderShapes, type Projected } from "./decoder.ts";
import { requireRoom, slotsOf, stepInto } from "./decoder_cache.ts";
import { freshParameters, type ParameterShape } from "./parameter_shapes.ts";

/** What a causal architecture makes of its config. */
export interface DescribedDecoder {
  readonly parts: DecoderParts;
  /** What {@linkcode labelsOf} and errors need to know of the config. */
  readonly common: CommonConfig;
  readonly unused: readonly string[];
}

/** A causal architecture of Hugging Face's. */
export interface DecoderArchitecture extends ArchitectureNames {
  /** What files may hold beside parameters and other heads, by the names after the prefix. */
  readonly beside: readonly RegExp[];
  /** Whether a parameter is a weight that files hold as `[in, out]`. */
  isTransposed(name: string): boolean;
  /** Throws a RangeError that names what it does not support. */
  describe(json: unknown, options: FromConfigOptions): DescribedDecoder;
}

/** The weight of a classifier, and of logits where the embeddings of words are not it. */
const [SCORE, LANGUAGE_HEAD] = ["score", "lm_head"].map((name) => `${name}.weight`);

/** Rows of hidden states `[B, T, C]` by their places in `B · T`: `[M, C]`. */
function rowsAt(hidden: Tensor, places: Tensor): Tensor {
  return embedding(hidden.reshape([-1, hidden.shape[2]]), places);
}

/** Hidden states of each row's last token, `[B, C]`. */
function lastRows(hidden: Tensor, attentionMask: Tensor): Tensor {
  const [B, T] = hidden.shape;
  return rowsAt(hidden, lastTokens(attentionMask).add(arange(B).mul(T)));
}

/** Refuses prompts that no step could go on with: those whose positions are not counted from one text's first token. */
function requirePrompts(name: string, batch: CausalBatch): void {
  const given = (["positionIds", "segmentIds", "positions"] as const).find((key) => batch[key] !== undefined);
  if (given === undefined) return;
  throw new RangeError(
    `${name}: prefill cannot take ${given}: a row is one prompt, whose positions are counted from its first token`,
  );
}

/** A decoder's functions of its parameters. */
function decoderOf(parts: DecoderParts, config: PretrainedDecoderConfig) {
  const { sizes, name } = parts;
  const requirePositions = (T: number) => {
    if (T > sizes.maxLength) {
      throw new RangeError(`${name}: ${T} tokens are more than the model's ${sizes.maxLength} positions`);
    }
  };
  const logitsOf = (params: Params, hidden: Tensor) =>
    config.tiesEmbeddings && !Object.hasOwn(params, LANGUAGE_HEAD)
      ? hidden.matmul(tensorOf(params, parts.words), { transposeB: true })
      : linear(hidden, weightOf(params, LANGUAGE_HEAD));
  /** Hidden states of whole texts; `keep` is shown the keys and values of each layer. */
  function read(params: Params, batch: CausalBatch, { key, keep }: { key?: Key; keep?: (part: Projected) => void }) {
    requirePositions(batch.inputIds.shape[1]);
    const { positions, spans } = causalRows(batch);
    return decode(parts, params, {
      inputIds: batch.inputIds,
      positions,
      attend(projected, _, key) {
        keep?.(projected);
        const { q, k, v } = projected;
        return attention(q, k, v, { spans, dropout: sizes.attentionDropout, key });
      },
      nextKey: keyring(key, decoderKeys(parts)),
      checkpoint: sizes.checkpoint && !keep,
    });
  }
  return {
    apply(params: Params, batch: CausalBatch, key?: Key): Tensor {
      const hidden = read(params, batch, { key });
      if (config.head === "classification") {
        return linear(lastRows(hidden, batch.attentionMask), weightOf(params, SCORE));
      }
      return logitsOf(params, batch.positions ? rowsAt(hidden, batch.positions) : hidden);
    },
    prefill(params: Params, batch: CausalBatch, { capacity }: { readonly capacity: number }): Decoded {
      const T = batch.inputIds.shape[1];
      requirePrompts(name, batch);
      requireRoom(name, T, capacity);
      const kept: Projected[] = [];
      const hidden = read(params, batch, { keep: (part) => kept.push(part) });
      const cache: DecoderCache = {
        ...slotsOf(kept, capacity),
        first: firstTokens(batch.attentionMask),
        length: lastTokens(batch.attentionMask).add(1),
      };
      return { logits: logitsOf(params, lastRows(hidden, batch.attentionMask)), cache };
    },
    step(params: Params, tokens: Tensor, cache: DecoderCache): Decoded {
      const { attend, written } = stepInto(cache);
      const hidden = decode(parts, params, {
        inputIds: tokens.expandDims(1),
        positions: cache.length.sub(cache.first).expandDims(1),
        attend,
        nextKey: () => undefined,
        checkpoint: false,
      });
      return { logits: logitsOf(params, hidden.reshape([tokens.size, -1])), cache: written() };
    },
  };
}

/**
 * The model of a causal architecture and a parsed `config.json`.
 *
 * Throws a RangeError that names what is not supported.
 */
export function makeDecoder(
  architecture: DecoderArchitecture,
  json: unknown,
  options: FromConfigOptions,
): PretrainedDecoder {
  const { modelType, prefix, classPrefix, loraTargets, beside, isTransposed } = architecture;
  const { parts, common, unused } = architecture.describe(json, options);
  const { hiddenSize: C, vocabSize, initializerRange: std } = parts.sizes;
  const tiesEmbeddings = common.tie_word_embeddings;
  const config: PretrainedDecoderConfig = {
    ...parts.sizes,
    architecture: modelType,
    head: options.head,
    ...labelsOf(common, options),
    classifierDropout: 0,
    tiesEmbeddings,
    unusedKeys: unused,
  };
  const head: ParameterShape[] = options.head === "classification"
    ? [[SCORE, [config.labels, C]]]
    : tiesEmbeddings
    ? []
    : [[LANGUAGE_HEAD, [vocabSize, C]]];
  const shapes = [...decoderShapes(parts), ...head];
  return {
    config,
    shapes,
    init: (key, only) => freshParameters(shapes, key, { std, only }),
    ...decoderOf(parts, config),
    prefix,
    classPrefix,
    loraTargets,
    headNames: head.map(([name]) => name),
    transposed: shapes.map(([name]) => name).filter(isTransposed),
    beside,
  };
}
