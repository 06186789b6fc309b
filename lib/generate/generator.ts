import type { CachedDecoder, DecoderCache } from "../models/causal.ts";
import type { Params } from "../nn/linear.ts";
import { NO_TOKEN, tokenPrograms } from "./choose_tokens.ts";
import { type Generated, GenerationFailed } from "./generated.ts";
import { checkOptions, type GenerateOptions } from "./options.ts";
import { type GenerationInput, layOut, type Prompts } from "./prompts.ts";
import { beamPrograms } from "./search_beams.ts";

/** Options of {@linkcode TokenGenerator.generate}. */
export interface GeneratePromptsOptions {
  /**
   * Number of the first prompt, 0 by default, where they are a part of more: prompts draw by their numbers, so that those
   * of several batches do not draw alike, and one alone draws as it does among others.
   */
  readonly firstNumber?: number;
}

/** What generates texts with a model, in one way. */
export interface TokenGenerator {
  /**
   * Generates texts that go on from prompts, token ids of which each has one at least: for each prompt one text, or as
   * many as the options say, the best first. Prompts of one batch have no influence on each other.
   *
   * Rejects with a RangeError that names the prompt where one is empty, longer than the model's positions, or leaves no
   * room for the text; and with a {@linkcode GenerationFailed} that has the other texts where logits are NaN.
   */
  generate(
    params: Params,
    prompts: readonly (readonly number[])[],
    options?: GeneratePromptsOptions,
  ): Promise<(readonly Generated[])[]>;
  /**
   * Generates one text and gives its tokens as they come, with the one that ends it. What a loop leaves is not computed.
   *
   * Rejects as `generate` does, and with a RangeError where several texts are compared, which are known in the end alone.
   */
  stream(params: Params, prompt: readonly number[]): AsyncGenerator<number, void, void>;
  /** Gives back the memory of the compiled programs. */
  dispose(): void;
}

/** A text on its way. */
interface Row {
  readonly tokens: number[];
  readonly most: number;
  ending?: Generated["ending"] | "NaN";
}

/** Adds a token to a text, unless it has ended. */
function addToken(row: Row, token: number, endTokens: readonly number[]): void {
  if (row.ending) return;
  if (token === NO_TOKEN) {
    row.ending = "NaN";
    return;
  }
  row.tokens.push(token);
  if (endTokens.includes(token)) row.ending = "token";
  else if (row.tokens.length >= row.most) row.ending = "length";
}

/** Texts by prompt; `undefined` for a prompt of which one failed. */
function textsOf(rows: readonly Row[], times: number): (readonly Generated[] | undefined)[] {
  return Array.from({ length: rows.length / times }, (_, b) => {
    const texts = rows.slice(b * times, (b + 1) * times).flatMap(({ tokens, ending }): Generated[] =>
      ending === undefined || ending === "NaN" ? [] : [{ tokens, ending }]
    );
    return texts.length === times ? texts : undefined;
  });
}

function requireAll(texts: readonly (readonly Generated[] | undefined)[]): (readonly Generated[])[] {
  const whole = texts.filter((row) => row !== undefined);
  if (whole.length < texts.length) throw new GenerationFailed(texts);
  return whole;
}

/**
 * What generates texts with a model: the most likely token after the other by default, tokens that are drawn, or a beam
 * search. The cache stays on the device; a token of all rows is one submission, of which tokens, or the candidates of a
 * search, are read. Texts are those of `generate` of transformers with the same settings. Programs are compiled when
 * they are first needed, and for few numbers of tokens, so keep what this gives for many prompts.
 *
 * Throws a RangeError that says what is wrong with the options.
 *
 * @param model What reads prompts and tokens, such as a causal model that `models.fromConfig` gives.
 * @param options How texts are generated, and when they end.
 * @returns Functions of parameters, with an adapter or without, and prompts.
 *
 * @see [GenerationConfig](https://huggingface.co/docs/transformers/main_classes/text_generation)
 *
 * @example A model whose next token is one more than its last
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const after = (last: dd.Tensor) => dd.oneHot(last.add(1), 8);
 * const counter: dd.models.CachedDecoder<dd.generate.GenerationInput> = {
 *   config: { vocabSize: 8, maxLength: 16 },
 *   prefill(_, { decoderInputIds: ids, decoderAttentionMask: mask }) {
 *     const [rows, slots] = ids.shape;
 *     const last = ids.slice({ start: [0, slots - 1], size: [rows, 1] }).reshape([rows]);
 *     const length = dd.full([rows], slots, { dtype: "i32" });
 *     return { logits: after(last), cache: { keys: [], values: [], first: length.sub(mask.sum({ axis: 1 })), length } };
 *   },
 *   step: (_, tokens, { first, length }) => ({
 *     logits: after(tokens),
 *     cache: { keys: [], values: [], first, length: length.add(1) },
 *   }),
 * };
 * const generator = dd.generate.makeGenerator(counter, { endTokens: 6, maxNewTokens: 5 });
 * const [[first], [second]] = await generator.generate({}, [[1], [0, 4]]);
 * console.log(first.tokens, second.tokens); // [2, 3, 4, 5, 6] [5, 6]
 * generator.dispose();
 * ```
 */
export function makeGenerator<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  options: GenerateOptions,
): TokenGenerator {
  const settings = checkOptions(options, model.config);
  const { endTokens, beamSearch } = settings;
  const programs = tokenPrograms(model, settings);
  const search = beamSearch && beamPrograms(model, { ...settings, beamSearch });
  const times = settings.sampling?.texts ?? 1;

  async function generateRows(params: Params, prompts: Prompts) {
    const rows = prompts.most.flatMap((most) => Array.from({ length: times }, (): Row => ({ tokens: [], most })));
    for await (const tokens of programs.tokens(params, prompts)) {
      rows.forEach((row, i) => addToken(row, tokens[i], endTokens));
      if (rows.every(({ ending }) => ending)) break;
    }
    return textsOf(rows, times);
  }

  return {
    async generate(params, prompts, { firstNumber } = {}) {
      const laidOut = layOut(prompts, settings, model.config, firstNumber);
      if (!search) return requireAll(await generateRows(params, laidOut));
      const searches = await search.search(params, laidOut);
      return requireAll(searches.map((one) =>
        one?.finished.slice(0, one.settings.best).map(({ tokens, score }) => ({
          tokens,
          score,
          ending: endTokens.includes(tokens[tokens.length - 1]) ? "token" : "length",
        }))
      ));
    },
    async *stream(params, prompt) {
      if (search || times > 1) {
        throw new RangeError(
          "generate: a stream is of one text: neither a beam search nor several texts can be streamed",
        );
      }
      const laidOut = layOut([prompt], settings, model.config);
      const row: Row = { tokens: [], most: laidOut.most[0] };
      for await (const [token] of programs.tokens(params, laidOut)) {
        addToken(row, token, endTokens);
        if (row.ending === "NaN") throw new GenerationFailed([undefined]);
        yield token;
        if (row.ending) return;
      }
    },
    dispose() {
      programs.dispose();
      search?.dispose();
    },
  };
}
