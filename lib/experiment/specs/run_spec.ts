/** The version of {@linkcode RunSpec}; records of before it was counted have none, and are read as version 0. */
export const SPEC_VERSION = 1;

/** What a run learns to give for a text; {@linkcode parseSpec} refuses those that no trainer is there for yet. */
export type TaskKind = "classification" | "regression" | "language-modelling" | "sequence-to-sequence";

/** Columns of files of one's own. */
export interface ColumnsSpec {
  /** Name of the column that holds the text. */
  readonly text: string;
  /** Of a second text, for tasks on pairs. */
  readonly text2?: string;
  /** Of the class or score. */
  readonly label: string;
}

/** On what a run trains. */
export interface DataSpec {
  /** The suite that ships with the project, a folder of GLUE's files, or files with columns of one's own. */
  readonly source: "suite" | "folder" | "files";
  /** Sha-256 of the examples, with the numbers that the head gives their classes. */
  readonly hash: string;
  /** How many there are to train on. */
  readonly examples: number;
  /** Of "files", and of these alone. */
  readonly columns?: ColumnsSpec;
  /** What labels in columns are, whatever they look like; the labels themselves and the head say it when absent. */
  readonly labels?: "classes" | "scores";
  /** What the head's classes are called in the data, in its order with commas between; its own names when absent. */
  readonly classes?: string;
}

/** What a run adapts. */
export interface ModelSpec {
  /** `suite-encoder`, or a model's name on the hub or its folder's. */
  readonly name: string;
  /** Branch, tag or commit of the hub; `main` when absent. */
  readonly revision?: string;
  /** Whether it ships with the suite (when absent), or lies in a folder the way Hugging Face has it. */
  readonly source?: "pretrained";
  /** Sha-256 of its weights. */
  readonly hash: string;
  /** Width of its layers. */
  readonly hiddenSize: number;
  /** How many layers it has. */
  readonly layers: number;
  /** Heads of attention in each layer. */
  readonly heads: number;
  /** Width between the two projections of a feed-forward part; 4 · hiddenSize when absent. */
  readonly intermediateSize?: number;
  /** Positions that it has. */
  readonly maxLength: number;
  /** Most tokens of an example. */
  readonly length: number;
  /** Tokens that it knows. */
  readonly vocabSize: number;
  /** Rate of dropout everywhere; the model's own when absent, which the suite's encoder has not. */
  readonly dropout?: number;
  /** How matrices are kept that nothing trains; f32 when absent. */
  readonly weights?: "f16";
  /** Whether the head is drawn by the seed where the model has one that fits, too. */
  readonly freshHead?: true;
}

/** A method by its name, with its options. */
export interface MethodSpec {
  /** Under which the trainer knows it. */
  readonly name: string;
  /**
   * Its options, as plain values. Of a method of one's own there are two more: `module`, the path of its module from the
   * working directory, and `source`, a hash of that and of what it imports from beside it.
   */
  readonly [option: string]: string | number | boolean;
}

/** How a run's parameters are moved. */
export interface OptimizerSpec {
  /** The rule. */
  readonly name: "adamw" | "sgd";
  /** Its highest rate. */
  readonly learningRate: number;
  /** Decay of weights, decoupled from gradients. */
  readonly weightDecay: number;
  /** Whether biases and layer norms decay, too, as they do when it is absent. */
  readonly decaysBiases?: boolean;
  /** What becomes of the rate after its warm-up. */
  readonly schedule: "constant" | "linear" | "cosine";
  /** Steps in which the rate rises from 0. */
  readonly warmup: number;
  /** Largest norm of all gradients together; no limit when absent. */
  readonly clip?: number;
  /** Of "sgd"; none when absent. */
  readonly momentum?: number;
}

/** What a run is, as plain data: everything that its result depends on, but for the machine. */
export interface RunSpec {
  /** Of this form: {@linkcode SPEC_VERSION}. */
  readonly version: typeof SPEC_VERSION;
  /** What the run is part of. */
  readonly experiment: string;
  /** On what it trains. */
  readonly data: DataSpec;
  /** The task's name: one of GLUE's, or `columns`. */
  readonly task: string;
  /** What is learned. */
  readonly kind: TaskKind;
  /** The metric that is its score. */
  readonly metric: string;
  /** The examples that are scored; "none" where there are none. */
  readonly split: "dev" | "none";
  /** Which state is scored: the last one, or of those that are scored on the way the first with the best metric. */
  readonly checkpoint: "last" | "best";
  /** Steps between scores on the way, with "best"; the last state is scored, too. */
  readonly evaluateEvery?: number;
  /** What it adapts. */
  readonly model: ModelSpec;
  /** The run whose outcome this one starts from: its task, and the hash of its spec. */
  readonly start?: { readonly task: string; readonly run: string };
  /** The adapter that this run starts from: sha-256 of what it holds. */
  readonly adapter?: { readonly hash: string };
  /** The method with its options. */
  readonly method: MethodSpec;
  /** How parameters are moved. */
  readonly optimizer: OptimizerSpec;
  /** What a regression learns: scores as shares of their range when absent, or as they are. */
  readonly scores?: "raw";
  /** To what batches are padded: to `length` when absent, or each to the shortest of a few lengths that fits. */
  readonly padding?: "bucket";
  /** Order of the examples: shuffled in each pass when absent, or as the file has them, each pass ending by itself. */
  readonly order?: "file";
  /** Updates. */
  readonly steps: number;
  /** Passes over the examples that `steps` were counted from, where they were. */
  readonly epochs?: number;
  /** Examples of a batch, which is an update unless several are accumulated. */
  readonly batchSize: number;
  /** Batches of an update; 1 when absent. */
  readonly accumulate?: number;
  /** Examples that are scored at a time; 64 when absent. */
  readonly scoreBatchSize?: number;
  /** Decides all that is drawn at random: heads, factors, order of the examples, dropout. From 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Version of this package. */
  readonly packageVersion: string;
}
