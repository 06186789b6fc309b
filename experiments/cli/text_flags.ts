import { ALL_METHODS } from "../recipes/methods.ts";
import { TEXT_SCALE, TEXT_SCALES } from "../recipes/texts.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { GRID, MODEL, VERDICTS } from "./flag_table.ts";

const seeds = TEXT_SCALES.map((name) => TEXT_SCALE[name].seeds).join(", ");

/** Flags of `reproduce e2e`, `webnlg` and `xsum`. */
export const TEXT_GRID = {
  scale: {
    takes: "text",
    value: "NAME",
    choices: TEXT_SCALES,
    help: "default: a tiny model on generated texts, minutes on a CPU\n" +
      "paper: GPT-2 Medium, or of xsum BART-Large, with the papers' settings, hours to days on a GPU",
  },
  ...MODEL,
  model: {
    ...MODEL.model,
    value: "DIR|NAME",
    help:
      "a causal model, or an encoder with a decoder: a folder in Hugging Face's layout, or a model of the hub, org/name; " +
      "by default suite-decoder, of xsum suite-encoder-decoder, tiny ones that ship with the project",
  },
  data: {
    takes: "text",
    value: "DIR|suite",
    path: "data.file",
    help:
      "a folder with the task's files as they were released, plain or .gz, or as the hub has them, which paper needs; by " +
      "default the generated texts that ship with the project",
  },
  methods: {
    takes: "text",
    value: "a,b|all",
    help: `of ${ALL_METHODS.join(", ")}; ./my_method.ts for one of your own; by default ` +
      `${TEXT_SCALE.default.methods.join(",")}, at --scale paper ${TEXT_SCALE.paper.methods.join(",")}`,
  },
  seeds: { takes: "integer", value: "N", help: `how many seeds, by default ${seeds} by scale` },
  "first-seed": { takes: "integer", value: "N", least: 0, help: "the first of them, 0 by default" },
  steps: { takes: "integer", value: "N", path: "steps", help: "optimizer steps of a run, in place of the scale's" },
  "learning-rate": {
    takes: "positive",
    value: "X",
    path: "optimizer.learningRate",
    help: "peak rate of all methods, in place of each one's own: for sweeps",
  },
  sources: {
    takes: "integer",
    value: "N",
    path: "decoding.sources",
    help: "texts are written about the first N sources; by default 40, at --scale paper about all",
  },
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "where records, texts and the report go, by default runs/NAME, at --scale paper runs/NAME-paper",
  },
  margin: VERDICTS.margin,
  ...GRID,
  "dry-run": {
    takes: "nothing",
    help: "only prints what would run, its work and its time; needs neither the papers' model nor data",
  },
  ...COMMON,
} as const satisfies FlagTable;
