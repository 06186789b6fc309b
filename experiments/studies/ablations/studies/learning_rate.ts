import { DELTA, LORA, SCALED, type Study, SWITCHED } from "./study.ts";

/** Whether methods still differ where each has the rate that suits it. */
export const LEARNING_RATE: Study = {
  name: "learning_rate",
  title: "Learning rate",
  question:
    "Is a difference that of the learning rate: how do methods score at each rate, and each at its own best one?",
  notes: [
    "The figure and the table of rates are of the sweep's seeds; the comparison is of others, at the chosen rates.",
  ],
  baseline: LORA.name,
  conditions: [LORA, DELTA, SCALED, SWITCHED],
  figure: { kind: "rates" },
};
