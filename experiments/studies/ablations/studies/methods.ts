import { ALL_METHODS } from "../../../recipes/methods.ts";
import type { Study } from "./study.ts";

/** What each method scores for the memory and the time that it takes. */
export const METHODS: Study = {
  name: "methods",
  title: "Methods: scores against memory and time",
  question: "Which methods does no other beat in both score and peak memory, or in both score and time?",
  notes: [
    "Each method at the rate that its sweep chose. The memory is that of all buffers at their peak, the encoder included; " +
    "times are of one machine, and of what else ran on it.",
  ],
  baseline: "lora",
  conditions: ALL_METHODS.map((method) => ({ name: method, method })),
  figure: { kind: "memory" },
  mayDiffer: ["optimizer.name"],
  isExtra: true,
};
