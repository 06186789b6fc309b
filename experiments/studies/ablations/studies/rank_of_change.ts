import type { RunSpec } from "../../../../lib/experiment/specs/mod.ts";
import { ALL_METHODS } from "../../../recipes/methods.ts";
import { type Condition, DELTA, LORA, SCALED, type Study } from "./study.ts";

const rank = ({ method }: RunSpec) => Number(method.rank);
/** All directions that queries and values have. */
const whole = ({ model }: RunSpec) => model.hiddenSize;
/** MoRA's square matrix between fixed maps, which has as many parameters as factors have on queries and values. */
const squareSide = (spec: RunSpec) => Math.floor(Math.sqrt(2 * spec.model.hiddenSize * rank(spec)) + 0.5);
/** A pair of factors for each stretch of a run. */
const byInterval = (spec: RunSpec) => rank(spec) * Math.ceil(spec.steps / Number(spec.method.interval));

/** Ten methods by name, of those that there are. */
const CONDITIONS: readonly Condition[] = [
  { ...LORA, bound: rank },
  { ...SCALED, bound: rank },
  { ...DELTA, bound: (spec) => 2 * rank(spec) },
  { name: "delta-lora λ(t)", method: "delta-lora-falling", bound: whole },
  { name: "relora", method: "relora", bound: byInterval },
  { name: "chain-of-lora", method: "chain-of-lora", bound: byInterval },
  { name: "mora", method: "mora", bound: squareSide },
  { name: "hira", method: "hira", bound: whole },
  { name: "galore", method: "galore", bound: whole },
  { name: "full", method: "full", bound: whole },
];

/** Who changes W in many directions, and where that helps. */
export const RANK_OF_CHANGE: Study = {
  name: "rank-of-change",
  title: "Rank of the change: who is high-rank, and where does it help?",
  question:
    "Which methods change the weights in more directions than LoRA at equal size, and do they score higher where a task " +
    "needs many?",
  notes: [
    "Each method at the rank at which it trains as many parameters as LoRA of rank 8, and, where that is another one, at that " +
    "at which its state has as many bytes (equal bytes); α/r stays the same. Each task has rates of its own, which were " +
    "chosen with the recipes' ranks. Delta-LoRA's bound is 2r with a constant λ, as its writes telescope; with a λ that falls " +
    "they do not. Decay of whole weights, as with full fine-tuning, is a change in all directions, too.",
  ],
  baseline: LORA.name,
  conditions: CONDITIONS.filter(({ method }) => ALL_METHODS.includes(method)),
  pairs: [[DELTA.name, SCALED.name]],
  figure: { kind: "ranks" },
  isExtra: true,
  // As many steps as each task's recipe has; those of probes take long.
  size: (name) => ({
    tasks: ["recall", "rank-16", "cola", "sst2"],
    steps: undefined,
    ...name === "default" && { seeds: 3, sweepSeeds: 1 },
  }),
  measuresChange: true,
  showsTasks: true,
  equals: true,
  comparesTasks: true,
  sweepsTasks: true,
};
