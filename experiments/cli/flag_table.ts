import { GLUE_TASKS } from "../../lib/data/tasks.ts";
import * as registry from "../../lib/peft/registry.ts";
import { ALL_METHODS, DEFAULT_METHOD, METHODS } from "../recipes/methods.ts";
import { SCALE, SCALES, TASKS } from "../recipes/mod.ts";
import { ABLATION_SIZE, ABLATION_SIZES } from "../studies/ablations/sizes.ts";
import { STUDIES } from "../studies/ablations/studies/mod.ts";
import { LABEL_KINDS } from "../runner/heads/label_set.ts";
import { OPTIMIZERS, SCHEDULES } from "../runner/train/optimizer_names.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";

/** Which model. */
export const MODEL = {
  model: {
    takes: "text",
    value: "DIR|NAME|suite",
    path: "model.name",
    help: "a folder in Hugging Face's layout (config.json, safetensors, a tokenizer's files), or a model of the hub, " +
      "org/name, which is fetched into the cache that Python's libraries use; suite for the small encoder that ships " +
      "with the project; ./my_model.ts for one of your own, as the module exports it",
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
    help: `one of GLUE's: ${
      Object.keys(GLUE_TASKS).join(", ")
    }; ./my_task.ts for one of your own, as the module exports it, which needs no --data`,
  },
  data: {
    takes: "text",
    value: "DIR|suite",
    path: "data.file",
    help:
      "GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; suite for the generated texts that ship with " +
      "the project",
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

const ownRates = registry.METHODS.filter(({ learningRate }) => learningRate)
  .map(({ name, learningRate }) => `, ${learningRate!.toExponential()} for ${name}`).join("");

/** Which method `train` trains. */
export const METHOD = {
  method: {
    takes: "text",
    value: "NAME",
    path: "method.name",
    help:
      `${DEFAULT_METHOD} by default; ./my_method.ts for one of your own, as the module exports it, whose options are ` +
      `flags, too (--method ./my_method.ts --help):\n` +
      registry.METHODS.map(({ name, summary }) => `${name}: ${summary}`).join("\n"),
  },
} as const satisfies FlagTable;

/** What `train` begins from, and how it trains. */
export const TRAINING = {
  "adapter-init": {
    takes: "text",
    value: "DIR",
    path: "adapter",
    help: "begins from an adapter, ours or PEFT's, whose method it is unless --method names another; a head without " +
      "names for another number of classes is left out",
  },
  "fresh-head": {
    takes: "nothing",
    path: "model.freshHead",
    help: "begins with a new head where the model's or the adapter's is for other classes",
  },
  optimizer: {
    takes: "text",
    value: "NAME",
    choices: OPTIMIZERS,
    path: "optimizer.name",
    help: `of ${OPTIMIZERS.join(", ")}; adamw by default`,
  },
  momentum: { takes: "share", value: "X", path: "optimizer.momentum", help: "SGD's, none by default" },
  "learning-rate": {
    takes: "positive",
    value: "X",
    path: "optimizer.learningRate",
    help: `5e-4 by default${ownRates}`,
  },
  schedule: {
    takes: "text",
    value: "NAME",
    choices: SCHEDULES,
    path: "optimizer.schedule",
    help: `of ${SCHEDULES.join(", ")}; linear by default`,
  },
  warmup: {
    takes: "number",
    value: "X",
    path: "optimizer.warmup",
    help: "steps, or a share of them below 1; 0.06 by default, 0 for constant",
  },
  "weight-decay": {
    takes: "number",
    value: "X",
    path: "optimizer.weightDecay",
    help: "AdamW's, 0.01 by default, on all that is trained",
  },
  "no-decay-bias": { takes: "nothing", path: "optimizer.decaysBiases", help: "not on biases and layer norms" },
  clip: {
    takes: "number",
    value: "X",
    path: "optimizer.clip",
    help: "largest norm of the gradients, 1 by default; 0 for none",
  },
  batch: { takes: "integer", value: "N", path: "batchSize", help: "examples of a batch, 16 by default" },
  accumulate: {
    takes: "integer",
    value: "N",
    path: "accumulate",
    help: "batches of a step, 1 by default: its loss is the sum over all of them by their count",
  },
  epochs: {
    takes: "positive",
    value: "X",
    path: "epochs",
    help: "passes over the examples, 3 by default; passes run on into each other",
  },
  steps: { takes: "integer", value: "N", path: "steps", help: "in place of --epochs" },
  ...LENGTH,
  dropout: {
    takes: "share",
    value: "P",
    path: "model.dropout",
    help: "the model's, everywhere; by default its config's rates",
  },
  shuffle: {
    takes: "text",
    value: "false",
    choices: ["true", "false"],
    path: "order",
    help: "takes examples in their order, and ends each pass with a short batch",
  },
  seed: {
    takes: "integer",
    value: "N",
    least: 0,
    path: "seed",
    help: "of head, factors, order and dropout, 0 by default",
  },
} as const satisfies FlagTable;

/** Where what a command runs is written to. */
const WRITE_SPEC = {
  "write-spec": {
    takes: "text",
    value: "FILE",
    help: "writes all runs with all that decides them, as a file that deno task run repeats to the same bits",
  },
} as const satisfies FlagTable;

/** Where `train` writes, and how it goes on. */
export const TRAIN_OUT = {
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "gets the adapter (or, of full, the model), state.safetensors and state.json to go on from, and the run's " +
      "record, runs/HASH.arrow",
  },
  "save-every": {
    takes: "integer",
    value: "N",
    help: "writes the state every N steps, 500 by default; Ctrl-C, SIGTERM, SIGHUP and the end do, too",
  },
  resume: {
    takes: "nothing",
    path: "resume",
    help:
      "goes on from the state in --out, to the same bits, or begins where there is none yet; all other flags must be " +
      "those of then",
  },
  overwrite: {
    takes: "nothing",
    path: "overwrite",
    help: "begins anew where --out holds a run, an adapter or a model, or --log a log, which is refused else",
  },
  log: {
    takes: "text",
    value: "FILE",
    path: "log",
    help:
      "one JSON line a step: step, loss, learningRate, gradNorm, tokens; one that is not there yet begins where a " +
      "run is resumed",
  },
  ...WRITE_SPEC,
} as const satisfies FlagTable;

/** All flags of `train` but those of methods' options. */
export const TRAIN = {
  ...MODEL,
  ...WEIGHTS,
  ...TASK,
  "eval-data": {
    takes: "text",
    value: "FILE",
    path: "data.evalFile",
    help: "with --columns: what the result is scored on",
  },
  ...METHOD,
  ...TRAINING,
  ...TRAIN_OUT,
  ...COMMON,
} as const satisfies FlagTable;

/** What both grids of `reproduce` have. */
const GRID = {
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
      "runs at once, each in a process of its own with its share of the cores, which the table's rates are then of; " +
      "1 by default",
  },
  parquet: { takes: "nothing", help: "writes runs.parquet and curves.parquet, too" },
  force: { takes: "nothing", help: "repeats runs that are recorded" },
  ...WRITE_SPEC,
} as const satisfies FlagTable;

const sizes = (of: "seeds" | "out") => SCALES.map((name) => SCALE[name][of]).join(", ");

/** Flags of `reproduce glue`. */
export const GLUE = {
  scale: {
    takes: "text",
    value: "NAME",
    choices: SCALES,
    help: "default: the suite's tasks and encoder, minutes on a CPU\n" +
      `small: ${SCALE.small.model!.id} on four tasks, hours on a CPU\n` +
      `paper: ${SCALE.paper.model!.id} with the papers' settings, days on a GPU`,
  },
  ...MODEL,
  data: {
    takes: "text",
    value: "DIR|suite",
    path: "data.file",
    help: "GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; small and paper need it",
  },
  tasks: {
    takes: "text",
    value: "a,b|all",
    help: `of ${TASKS.join(", ")}; ./my_task.ts for one of your own, as the module exports it; by default ` +
      `${SCALE.default.tasks.join(",")}, at --scale small ` +
      `${SCALE.small.tasks.join(",")}, at --scale paper all but wnli`,
  },
  methods: {
    takes: "text",
    value: "a,b|all",
    help: `of ${ALL_METHODS.join(", ")}; ./my_method.ts for one of your own, as the module exports it; by default ` +
      METHODS.join(","),
  },
  seeds: { takes: "integer", value: "N", help: `how many seeds, by default ${sizes("seeds")} by scale` },
  "first-seed": { takes: "integer", value: "N", least: 0, help: "the first of them, 0 by default" },
  steps: { takes: "integer", value: "N", path: "steps", help: "optimizer steps of a run, in place of the scale's" },
  "learning-rate": {
    takes: "positive",
    value: "X",
    path: "optimizer.learningRate",
    help: "peak rate of all methods, in place of each one's own: for sweeps",
  },
  "start-step": {
    takes: "text",
    value: "X",
    path: "method.startStep",
    help:
      "Delta-LoRA's K: steps, or below 1 a share of the run; --start-step=-1 for the first step; by default a quarter " +
      "of the run, at --scale paper 2000",
  },
  checkpoint: {
    takes: "text",
    value: "NAME",
    choices: ["last", "best"],
    path: "checkpoint",
    help:
      "last: the last state is scored; best: the best on dev of those at the ends of epochs; best at --scale paper, " +
      "last elsewhere",
  },
  start: {
    takes: "text",
    value: "NAME",
    choices: ["mnli", "model"],
    path: "start",
    help:
      "mnli: mrpc, rte and stsb start from the MNLI run of the same method and seed, which is then run, too; model: " +
      "all runs start from the model; mnli at --scale paper, model elsewhere",
  },
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: `where records and the report go, by default ${sizes("out")}`,
  },
  ...GRID,
  "dry-run": {
    takes: "nothing",
    help: "only prints what would run, its work and its time; needs neither model nor data",
  },
  ...COMMON,
} as const satisfies FlagTable;

const ablationSizes = (of: "seeds" | "manySeeds" | "sweepSeeds" | "out") =>
  ABLATION_SIZES.map((name) => ABLATION_SIZE[name][of]).join(", ");
const USUAL_STUDIES = STUDIES.filter(({ isExtra }) => isExtra).map(({ name }) => name).join(", ");

/** Flags of `reproduce ablations`. */
export const ABLATIONS = {
  scale: {
    takes: "text",
    value: "NAME",
    choices: ABLATION_SIZES,
    help: "default: minutes on two cores; medium: an hour; large: for a GPU",
  },
  only: { takes: "text", value: "a,b|all", help: `of the studies above; all but ${USUAL_STUDIES} by default` },
  tasks: {
    takes: "text",
    value: "a,b|all",
    help: `of ${TASKS.join(", ")};\n` +
      ABLATION_SIZES.map((name) => `${ABLATION_SIZE[name].tasks.join(",")} at ${name}`).join(";\n"),
  },
  seeds: {
    takes: "integer",
    value: "N",
    help: `how many seeds a condition has, by default ${ablationSizes("seeds")} by scale`,
  },
  "many-seeds": {
    takes: "integer",
    value: "N",
    help: `how many the study of seeds has, by default ${ablationSizes("manySeeds")}`,
  },
  "sweep-seeds": {
    takes: "integer",
    value: "N",
    help: `how many the sweep for learning rates has, by default ${ablationSizes("sweepSeeds")}`,
  },
  sweep: {
    takes: "text",
    value: "NAME",
    choices: ["methods", "conditions"],
    help: "methods: conditions have the rate of their method; conditions: a sweep for each condition",
  },
  steps: { takes: "integer", value: "N", path: "steps", help: "optimizer steps of a run, in place of the scale's" },
  ...MODEL,
  data: {
    takes: "text",
    value: "DIR|suite",
    path: "data.file",
    help: "GLUE's own folders in place of the generated suite; --model needs it",
  },
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: `where records and the report go, by default ${ablationSizes("out")}`,
  },
  report: {
    takes: "text",
    value: "FILE",
    help: "writes the report there, and its figures into the folder of that name without its ending",
  },
  ...GRID,
  parallel: {
    takes: "integer",
    value: "N",
    help: "runs at once, each in a process of its own with its share of the cores; by default 1, and for the suite's " +
      "encoder on cores as many as there are, but where studies compare times",
  },
  "dry-run": { takes: "nothing", help: "only prints what would run, and for how long" },
  ...COMMON,
} as const satisfies FlagTable;

/** Flags of `run`. */
export const RUN = {
  set: {
    takes: "texts",
    value: "PATH=VALUE",
    path: "set",
    help:
      "another value at a place of the file's runs, such as method.rank=16 or optimizer.learningRate=1e-3; a list, " +
      "such as method.rank=[2,4], makes an axis of it; out, seeds, inputs.model … are the file's own; may be given " +
      "several times",
  },
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "where records go; the file's, or runs/ and the file's name by default",
  },
  offline: MODEL.offline,
  ...GRID,
  "dry-run": { takes: "nothing", help: "only prints what would run, its work and its time" },
  ...COMMON,
} as const satisfies FlagTable;
