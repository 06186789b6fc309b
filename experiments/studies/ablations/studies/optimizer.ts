import { DELTA, LORA, type Study } from "./study.ts";

const plain = { "optimizer.name": "sgd" };

/** Whether what holds with AdamW holds without moments, and what full fine-tuning without moments does. */
export const OPTIMIZER: Study = {
  name: "optimizer",
  title: "Optimizer: AdamW, SGD, and full fine-tuning without moments",
  question:
    "Does the optimizer matter, which with SGD sees the scale of gradients, and does full fine-tuning by SGD, " +
    "which keeps no moments either, do as well?",
  notes: [
    "SGD has no momentum. Full fine-tuning by SGD is the baseline of the same kind of memory: weights and gradients.",
  ],
  baseline: LORA.name,
  conditions: [
    LORA,
    DELTA,
    { name: "lora sgd", method: "lora", set: { ...plain, "optimizer.learningRate": 0.5 } },
    { name: "delta-lora sgd", method: "delta-lora", set: { ...plain, "optimizer.learningRate": 0.5 } },
    { name: "full sgd", method: "full-sgd" },
  ],
  pairs: [["delta-lora sgd", "lora sgd"], ["lora sgd", "full sgd"]],
  figure: { kind: "differences" },
  mayDiffer: ["optimizer.name"],
};
