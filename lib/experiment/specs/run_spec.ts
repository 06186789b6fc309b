/**
 * The version of {@linkcode RunSpec} that this package writes. Records of before versions were counted have none, and
 * are read as version 0.
 */
export const SPEC_VERSION = 1;

/**
 * What a run learns to give for a text: a class, a score, or another text. `language-modelling` goes on from it with a
 * causal model, of which completions alone are learned; `sequence-to-sequence` reads it with an encoder and writes with
 * a decoder.
 */
export type TaskKind = "classification" | "regression" | "language-modelling" | "sequence-to-sequence";

/** Names of the columns that a run reads of files of one's own. */
export interface ColumnsSpec {
  /** Name of the column that holds the text. */
  readonly text: string;
  /** Name of the column that holds the second text, for tasks on pairs. */
  readonly text2?: string;
  /** Name of the column that holds the class or the score. */
  readonly label: string;
}

/** A module of one's own that says what a part of a run is. */
export interface ModuleSpec {
  /** Its path from the working directory. */
  readonly path: string;
  /** Beginning of the sha-256 of its source and of what it imports from files beside it. */
  readonly hash: string;
}

/** The data that a run trains on. */
export interface DataSpec {
  /**
   * The suite that ships with the project, a folder of a task's files, files with columns or a module of one's own, or
   * files of instructions.
   */
  readonly source: "suite" | "folder" | "files" | "module" | "instructions";
  /** Sha-256 of the examples, with the numbers that the head gives their classes. */
  readonly hash: string;
  /** How many examples there are to train on. */
  readonly examples: number;
  /** Which columns are read: with source `files`, and with that alone. */
  readonly columns?: ColumnsSpec;
  /** The module that says what the task is and gives its examples: with source `module`, and with that alone. */
  readonly module?: ModuleSpec;
  /** What labels in columns are, whatever they look like; the labels themselves and the head say it when absent. */
  readonly labels?: "classes" | "scores";
  /** What the head's classes are called in the data, in its order with commas between; its own names when absent. */
  readonly classes?: string;
}

/** The model that a run adapts. */
export interface ModelSpec {
  /** `suite-encoder`, `suite-base-encoder`, a model's name on the hub or its folder's, or one's own as its module has it. */
  readonly name: string;
  /** Branch, tag or commit of the hub; `main` when absent. */
  readonly revision?: string;
  /** Whether it ships with the suite (when absent), lies in a folder the way Hugging Face has it, or is one's own. */
  readonly source?: "pretrained" | "module";
  /** Of "module", and of that alone: what the model is. */
  readonly module?: ModuleSpec;
  /** Sha-256 of its weights, config and tokenizer; of one's own, of what its module reads. */
  readonly hash: string;
  /** Width of its layers. */
  readonly hiddenSize: number;
  /** How many layers it has. */
  readonly layers: number;
  /** Heads of attention in each layer. */
  readonly heads: number;
  /** Width between the two projections of a feed-forward part; 4 · hiddenSize when absent. */
  readonly intermediateSize?: number;
  /** Most tokens that the model has positions for. */
  readonly maxLength: number;
  /** Most tokens of an example; of what an encoder reads, where a decoder writes. */
  readonly length: number;
  /** Most tokens of what a decoder writes about what its encoder reads: with `sequence-to-sequence`, and with that alone. */
  readonly targetLength?: number;
  /** Tokens of its vocabulary. */
  readonly vocabSize: number;
  /** Rate of dropout everywhere, in [0, 1); the model's own when absent, which is none for the suite's encoder. */
  readonly dropout?: number;
  /** How matrices are kept that nothing trains; f32 when absent. */
  readonly weights?: "f16";
  /** Whether the head is drawn by the seed where the model has one that fits, too. */
  readonly freshHead?: true;
}

/** A method by its name, with its options. */
export interface MethodSpec {
  /** The name under which the trainer knows it, such as `delta-lora`. */
  readonly name: string;
  /**
   * Its options, as plain values. Of a method of one's own there are two more: `module`, the path of its module from the
   * working directory, and `source`, a hash of that and of what it imports from beside it.
   */
  readonly [option: string]: string | number | boolean;
}

/** How gradients move a run's parameters. */
export interface OptimizerSpec {
  /** The rule by which gradients move parameters. */
  readonly name: "adamw" | "sgd";
  /** The highest learning rate of the run. */
  readonly learningRate: number;
  /** Share of each parameter, times the rate, that a step takes away, apart from gradients. */
  readonly weightDecay: number;
  /** Whether biases and layer norms decay, too, as they do when it is absent. */
  readonly decaysBiases?: boolean;
  /** What becomes of the rate after its warm-up. */
  readonly schedule: "constant" | "linear" | "cosine";
  /** Steps in which the rate rises from 0. */
  readonly warmup: number;
  /** Greatest norm of all gradients together; no limit when absent. */
  readonly clip?: number;
  /** Share of the last step's velocity that goes on, with `sgd` alone; none when absent. */
  readonly momentum?: number;
  /** AdamW's ε, which is added to what updates are divided by; 1e-8 when absent. */
  readonly epsilon?: number;
}

/** How texts are written that a run is scored by. */
export interface DecodingSpec {
  /** Texts that a search goes on with at once; 1 takes the most likely token each time. */
  readonly beams: number;
  /** What lengths are raised to before they divide log probabilities; 1 when absent. */
  readonly lengthPenalty?: number;
  /** What such a length counts: generated tokens when absent, or prompts, too. */
  readonly penaltyOver?: "sequence";
  /** Whether a search ends as soon as it has as many texts as beams. */
  readonly earlyStopping?: true;
  /** No sequence of so many tokens appears twice; any may when absent. */
  readonly noRepeatNGrams?: number;
  /** Most tokens of a text. */
  readonly maxNewTokens: number;
  /** Fewest tokens of a text; 0 when absent. */
  readonly minNewTokens?: number;
  /** Texts are written about so many sources, the first ones; about all when absent. */
  readonly sources?: number;
}

/** How many late states a score is the mean of, with checkpoint `late`: 3, the last one among them. */
export const LATE_STATES = 3;

/** What a run is, as plain data: everything that its result depends on, but for the machine. */
export interface RunSpec {
  /** The version of this form, {@linkcode SPEC_VERSION}. */
  readonly version: typeof SPEC_VERSION;
  /** The name of what the run is part of. */
  readonly experiment: string;
  /** The data that it trains on. */
  readonly data: DataSpec;
  /** The task's name: one of GLUE's, `columns`, or one's own as its module has it. */
  readonly task: string;
  /** The kind of task that is learned. */
  readonly kind: TaskKind;
  /** The metric that is its score. */
  readonly metric: string;
  /** The examples that are scored; `none` where there are none. Texts may be written about those of `test`. */
  readonly split: "dev" | "test" | "none";
  /**
   * Which state is scored: the last one; of those that are scored on the way the first with the best metric; or `late`,
   * the last {@linkcode LATE_STATES} of those, whose mean is the score.
   */
  readonly checkpoint: "last" | "best" | "late";
  /** Steps between scores on the way, with checkpoint `best` or `late`; the last state is scored, too. */
  readonly evaluateEvery?: number;
  /** The model that it adapts. */
  readonly model: ModelSpec;
  /** The run whose outcome this one starts from: its task, and the hash of its spec. */
  readonly start?: { readonly task: string; readonly run: string };
  /** The adapter that this run starts from: sha-256 of what it holds. */
  readonly adapter?: { readonly hash: string };
  /** The method with its options. */
  readonly method: MethodSpec;
  /** How gradients move the parameters. */
  readonly optimizer: OptimizerSpec;
  /** Share of each target that is spread over all tokens, where texts are learned; none when absent. */
  readonly labelSmoothing?: number;
  /** How texts are written that the run is scored by; it is scored by the likelihood of given ones alone when absent. */
  readonly decoding?: DecodingSpec;
  /** What a regression learns: scores as shares of their range when absent, or as they are. */
  readonly scores?: "raw";
  /** To what batches are padded: to `length` when absent, or each to the shortest of a few lengths that fits. */
  readonly padding?: "bucket";
  /** Order of the examples: shuffled in each pass when absent, or as the file has them, each pass ending by itself. */
  readonly order?: "file";
  /** Updates of the whole run. */
  readonly steps: number;
  /** Passes over the examples that `steps` were counted from, where they were. */
  readonly epochs?: number;
  /** Examples of a batch, which is an update unless several are accumulated. */
  readonly batchSize: number;
  /** Batches of an update; 1 when absent. */
  readonly accumulate?: number;
  /** Examples that are scored at a time; 64 when absent. */
  readonly scoreBatchSize?: number;
  /**
   * Layers whose change is measured at the end of the run ({@linkcode LayerChange}), in the words of the method option
   * `targets`; none when absent.
   */
  readonly changeOf?: string;
  /** Decides all that is drawn at random: heads, factors, order of the examples, dropout. From 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Version of this package. */
  readonly packageVersion: string;
}
