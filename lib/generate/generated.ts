import { plural } from "../text/plural.ts";

/** A text that was generated. */
export interface Generated {
  /** Its tokens, with the one that ended it, without the prompt. */
  readonly tokens: readonly number[];
  /** What ended it: one of `endTokens`, or its greatest length. */
  readonly ending: "token" | "length";
  /** Of a beam search: its log probability over its length to the power of the length penalty. */
  readonly score?: number;
}

/** Some rows of a batch had logits of which one was NaN. */
export class GenerationFailed extends Error {
  /** The texts of the other prompts; those of a prompt that failed are not there. */
  readonly texts: readonly (readonly Generated[] | undefined)[];
  /** The prompts that failed. */
  readonly rows: readonly number[];

  /** Names the prompts that have no texts. */
  constructor(texts: readonly (readonly Generated[] | undefined)[]) {
    const rows = [...texts.keys()].filter((row) => texts[row] === undefined);
    super(
      `generate: logits of ${plural(rows.length, "prompt")} are NaN, so that nothing follows: ${
        rows.map((row) => `prompt ${row}`).join(", ")
      }; the parameters or the adapter may hold NaN`,
    );
    this.name = "GenerationFailed";
    this.texts = texts;
    this.rows = rows;
  }
}
