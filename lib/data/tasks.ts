/** Names of the metrics that GLUE's tasks are scored by: those of the functions in `dd.metrics`. */
export type MetricName = "accuracy" | "f1" | "matthewsCorrelation" | "pearson" | "spearman";

/** Names of GLUE's tasks, the keys of {@linkcode GLUE_TASKS}. */
export type GlueTaskName = "cola" | "sst2" | "mrpc" | "stsb" | "rte" | "qnli" | "qqp" | "mnli" | "wnli";

/** How one task of GLUE lies on disk and how it is scored. */
export interface GlueTask {
  /** The task's key in {@linkcode GLUE_TASKS}. */
  readonly name: GlueTaskName;
  /** The task's folder in GLUE's own layout, which holds `train.tsv` and the dev file. */
  readonly folder: string;
  /** File names, without a possible `.gz`, of both splits; of several the first that is there is read. */
  readonly files: {
    readonly train: readonly string[];
    readonly dev: readonly string[];
    /** A second dev file, of other kinds of text (MNLI). */
    readonly mismatched?: readonly string[];
  };
  /** Names of the text columns in Parquet files, the way Hugging Face's `glue` data set has them. */
  readonly parquet: readonly [text: string, text2?: string];
  /** Number of columns of both splits, and whether the first line names them. */
  readonly columns: { readonly train: number; readonly dev: number; readonly header: boolean };
  /** Column, from 0, of the sentence, or of the first of a pair. */
  readonly text: number;
  /** Column of the second sentence of a pair. */
  readonly text2?: number;
  /** Column of the label; `last` where the splits differ in their number of columns. */
  readonly label: number | "last";
  /** Whether labels are words of classes or scores. */
  readonly kind: "classes" | "regression";
  /** Words of the labels, in the order of their class numbers; empty for a regression. */
  readonly labels: readonly string[];
  /** Names of the classes in Hugging Face's `glue` data set, in the same order, where they are other words. */
  readonly classNames?: readonly string[];
  /** Least and greatest score of a regression. */
  readonly range?: readonly [number, number];
  /** Names of its metrics, all computed on the dev split. */
  readonly metrics: readonly [MetricName, ...MetricName[]];
  /** The metric that a table shows, one of `metrics`. */
  readonly mainMetric: MetricName;
}

const splits = { train: ["train.tsv"], dev: ["dev.tsv"] } as const;
const entailment = ["entailment", "not_entailment"] as const;

/**
 * GLUE's tasks as data: names of folders, columns, words of labels and metrics ([Wang et al.
 * 2019](https://arxiv.org/abs/1804.07461), table 1).
 *
 * Numbers of classes are those of Hugging Face's `glue` data set: "entailment" is 0. The main metrics are those of the
 * papers on LoRA and its kin: Matthews correlation for CoLA, Pearson's for STS-B, accuracy elsewhere.
 */
export const GLUE_TASKS: Readonly<Record<GlueTaskName, GlueTask>> = {
  cola: {
    name: "cola",
    folder: "CoLA",
    files: splits,
    parquet: ["sentence"],
    columns: { train: 4, dev: 4, header: false },
    text: 3,
    label: 1,
    kind: "classes",
    labels: ["0", "1"],
    classNames: ["unacceptable", "acceptable"],
    metrics: ["matthewsCorrelation", "accuracy"],
    mainMetric: "matthewsCorrelation",
  },
  sst2: {
    name: "sst2",
    folder: "SST-2",
    files: splits,
    parquet: ["sentence"],
    columns: { train: 2, dev: 2, header: true },
    text: 0,
    label: 1,
    kind: "classes",
    labels: ["0", "1"],
    classNames: ["negative", "positive"],
    metrics: ["accuracy"],
    mainMetric: "accuracy",
  },
  mrpc: {
    name: "mrpc",
    folder: "MRPC",
    files: splits,
    parquet: ["sentence1", "sentence2"],
    columns: { train: 5, dev: 5, header: true },
    text: 3,
    text2: 4,
    label: 0,
    kind: "classes",
    labels: ["0", "1"],
    classNames: ["not_equivalent", "equivalent"],
    metrics: ["accuracy", "f1"],
    mainMetric: "accuracy",
  },
  stsb: {
    name: "stsb",
    folder: "STS-B",
    files: splits,
    parquet: ["sentence1", "sentence2"],
    columns: { train: 10, dev: 10, header: true },
    text: 7,
    text2: 8,
    label: 9,
    kind: "regression",
    labels: [],
    range: [0, 5],
    metrics: ["pearson", "spearman"],
    mainMetric: "pearson",
  },
  rte: {
    name: "rte",
    folder: "RTE",
    files: splits,
    parquet: ["sentence1", "sentence2"],
    columns: { train: 4, dev: 4, header: true },
    text: 1,
    text2: 2,
    label: 3,
    kind: "classes",
    labels: entailment,
    metrics: ["accuracy"],
    mainMetric: "accuracy",
  },
  qnli: {
    name: "qnli",
    folder: "QNLI",
    files: splits,
    parquet: ["question", "sentence"],
    columns: { train: 4, dev: 4, header: true },
    text: 1,
    text2: 2,
    label: 3,
    kind: "classes",
    labels: entailment,
    metrics: ["accuracy"],
    mainMetric: "accuracy",
  },
  qqp: {
    name: "qqp",
    folder: "QQP",
    files: splits,
    parquet: ["question1", "question2"],
    columns: { train: 6, dev: 6, header: true },
    text: 3,
    text2: 4,
    label: 5,
    kind: "classes",
    labels: ["0", "1"],
    classNames: ["not_duplicate", "duplicate"],
    metrics: ["accuracy", "f1"],
    mainMetric: "accuracy",
  },
  mnli: {
    name: "mnli",
    folder: "MNLI",
    files: { train: ["train.tsv"], dev: ["dev_matched.tsv", "dev.tsv"], mismatched: ["dev_mismatched.tsv"] },
    parquet: ["premise", "hypothesis"],
    columns: { train: 12, dev: 16, header: true },
    text: 8,
    text2: 9,
    label: "last",
    kind: "classes",
    labels: ["entailment", "neutral", "contradiction"],
    metrics: ["accuracy"],
    mainMetric: "accuracy",
  },
  wnli: {
    name: "wnli",
    folder: "WNLI",
    files: splits,
    parquet: ["sentence1", "sentence2"],
    columns: { train: 4, dev: 4, header: true },
    text: 1,
    text2: 2,
    label: 3,
    kind: "classes",
    labels: ["0", "1"],
    classNames: ["not_entailment", "entailment"],
    metrics: ["accuracy"],
    mainMetric: "accuracy",
  },
};

function isGlueTask(name: string): name is GlueTaskName {
  return Object.hasOwn(GLUE_TASKS, name);
}

/**
 * The task of GLUE that has a name, such as `sst2`.
 *
 * Throws a RangeError that lists the names where there is none.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const { folder, mainMetric } = data.glueTask("cola");
 * console.log(folder, mainMetric); // CoLA matthewsCorrelation
 * ```
 */
export function glueTask(name: string): GlueTask {
  if (isGlueTask(name)) return GLUE_TASKS[name];
  throw new RangeError(`Cannot find task "${name}" as GLUE's tasks here are ${Object.keys(GLUE_TASKS).join(", ")}`);
}
