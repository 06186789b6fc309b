import { cast, copy, peft, type Tensor } from "../../mod.ts";

const SHARED = { rank: 8, alpha: 16, targets: /attention\.self\.(query|value)$/ };
const LAMBDA = 0.5;
/** Steps of AdaLoRA's budget: more than a benchmark takes, so that it stays in the phase in which most are spent. */
const TOTAL_STEPS = 1_000_000;

/** Methods whose steps are measured, by the names that tables print. Delta-LoRA writes from the first step on. */
export const METHODS: Readonly<Record<string, () => peft.Method>> = {
  full: () => peft.full() as peft.Method,
  lora: () => peft.lora(SHARED) as peft.Method,
  "lora, weights in f16": () => peft.lora(SHARED) as peft.Method,
  adalora: () =>
    peft.adalora({
      ...SHARED,
      initialRank: 12,
      targetRank: 8,
      totalSteps: TOTAL_STEPS,
      warmup: 0,
      final: TOTAL_STEPS / 4,
      interval: 10,
    }) as peft.Method,
  "delta-lora, in place": () =>
    peft.deltaLora({ ...SHARED, lambda: LAMBDA, startStep: -1, write: "in-place" }) as peft.Method,
  "delta-lora, telescoped": () =>
    peft.deltaLora({ ...SHARED, lambda: LAMBDA, startStep: -1, write: "telescoped" }) as peft.Method,
  "lora-scaled": () => peft.scaledLora({ ...SHARED, lambda: LAMBDA }) as peft.Method,
};

/** Methods over matrices that are kept in f16. */
const IN_F16: readonly string[] = ["lora, weights in f16"];

/** A base of a method's own: matrices in f16 where it says so, but for those that it trains whole. */
export function baseFor(method: string, base: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const isHalf = (name: string, { rank }: Tensor) =>
    IN_F16.includes(method) && rank === 2 && !/(^|\.)(pooler|classifier)\./.test(name);
  return Object.fromEntries(
    Object.entries(base).map(([name, x]) => [name, isHalf(name, x) ? cast(x, "f16") : copy(x)]),
  );
}

/** Ratios that are read off: how long the first takes for each step of the second. */
export const RATIOS: readonly (readonly [numerator: string, denominator: string])[] = [
  ["delta-lora, in place", "lora"],
  ["delta-lora, telescoped", "lora"],
  ["lora, weights in f16", "lora"],
  ["adalora", "lora"],
  ["lora-scaled", "lora"],
  ["lora", "full"],
];
