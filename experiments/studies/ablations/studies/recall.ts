import { ALL_METHODS } from "../../../recipes/methods.ts";
import { type Condition, DELTA, LORA, type Study } from "./study.ts";

/** Methods that reach, or claim, more directions than LoRA, of those that there are. */
const OTHERS: readonly Condition[] = ["full", "relora", "galore", "hira"]
  .filter((method) => ALL_METHODS.includes(method))
  .map((method) => ({ name: method, method }));

/** Who keeps random pairs, which need as many directions as there are. */
export const RECALL: Study = {
  name: "recall",
  title: "Recall: random pairs, which need rank",
  question: "Which methods keep more random pairs than LoRA and Delta-LoRA, whose changes of W are of low rank?",
  notes: ["Scored on the pairs that were trained: what a method can hold, not what it generalizes."],
  // As many steps as the task's recipe has.
  size: () => ({ tasks: ["recall"], steps: undefined }),
  baseline: LORA.name,
  conditions: [LORA, DELTA, ...OTHERS],
  pairs: OTHERS.map(({ name }) => [name, DELTA.name] as const),
  figure: { kind: "differences" },
  sweepsTasks: true,
  isExtra: true,
};
