import type { Study } from "./study.ts";

const RANKS = [2, 4, 8, 16];
const METHODS = ["lora", "delta-lora"];
const name = (method: string, rank: number) => `${method} r = ${rank}`;

/** Whether Delta-LoRA's place depends on the rank. */
export const RANK: Study = {
  name: "rank",
  title: "Rank",
  question: "Does a difference between Delta-LoRA and LoRA depend on the rank?",
  notes: ["α is twice the rank, so that α/r stays the same; both methods train as many parameters at a rank."],
  baseline: name("lora", 8),
  conditions: METHODS.flatMap((method) =>
    RANKS.map((rank) => ({
      name: name(method, rank),
      method,
      set: { "method.rank": rank, "method.alpha": 2 * rank },
      at: { [method]: rank },
    }))
  ),
  pairs: RANKS.map((rank) => [name("delta-lora", rank), name("lora", rank)] as const),
  figure: { kind: "axis", label: "rank" },
};
