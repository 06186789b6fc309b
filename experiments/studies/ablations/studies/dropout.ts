import { DELTA, LORA, type Study } from "./study.ts";

const RATE = 0.1;
const DROPPED = ` dropout ${RATE}`;

/** Whether the branch should drop out, which the paper rules out for Delta-LoRA. */
export const DROPOUT: Study = {
  name: "dropout",
  title: "Dropout in the branch",
  question:
    "The paper takes dropout out of the branch, as the gradients of W and of B·A differ with it: does it matter?",
  notes: ["Only the branch drops out, not the encoder; Delta-LoRA writes W in place."],
  baseline: LORA.name,
  conditions: [
    LORA,
    { name: LORA.name + DROPPED, method: "lora", set: { "method.dropout": RATE } },
    DELTA,
    {
      name: DELTA.name + DROPPED,
      method: "delta-lora",
      set: { "method.dropout": RATE, "method.allowDropout": true },
    },
  ],
  pairs: [[DELTA.name + DROPPED, DELTA.name], [DELTA.name + DROPPED, LORA.name + DROPPED]],
  figure: { kind: "differences" },
};
