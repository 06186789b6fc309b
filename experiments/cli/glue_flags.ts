import { ALL_METHODS, METHODS } from "../recipes/methods.ts";
import { SCALE, SCALES, TASKS } from "../recipes/mod.ts";
import { PROBES } from "../suite/probes.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { GRID, MODEL, VERDICTS } from "./flag_table.ts";

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
    value: "DIR|suite|suite:N",
    path: "data.file",
    help:
      "GLUE's own folders (CoLA/train.tsv, plain or .gz …) or Parquet; small and paper need it; suite:N for the generated " +
      "texts with N dev examples of each task in place of 400, which takes off the spread of scores",
  },
  tasks: {
    takes: "text",
    value: "a,b|all",
    help:
      `of ${TASKS.join(", ")}, which are all, and of ${
        PROBES.join(", ")
      }; ./my_task.ts for one of your own, as the module exports it; by default ` +
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
    choices: ["last", "best", "late"],
    path: "checkpoint",
    help:
      "last: the last state is scored; best: the best on dev of those at the ends of epochs; late: the mean over the states " +
      "after 80, 90 and 100 % of the run; best at --scale paper, last elsewhere",
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
  ...VERDICTS,
  ...GRID,
  "dry-run": {
    takes: "nothing",
    help: "only prints what would run, its work and its time; needs neither model nor data",
  },
  ...COMMON,
} as const satisfies FlagTable;
