import { DELTA, LORA, SCALED, type Study, SWITCHED } from "./study.ts";

/** Delta-LoRA that writes W from the first step on. */
export const FROM_FIRST = "delta-lora K = −1";

/** Whether Delta-LoRA is LoRA at another scale. */
export const SCALE_CONTROLS: Study = {
  name: "scale",
  title: "Scale: is Delta-LoRA LoRA at another α?",
  question:
    "With λ constant the sum of all writes telescopes to LoRA at (1+λ)α but for the scale of gradients: is there " +
    "more to Delta-LoRA than that?",
  notes: [
    "With K = −1 the control is LoRA at (1+λ)α; with K > 0 it is LoRA that goes over to (1+λ)α after step K, which jumps " +
    "there by λ(α/r)·B·A of that step, where Delta-LoRA does not.",
  ],
  baseline: LORA.name,
  conditions: [
    LORA,
    SCALED,
    SWITCHED,
    { name: FROM_FIRST, method: "delta-lora", set: { "method.startStep": -1 } },
    DELTA,
  ],
  pairs: [[FROM_FIRST, SCALED.name], [DELTA.name, SWITCHED.name], [DELTA.name, SCALED.name]],
  figure: { kind: "differences" },
};
