import { evaluate, generate, type Params, type peft, train } from "../../../mod.ts";
import { treeLeaves } from "../../../lib/tensor/mod.ts";
import type { TextRunTask, WrittenSources } from "../data/encode_texts.ts";
import { scoreTexts } from "../data/text_metrics.ts";
import type { Score } from "./score.ts";

/** Sources that texts are written about at a time; a text depends on nothing beside it. */
const BATCH = 16;

/** What writes texts, and what hears of it. */
export interface WriteTextsOptions {
  readonly generator: generate.TokenGenerator;
  readonly signal?: AbortSignal;
  /** Hears how many texts are there of how many. */
  readonly onTexts?: (done: number, all: number) => void;
}

/**
 * Texts about sources, in their order. Sources of about one length are written about together.
 *
 * Rejects with `TrainingFailed` where logits are NaN, and with the signal's reason where it is aborted.
 */
export async function writeTexts(
  params: Params,
  { prompts, decode }: WrittenSources,
  { generator, signal, onTexts }: WriteTextsOptions,
): Promise<string[]> {
  const texts: string[] = new Array(prompts.length);
  const order = [...prompts.keys()].sort((a, b) => prompts[a].length - prompts[b].length);
  for (let start = 0; start < order.length; start += BATCH) {
    signal?.throwIfAborted();
    const places = order.slice(start, start + BATCH);
    try {
      const written = await generator.generate(params, places.map((place) => prompts[place]));
      for (const [i, [best]] of written.entries()) texts[places[i]] = decode(best.tokens);
    } catch (error) {
      if (!(error instanceof generate.GenerationFailed)) throw error;
      throw new train.TrainingFailed(
        `logits are NaN where it writes about source ${
          places[error.rows[0]]
        }: a lower learning rate or clipping may help`,
      );
    }
    onTexts?.(start + places.length, prompts.length);
  }
  return texts;
}

/** What the texts are worth that a state writes. Rejects as {@linkcode writeTexts}. */
export async function writtenScore(
  method: peft.Method,
  { base, trainable, aux }: peft.MethodState,
  { task, written }: TextRunTask,
  options: WriteTextsOptions,
): Promise<Score> {
  if (!written) throw new TypeError("internal: no text is to be written");
  const params = await evaluate(method.adapt(base, trainable, aux));
  try {
    const texts = await writeTexts(params, written, options);
    const { metrics, rows } = scoreTexts(texts, written.groups, task.metrics);
    return { examples: rows.length, metrics, logits: [], texts: rows };
  } finally {
    const kept = new Set(treeLeaves([base, trainable, aux]));
    for (const leaf of treeLeaves(params)) if (!kept.has(leaf)) leaf.dispose();
  }
}
