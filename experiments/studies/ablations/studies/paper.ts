import type { RunSpec } from "../../../../lib/experiment/specs/mod.ts";
import { DELTA, LORA, SCALED, type Study } from "./study.ts";

/** What the studies of the paper's own questions have in common. */
const PAPER = { group: "paper", isExtra: true, measuresChange: true, showsTasks: true } as const;

const DROPPED = { "method.dropout": 0.1 };

/** Dropout in the branch × writes of W: the paper's ablation of its two changes to LoRA. */
export const PAPER_DROPOUT: Study = {
  ...PAPER,
  name: "paper-dropout",
  title: "The paper's ablation: dropout kept or removed, W written or not",
  question: "Is it the removed dropout, the writes of W, or both together that change the scores?",
  notes: [
    "The baseline is LoRA as it is mostly run, with a dropout of 0.1 in the branch. Each condition at the rate that a " +
    "sweep of its own chose; λ and K are the recipe's.",
  ],
  baseline: "dropout kept, W not written",
  conditions: [
    { name: "dropout kept, W not written", method: "lora", set: DROPPED },
    { name: "dropout removed, W not written", method: "lora" },
    {
      name: "dropout kept, W written",
      method: "delta-lora",
      set: { ...DROPPED, "method.allowDropout": true },
    },
    { name: "dropout removed, W written", method: "delta-lora" },
  ],
  pairs: [
    ["dropout removed, W written", "dropout kept, W written"],
    ["dropout removed, W written", "dropout removed, W not written"],
  ],
  figure: { kind: "differences" },
  sweepsEach: true,
};

const TENTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** K over the whole run. */
export const PAPER_START: Study = {
  ...PAPER,
  name: "paper-start",
  title: "The paper's K, in tenths of the run",
  question: "After which tenth of the run should W begin to receive its change?",
  notes: [
    "K = −1 writes W from the first step on and stands at 0 in the figure; LoRA, which never writes it, stands at 10.",
  ],
  baseline: LORA.name,
  conditions: [
    { ...LORA, at: { "delta-lora": 10 } },
    { name: "delta-lora K = −1", method: "delta-lora", set: { "method.startStep": -1 }, at: { "delta-lora": 0 } },
    ...TENTHS.map((tenths) => ({
      name: `delta-lora K at ${tenths}/10`,
      method: "delta-lora",
      set: { "method.startStep": ({ steps }: RunSpec) => Math.floor(tenths * steps / 10) },
      at: { "delta-lora": tenths },
    })),
  ],
  figure: { kind: "axis", label: "K in tenths of the run" },
};

const LAMBDAS = [0.5, 1, 2, 3, 4, 5];

/** λ over the paper's range. */
export const PAPER_LAMBDA: Study = {
  ...PAPER,
  name: "paper-lambda",
  title: "The paper's λ, from 0 to 5",
  question: "How much of the change of B·A should W receive, where each λ has a rate of its own?",
  notes: ["λ = 0 is LoRA. Each λ at the rate that a sweep of its own chose; K is the recipe's."],
  baseline: LORA.name,
  conditions: [
    { ...LORA, at: { "delta-lora": 0 } },
    ...LAMBDAS.map((lambda) => ({
      name: `delta-lora λ = ${lambda}`,
      method: "delta-lora",
      set: { "method.lambda": lambda },
      at: { "delta-lora": lambda },
    })),
  ],
  figure: { kind: "axis", label: "λ" },
  sweepsEach: true,
};

const CONTROLLED = [0.5, 2];
const ONE_RATE = { of: LORA.method, times: 1 };
const written = (lambda: number) => `delta-lora λ = ${lambda}, K = −1`;
const exact = (lambda: number) => `lora at ${1 + lambda}α`;
const faster = (lambda: number) => `lora at ${1 + lambda}× the rate`;

/** A reviewer's question, with the control that was asked for beside the one that follows from the algebra. */
export const PAPER_RATE: Study = {
  ...PAPER,
  name: "paper-rate",
  title: "A reviewer's question: is it LoRA at another learning rate?",
  question:
    "At LoRA's own rate, does Delta-LoRA do what LoRA does at (1+λ) times the rate, or what it does at (1+λ)α, which is " +
    "the same by algebra?",
  notes: [
    "All conditions have the rate that LoRA's sweep chose, or the said multiple of it: none is at a rate of its own. With " +
    "K = −1 all writes together make LoRA at (1+λ)α but for the scale of gradients, which AdamW divides out; a larger rate " +
    "moves the factors further at each step, and their product with the square of it.",
  ],
  baseline: LORA.name,
  conditions: [
    LORA,
    ...CONTROLLED.flatMap((lambda) => [
      {
        name: written(lambda),
        method: "delta-lora",
        set: { "method.lambda": lambda, "method.startStep": -1 },
        rate: ONE_RATE,
      },
      { name: exact(lambda), method: "lora-scaled", set: { "method.lambda": lambda }, rate: ONE_RATE },
      { name: faster(lambda), method: "lora", rate: { of: LORA.method, times: 1 + lambda } },
    ]),
  ],
  pairs: CONTROLLED.flatMap((lambda) => [
    [written(lambda), exact(lambda)] as const,
    [written(lambda), faster(lambda)] as const,
  ]),
  figure: { kind: "differences" },
};

/** How far W is from where it was. */
export const PAPER_COSINES: Study = {
  ...PAPER,
  name: "paper-cosines",
  title: "The paper's figure: cosine similarity of W₀ and W_T by layer",
  question: "Does Delta-LoRA turn the weights further than LoRA, and as far as full fine-tuning?",
  notes: [
    "W_T is what a layer computes with in the end: of LoRA and its kin with their product merged into it. Queries and values, " +
    "which all methods train; full fine-tuning trains all else, too.",
  ],
  baseline: LORA.name,
  conditions: [
    LORA,
    SCALED,
    { name: "delta-lora K = −1", method: "delta-lora", set: { "method.startStep": -1 } },
    DELTA,
    { name: "full", method: "full" },
  ],
  pairs: [[DELTA.name, SCALED.name]],
  figure: { kind: "cosines" },
};
