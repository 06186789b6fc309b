import { GLUE_TASKS } from "../../lib/data/tasks.ts";
import { TEXT_TASKS } from "../runner/data/text_names.ts";
import { LABEL_KINDS } from "../runner/heads/label_set.ts";
import type { FlagTable } from "../terminal/flag_table.ts";

/** Which model. */
export const MODEL = {
  model: {
    takes: "text",
    value: "DIR|NAME|suite",
    path: "model.name",
    help: "a folder in Hugging Face's layout (config.json, safetensors, a tokenizer's files), or a model of the hub, " +
      "org/name, which is fetched into the cache that Python's libraries use; suite for the small encoder that ships " +
      "with the project, suite-base for that of four layers of 128; ./my_model.ts for one of your own, as the module exports it",
  },
  revision: {
    takes: "text",
    value: "NAME",
    path: "model.revision",
    help: "branch, tag or commit of the hub, main by default",
  },
  offline: { takes: "nothing", help: "uses what is in that cache alone" },
} as const satisfies FlagTable;

/** How a model's weights are kept. */
export const WEIGHTS = {
  weights: {
    takes: "text",
    value: "f32|f16",
    choices: ["f32", "f16"],
    path: "model.weights",
    help: "how matrices and embeddings are kept that nothing trains, f32 by default; f16 takes half the memory, all " +
      "sums are f32; what files have as F32 or BF16 is rounded to it when it is read",
  },
} as const satisfies FlagTable;

/** Which task. */
export const TASK = {
  task: {
    takes: "text",
    value: "NAME",
    path: "task",
    help: `one of GLUE's: ${Object.keys(GLUE_TASKS).join(", ")}; of train also one whose answers are texts: ${
      TEXT_TASKS.join(", ")
    }; ./my_task.ts for one of your own, as the module exports it, which needs no --data`,
  },
  data: {
    takes: "text",
    value: "DIR|suite",
    path: "data.file",
    help:
      "GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; suite for the generated texts that ship with " +
      "the project; of e2e, webnlg and xsum a folder with their releases' files or the hub's; of instructions JSON lines " +
      "with messages, or with prompt and completion",
  },
  columns: {
    takes: "text",
    value: "A,B,C",
    path: "data.columns",
    help:
      "in place of --task: the columns of text, perhaps a second text, and label in a file of your own, TSV or CSV " +
      "with a first line of names, JSON lines (.jsonl) or Parquet, plain or .gz; one shard of several " +
      "(train-00000-of-00002.parquet) stands for all. Labels are what the model's head has. Else they are scores where " +
      "all are numbers and one at least is not whole, or classes, sorted by number or alphabet; 1 and 1.0 are one class",
  },
  kind: {
    takes: "text",
    value: "classes|scores",
    choices: LABEL_KINDS,
    path: "data.labels",
    help: "with --columns: what labels are, whatever they look like; scores for ratings in whole numbers. Without it " +
      "words among numbers, N/A and the like, and more than 20 classes with hardly two rows each are refused",
  },
  classes: {
    takes: "text",
    value: "A,B,…",
    path: "data.classes",
    help:
      "what the head's classes are called in the data, in the head's order, in place of id2label of config.json or " +
      "labels.json",
  },
} as const satisfies FlagTable;

/** The greatest length of an example. */
export const LENGTH = {
  "max-length": {
    takes: "integer",
    value: "N",
    path: "model.length",
    help: "most tokens of an example, 128 by default, or what model and tokenizer allow",
  },
} as const satisfies FlagTable;

/** What a model is adapted with. */
export const ADAPTER = {
  adapter: { takes: "text", value: "DIR", path: "adapter", help: "an adapter in PEFT's format, ours or PEFT's" },
} as const satisfies FlagTable;

/** What happens to a folder that holds something. */
export const OVERWRITE = {
  overwrite: {
    takes: "nothing",
    path: "overwrite",
    help: "writes over a run, an adapter or a model in --out, which is refused else",
  },
} as const satisfies FlagTable;

/** Where what a command runs is written to. */
export const WRITE_SPEC = {
  "write-spec": {
    takes: "text",
    value: "FILE",
    help: "writes all runs with all that decides them, as a file that deno task run repeats to the same bits",
  },
} as const satisfies FlagTable;

/** Where what TensorBoard reads is written to. */
export const TENSORBOARD = {
  tensorboard: {
    takes: "text",
    value: "DIR",
    path: "tensorboard",
    help: "writes each recorded run for TensorBoard into a folder of its own: curves, scores and hyperparameters",
  },
} as const satisfies FlagTable;

/** How experiments judge what they find. */
export const VERDICTS = {
  margin: {
    takes: "positive",
    value: "M",
    help: "points that do not matter, 2 by default: what differs by less is called equivalent",
  },
  until: {
    takes: "positive",
    value: "W",
    help:
      "adds seeds in groups until every 95 % interval of a difference is at most W points wide at two looks in a row, from " +
      "8 pairs to 60, or to --seeds; widths alone decide, and a seed's runs are the same whenever they are added",
  },
  budget: {
    takes: "text",
    value: "30m",
    help: "with --until: no group begins that would end later than so many s, m or h after the first",
  },
} as const satisfies FlagTable;

/** What every command has that runs a grid. */
export const GRID = {
  "save-every": {
    takes: "integer",
    value: "N",
    help:
      "writes the state of a run that is under way into states/ of --out every N steps, 500 by default, and when it " +
      "is interrupted: called again, the command goes on with the run from there",
  },
  parallel: {
    takes: "integer",
    value: "N",
    help:
      "groups of runs at once, each in a process of its own with its share of the cores, which the table's rates are then " +
      "of; by default as many as there are cores where these compute and the model is small, 1 where studies compare " +
      "times",
  },
  cells: {
    takes: "integer",
    value: "N",
    help:
      "most runs that are trained together in one program, which changes no bit of them: those that differ in seeds, data, " +
      "rate, decay and numbers of the method alone, as --dry-run shows; by default 16 of a small model, 1 where studies " +
      "compare times or memory",
  },
  "peft-json": {
    takes: "text",
    value: "DIR",
    help: "writes each run as a file of the JSON that PEFT's method_comparison reads",
  },
  ...TENSORBOARD,
  parquet: { takes: "nothing", help: "writes runs.parquet and curves.parquet, too" },
  force: { takes: "nothing", help: "repeats runs that are recorded" },
  ...WRITE_SPEC,
} as const satisfies FlagTable;
