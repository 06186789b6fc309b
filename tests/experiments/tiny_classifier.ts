import { random } from "../../mod.ts";
import { wordPieceJson } from "../../lib/data/mod.ts";
import { saveSafetensors } from "../../lib/io/mod.ts";
import { fromConfig } from "../../lib/models/mod.ts";

/** Words of the tiny classifier's texts. */
export const WORDS: readonly string[] = "a dog cat sings runs sleeps and not never quite old small red green cold"
  .split(" ");

/** Options of {@linkcode writeTinyClassifier}. */
export interface TinyClassifierOptions {
  /** What its `config.json` says beside its sizes: `id2label`, `problem_type` and so on. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Outputs of its head, 0 where it has none; as many as its `id2label` by default, or 2. */
  readonly outputs?: number;
  /** Size of its vocabulary, as `config.json` and its embeddings have it; that of its tokenizer by default. */
  readonly vocabSize?: number;
  /** Pieces of its tokenizer beside the special ones; all words of its texts by default. */
  readonly pieces?: readonly string[];
}

/** Writes a small BERT with random weights that differ enough for its answers to differ, in Hugging Face's layout. */
export async function writeTinyClassifier(folder: string, options: TinyClassifierOptions = {}): Promise<void> {
  const { config: own = {}, pieces = WORDS } = options;
  const vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...pieces];
  const { vocabSize = vocabulary.length, outputs = Object.keys(own.id2label ?? { 0: 0, 1: 1 }).length } = options;
  const config = {
    model_type: "bert",
    vocab_size: vocabSize,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 24,
    initializer_range: 1,
    ...own,
  };
  const { problem_type: _, ...plain } = config as typeof config & { readonly problem_type?: string };
  const model = fromConfig(plain, { head: "classification", labels: Math.max(outputs, 1) });
  const params = model.init(random.key(7));
  const head = new Set(outputs === 0 ? ["classifier.weight", "classifier.bias"] : []);
  await Deno.mkdir(folder, { recursive: true });
  await saveSafetensors(
    `${folder}/model.safetensors`,
    Object.fromEntries(Object.entries(params).filter(([name]) => !head.has(name))),
  );
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(vocabulary)));
}

/** Texts of those words, each another one. */
export function tinyTexts(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      Array.from({ length: 3 + i % 4 }, (_, j) => WORDS[(i * 7 + j * (3 + i % 5) + i * j) % WORDS.length]).join(" "),
  );
}
