import type { Example, GlueData } from "./glue.ts";
import { shown } from "./table/cells.ts";
import type { TokenIds, Tokenizer } from "./tokenizer/tokenizer.ts";

/** An example as token ids, not padded. */
export interface EncodedExample {
  /** Token ids, special tokens included. */
  readonly ids: readonly number[];
  /** 0 in the first text, 1 in the second; as long as `ids`. */
  readonly typeIds: readonly number[];
  /** Class number, or the raw score of a regression. */
  readonly label: number;
}

/** A task's examples, tokenised once each, and the length that all of them fit in. */
export interface EncodedTask {
  /** Decides the type of labels: i32 class numbers or f32 scores. */
  readonly kind: "classes" | "regression";
  /** In the order of the file. */
  readonly train: readonly EncodedExample[];
  /** In the order of the file. */
  readonly dev: readonly EncodedExample[];
  /** Greatest T of a batch: tokens of the longest example of both splits, rounded up to a multiple of 8, ≤ maxLength. */
  readonly length: number;
  /** Id that stands behind the end of short examples. */
  readonly padId: number;
}

/** Options of {@linkcode encodeTask}. */
export interface EncodeTaskOptions {
  /** Most tokens of an example, special tokens included; longer ones are cut. 128 by default. */
  readonly maxLength?: number;
  /**
   * Tokenises each example when a batch first asks for it, so that training begins at once and goes on with the device
   * at work meanwhile; false by default. The task's length is then `maxLength`: pad batches to buckets.
   */
  readonly isLazy?: boolean;
}

/** An example that is tokenised when it is first asked for. */
class LazyExample implements EncodedExample {
  #tokens: TokenIds | undefined;

  constructor(readonly label: number, readonly encode: () => TokenIds) {}

  get ids(): readonly number[] {
    return (this.#tokens ??= this.encode()).ids;
  }

  get typeIds(): readonly number[] {
    return (this.#tokens ??= this.encode()).typeIds;
  }
}

/** Throws a RangeError where a label is none: batches of whole numbers would take NaN, null and 0.5 for class 0. */
function requireLabel(label: unknown, kind: EncodedTask["kind"], where: string): void {
  const isLabel = kind === "classes"
    ? Number.isInteger(label) && Math.abs(Number(label)) < 2 ** 31
    : Number.isFinite(label);
  if (isLabel) return;
  const wanted = kind === "classes" ? "the number of a class" : "a finite number";
  throw new RangeError(`Cannot encode ${where} as its label ${shown(label)} must be ${wanted}`);
}

/**
 * Tokenises both splits of a task once.
 *
 * Throws a RangeError that names the example, from 0, whose label is no whole number of classes, no finite one of a
 * regression.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const rows = "sentence\tlabel\ngood\t1\nbad film\t0\n";
 * const sst2 = await data.readGlueFiles(new Map([["SST-2/train.tsv", rows], ["SST-2/dev.tsv", rows]]), "sst2");
 * const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"];
 * const task = data.encodeTask(sst2, data.wordPiece(pieces));
 * const [batch] = data.evalBatches(task, { batchSize: 2 });
 * console.assert(batch.shape.join() === "2,8");
 * ```
 */
export function encodeTask(
  data: Pick<GlueData, "train" | "dev"> & { readonly task: Pick<GlueData["task"], "kind"> },
  tokenizer: Tokenizer,
  options: EncodeTaskOptions = {},
): EncodedTask {
  const { maxLength = 128, isLazy = false } = options;
  const tokens = ({ text, text2 }: Example) => tokenizer.encode(text, text2, { maxLength });
  const encode = (split: string) => (example: Example, i: number): EncodedExample => {
    const { label } = example;
    requireLabel(label, data.task.kind, `example ${i} of ${split}`);
    return isLazy ? new LazyExample(label, () => tokens(example)) : { ...tokens(example), label };
  };
  const train = data.train.map(encode("train"));
  const dev = data.dev.map(encode("dev"));
  if (isLazy) return { kind: data.task.kind, train, dev, length: maxLength, padId: tokenizer.padId };
  let longest = 1;
  for (const split of [train, dev]) for (const { ids } of split) longest = Math.max(longest, ids.length);
  const length = Math.min(Math.ceil(longest / 8) * 8, maxLength);
  return { kind: data.task.kind, train, dev, length, padId: tokenizer.padId };
}
