import { TASKS } from "../recipes/mod.ts";
import { PROBES } from "../suite/probes.ts";
import { ABLATION_SIZE, ABLATION_SIZES } from "../studies/ablations/sizes.ts";
import { STUDIES, STUDY_GROUPS } from "../studies/ablations/studies/mod.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { GRID, MODEL, VERDICTS } from "./flag_table.ts";

const ablationSizes = (of: "seeds" | "manySeeds" | "sweepSeeds" | "out") =>
  ABLATION_SIZES.map((name) => ABLATION_SIZE[name][of]).join(", ");
const EXTRA_STUDIES = [
  ...STUDIES.filter(({ isExtra, group }) => isExtra && group === undefined).map(({ name }) => name),
  ...STUDY_GROUPS,
].join(", ");

/** Flags of `reproduce ablations`. */
export const ABLATIONS = {
  scale: {
    takes: "text",
    value: "NAME",
    choices: ABLATION_SIZES,
    help: "default: minutes on two cores; medium: an hour; large: for a GPU",
  },
  only: { takes: "text", value: "a,b|all", help: `of the studies above; all but ${EXTRA_STUDIES} by default` },
  tasks: {
    takes: "text",
    value: "a,b|all",
    help: `of ${TASKS.join(", ")}, which are all, and of ${PROBES.join(", ")};\n` +
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
  checkpoint: {
    takes: "text",
    value: "NAME",
    choices: ["last", "late"],
    path: "checkpoint",
    help:
      "last: the last state is scored, by default; late: the mean over the states after 80, 90 and 100 % of the run",
  },
  ...MODEL,
  data: {
    takes: "text",
    value: "DIR|suite|suite:N",
    path: "data.file",
    help:
      "GLUE's own folders in place of the generated suite, which --model needs where it is no encoder of the suite; " +
      "suite:N for the suite with N dev examples of each task in place of 400, which takes off the spread of scores",
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
  ...VERDICTS,
  ...GRID,
  "dry-run": { takes: "nothing", help: "only prints what would run, and for how long" },
  ...COMMON,
} as const satisfies FlagTable;
