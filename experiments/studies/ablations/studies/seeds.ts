import { DELTA, LORA, type Study } from "./study.ts";

/** How far scores spread over seeds, and what more of them would tell. */
export const SEEDS: Study = {
  name: "seeds",
  title: "Seeds: how many does a difference need?",
  question:
    "How far do scores spread over seeds, and how does the interval of the difference narrow with more of them?",
  baseline: LORA.name,
  conditions: [LORA, DELTA],
  figure: { kind: "seeds", method: DELTA.name },
  hasManySeeds: true,
};
