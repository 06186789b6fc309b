import { LORA, type Study } from "./study.ts";

const LAMBDAS = [0.25, 0.5, 1, 2, 4];
const delta = (lambda: number) => `delta-lora λ = ${lambda}`;
const scaled = (lambda: number) => `lora at ${1 + lambda}α`;

/** Whether the weight of what W receives matters, and whether LoRA at the scale that it leads to does the same. */
export const LAMBDA: Study = {
  name: "lambda",
  title: "λ: how much of its change W receives",
  question: "Does a larger λ help, and does LoRA at (1+λ)α, which has the same weight on its product, do as well?",
  notes: ["λ = 0 is LoRA."],
  baseline: LORA.name,
  conditions: [
    { ...LORA, at: { "delta-lora": 0, "lora at (1+λ)α": 0 } },
    ...LAMBDAS.map((lambda) => ({
      name: delta(lambda),
      method: "delta-lora",
      set: { "method.lambda": lambda },
      at: { "delta-lora": lambda },
    })),
    ...LAMBDAS.map((lambda) => ({
      name: scaled(lambda),
      method: "lora-scaled",
      set: { "method.lambda": lambda },
      at: { "lora at (1+λ)α": lambda },
    })),
  ],
  pairs: LAMBDAS.map((lambda) => [delta(lambda), scaled(lambda)] as const),
  figure: { kind: "axis", label: "λ" },
};
