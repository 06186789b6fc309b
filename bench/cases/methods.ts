import type { MethodSpec, ModelSpec } from "../../lib/experiment/specs/mod.ts";

/** What a row of the benchmark trains, as parts of a run's spec. */
export interface BenchSpec {
  readonly method: MethodSpec;
  readonly weights?: ModelSpec["weights"];
}

const SHARED = { rank: 8, alpha: 16, targets: "/attention\\.self\\.(query|value)$/" };
const LAMBDA = 0.5;

/** Steps of a row's run: more than a benchmark takes, so that AdaLoRA stays in the phase in which most are spent. */
export const TOTAL_STEPS = 1_000_000;

/** What is measured, by the names that tables print. Delta-LoRA writes from the first step on. */
export const METHODS: Readonly<Record<string, BenchSpec>> = {
  full: { method: { name: "full" } },
  lora: { method: { name: "lora", ...SHARED } },
  "lora, weights in f16": { method: { name: "lora", ...SHARED }, weights: "f16" },
  adalora: {
    method: {
      name: "adalora",
      alpha: SHARED.alpha,
      targets: SHARED.targets,
      initialRank: 12,
      targetRank: 8,
      warmup: 0,
      final: TOTAL_STEPS / 4,
      interval: 10,
    },
  },
  "delta-lora, in place": {
    method: { name: "delta-lora", ...SHARED, lambda: LAMBDA, startStep: -1, write: "in-place" },
  },
  "delta-lora, telescoped": {
    method: { name: "delta-lora", ...SHARED, lambda: LAMBDA, startStep: -1, write: "telescoped" },
  },
  "lora-scaled": { method: { name: "lora-scaled", ...SHARED, lambda: LAMBDA } },
};

/** Ratios that are read off: how long the first takes for each step of the second. */
export const RATIOS: readonly (readonly [numerator: string, denominator: string])[] = [
  ["delta-lora, in place", "lora"],
  ["delta-lora, telescoped", "lora"],
  ["lora, weights in f16", "lora"],
  ["adalora", "lora"],
  ["lora-scaled", "lora"],
  ["lora", "full"],
];
