import type { RunSpec } from "../../../../lib/experiment/specs/mod.ts";
import { LORA, type Study } from "./study.ts";

const SHARES = [0.1, 0.25, 0.5, 0.75];

/** Whether it matters when W begins to move. */
export const START_STEP: Study = {
  name: "start_step",
  title: "K: when W begins to move",
  question: "Does it matter after which share of the run W begins to receive its change?",
  notes: [
    "K = −1 writes W from the first step on and stands at 0 in the figure; LoRA, which never writes it, stands at 1.",
  ],
  baseline: LORA.name,
  conditions: [
    { ...LORA, at: { "delta-lora": 1 } },
    { name: "delta-lora K = −1", method: "delta-lora", set: { "method.startStep": -1 }, at: { "delta-lora": 0 } },
    ...SHARES.map((share) => ({
      name: `delta-lora K at ${100 * share} %`,
      method: "delta-lora",
      set: { "method.startStep": ({ steps }: RunSpec) => Math.floor(share * steps) },
      at: { "delta-lora": share },
    })),
  ],
  figure: { kind: "axis", label: "K as a share of the run" },
};
