import { jit, type Params, train } from "../../../mod.ts";
import { batches, encode, type Example, type Tokenizer, wordPiece } from "../../../lib/data/mod.ts";
import type { Encoder } from "../../suite/encoder.ts";
import { SUITE_SEED, suiteVocabulary } from "../../suite/mod.ts";
import { formatAnswers, type Readouts } from "../../suite/probe_data.ts";
import { ANSWERS, maskedTexts, PROBES, rankOf, recallPairs } from "../../suite/probes.ts";
import { readoutOf, teacherWeights } from "../../suite/readout.ts";

/** Texts that a teacher answers at a time. */
const BATCH = 64;

/** Logits of texts, row by row. */
async function logitsOf(
  examples: readonly Example[],
  tokenizer: Tokenizer,
  apply: (batch: ReturnType<typeof train.toBatch>) => Promise<number[]>,
): Promise<number[][]> {
  const rows: number[][] = [];
  for (const batch of batches(encode(examples, tokenizer, { maxLength: 64 }), { batchSize: BATCH })) {
    const logits = await apply(train.toBatch(batch));
    batch.weights.forEach((weight, row) => {
      if (weight > 0) rows.push(logits.slice(row * ANSWERS.length, (row + 1) * ANSWERS.length));
    });
  }
  return rows;
}

/**
 * What is read off an encoder in each probe. Biases take each answer's mean logit away, the teacher's where there is one:
 * without them one answer would be right for most texts. Teachers answer by the greatest logit.
 */
export async function readoutsFor(encoder: Encoder): Promise<Readouts> {
  const tokenizer = wordPiece(suiteVocabulary());
  const model = (await readoutOf(encoder))();
  const logits = jit((params: Params, batch: ReturnType<typeof train.toBatch>) => model.apply(params, batch));
  const { train: taught, dev } = maskedTexts(SUITE_SEED);
  const texts = [...dev, ...taught].map((text) => ({ text, label: 0 }));
  const probes: Readouts["probes"] = {};
  for (const name of PROBES) {
    const rank = rankOf(name);
    const weights = rank === undefined ? encoder.weights : await teacherWeights(encoder.weights, rank, SUITE_SEED);
    const asked = rank === undefined ? recallPairs(SUITE_SEED) : texts;
    const rows = await logitsOf(
      asked,
      tokenizer,
      async (batch) => Array.from(await (await logits(weights, batch)).data()),
    );
    const bias = ANSWERS.map((_, i) => -rows.reduce((sum, row) => sum + row[i], 0) / rows.length)
      .map((x) => Number(x.toFixed(4)));
    const answers = rows.map((row) => {
      const own = row.map((x, i) => x + bias[i]);
      return own.indexOf(Math.max(...own));
    });
    probes[name] = { bias, ...rank !== undefined && { answers: formatAnswers(answers) } };
  }
  logits.dispose();
  return { encoder: encoder.hash, probes };
}
