import { equal, type models, type Tensor, tensor } from "../../mod.ts";
import { bertMaskedHead, bertWith } from "../../lib/models/bert.ts";
import type { Head, HeadSite } from "../../lib/models/heads.ts";
import { layersOf } from "../../lib/models/layers.ts";
import { wordPiece } from "../../lib/data/mod.ts";
import type { Encoder } from "./encoder.ts";
import { ANSWERS } from "./probes.ts";
import { Choices } from "./random.ts";
import { suiteVocabulary } from "./vocabulary.ts";

const WORDS = "bert.embeddings.word_embeddings.weight";
const BIAS = "cls.predictions.bias";

type EncoderFiles = Pick<Encoder, "weights" | "head" | "config">;

/** Logits `[B, answers]` of masked tokens' states `[B, C]`, by what is no parameter of the model. */
type FrozenHead = (state: Tensor, site: HeadSite & { readonly epsilon: number }) => Tensor;

/** Rows of a table. */
async function rowsOf(table: Tensor, ids: readonly number[]): Promise<number[][]> {
  const width = table.size / table.shape[0];
  const values = await table.data();
  return ids.map((id) => Array.from(values.subarray(id * width, (id + 1) * width), Number));
}

const asTable = (rows: readonly (readonly number[])[]) => tensor(rows.flat(), { shape: [rows.length, rows[0].length] });

/** The head of pre-training for some tokens of the vocabulary; in files without one, products with their embeddings. */
async function frozenHead({ weights, head, config }: EncoderFiles, ids: readonly number[]): Promise<FrozenHead> {
  const words = await rowsOf(weights[WORDS], ids);
  if (!head) {
    const units = asTable(words.map((row) => row.map((x) => x / Math.hypot(...row))));
    return (state) => state.matmul(units, { transposeB: true });
  }
  const own = { ...head, [WORDS]: asTable(words), [BIAS]: tensor((await rowsOf(head[BIAS], ids)).flat()) };
  const masked = bertMaskedHead("bert", {
    hiddenSize: config.hiddenSize,
    vocabSize: ids.length,
    activation: "gelu",
  });
  return (state, { batch: { positions: _, ...batch }, epsilon, ...site }) =>
    masked.apply(state, { ...site, ...layersOf(own, { epsilon }), batch });
}

/** Hidden states `[B, C]` of the token of each text that `isMask` `[B, T]` says. */
export function maskedState(hidden: Tensor, isMask: Tensor): Tensor {
  return hidden.mul(isMask.astype("f32").reshape([...isMask.shape, 1])).sum({ axis: 1 });
}

/** A network that answers by a frozen head; its parameters are the encoder's. */
export type ReadoutModel = models.Model<unknown, models.MaskedBatch>;

/** Options of what {@linkcode readoutOf} gives. */
export interface ReadoutOptions {
  /** Added to the logit of each answer; nothing by default. */
  readonly bias?: readonly number[];
  /** Rate of dropout everywhere, 0 by default. */
  readonly dropout?: number;
}

/**
 * An encoder with a frozen head in the place of one that is trained: the head that filled masked tokens in pre-training,
 * for the answers alone. What is trained of the encoder, the table of words too, does not change the head.
 */
export async function readoutOf(encoder: EncoderFiles): Promise<(options?: ReadoutOptions) => ReadoutModel> {
  const tokenizer = wordPiece(suiteVocabulary());
  const frozen = await frozenHead(encoder, ANSWERS.map((word) => tokenizer.encode(word).ids[1]));
  return ({ bias, dropout = 0 } = {}) => {
    const own = bias && tensor([...bias]);
    const headOf = ({ layerNormEpsilon: epsilon }: Pick<Required<models.BertConfig>, "layerNormEpsilon">): Head => ({
      shapes: [],
      tokens: "all",
      keys: 0,
      apply(hidden, site) {
        const isMask = equal(site.batch.inputIds, tokenizer.maskId);
        const logits = frozen(maskedState(hidden, isMask), { ...site, epsilon });
        return own ? logits.add(own) : logits;
      },
    });
    return bertWith({ ...encoder.config, dropout }, headOf);
  };
}

/** A number of the standard normal distribution. */
function normal(choices: Choices): number {
  return Math.sqrt(-2 * Math.log(1 - choices.next())) * Math.cos(2 * Math.PI * choices.next());
}

/** A random matrix of a rank, row by row. */
function randomOfRank(rank: number, [m, n]: readonly number[], choices: Choices): Float64Array {
  const r = Math.min(rank, m, n);
  const left = Float64Array.from({ length: m * r }, () => normal(choices));
  const right = Float64Array.from({ length: r * n }, () => normal(choices));
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let k = 0; k < r; k++) {
      for (let j = 0; j < n; j++) product[i * n + j] += left[i * r + k] * right[k * n + j];
    }
  }
  return product;
}

const norm = (values: Iterable<number>) => Math.sqrt(Iterator.from(values).reduce((sum, x) => sum + x * x, 0));

/** A teacher's weights: to each weight of the layers a random matrix of that rank is added, as large as the weight by
 * the norm of Frobenius. */
export async function teacherWeights(
  weights: Encoder["weights"],
  rank: number,
  seed: number,
): Promise<Record<string, Tensor>> {
  const changed: Record<string, Tensor> = { ...weights };
  for (const [name, weight] of Object.entries(weights)) {
    if (weight.rank !== 2 || !name.includes(".layer.")) continue;
    const own = Float64Array.from(await weight.data(), Number);
    const change = randomOfRank(rank, weight.shape, new Choices(seed).fork(`${rank} ${name}`));
    const scale = norm(own) / norm(change);
    changed[name] = tensor(Float32Array.from(own, (x, i) => x + scale * change[i]), { shape: weight.shape });
  }
  return changed;
}
