import * as registry from "../../lib/peft/registry.ts";
import { DEFAULT_METHOD } from "../recipes/methods.ts";
import { OPTIMIZERS, SCHEDULES } from "../runner/train/optimizer_names.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { LENGTH, MODEL, TASK, TENSORBOARD, WEIGHTS, WRITE_SPEC } from "./flag_table.ts";

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

/** What is of tasks whose answers are texts alone. */
export const TEXTS = {
  "label-smoothing": {
    takes: "share",
    value: "E",
    path: "labelSmoothing",
    help: "share of each target that is spread over all tokens, none by default",
  },
  "target-length": {
    takes: "integer",
    value: "N",
    path: "model.targetLength",
    help: "most tokens of what a decoder writes about what its encoder reads, 64 by default",
  },
  epsilon: { takes: "positive", value: "X", path: "optimizer.epsilon", help: "AdamW's, 1e-8 by default" },
  "no-texts": {
    takes: "nothing",
    help: "scores the likelihood of the given texts alone, and writes none; with instructions that is so by default",
  },
  beams: {
    takes: "integer",
    value: "N",
    path: "decoding.beams",
    help:
      "beams of the search that writes texts in the end, 1 for the most likely tokens; by default the papers', 10 for " +
      "e2e and webnlg, 8 for xsum",
  },
  "length-penalty": {
    takes: "number",
    value: "X",
    path: "decoding.lengthPenalty",
    help: "of that search, by default the papers'",
  },
  "max-new-tokens": {
    takes: "integer",
    value: "N",
    path: "decoding.maxNewTokens",
    help: "most tokens of a written text, 64 by default",
  },
  sources: {
    takes: "integer",
    value: "N",
    path: "decoding.sources",
    help: "texts are written about the first N sources, by default about all of the test split, or of the dev split",
  },
} as const satisfies FlagTable;

/** Where `train` writes, and how it goes on. */
export const TRAIN_OUT = {
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "gets the adapter (or, of full, the model), state.safetensors and state.json to go on from, the run's " +
      "record, runs/HASH.arrow, and predictions.jsonl where it writes texts",
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
  ...TENSORBOARD,
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
    help: "with --columns or instructions: what the result is scored on",
  },
  ...METHOD,
  ...TRAINING,
  ...TEXTS,
  ...TRAIN_OUT,
  ...COMMON,
} as const satisfies FlagTable;
