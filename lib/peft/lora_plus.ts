import { full } from "../ops/mod.ts";
import { treeMap } from "../tensor/tree.ts";
import type { LowRankTrainable } from "./factors.ts";
import { lora, type LoraOptions } from "./lora.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** Options of {@linkcode loraPlus}. */
export interface LoraPlusOptions extends LoraOptions {
  /** How many times A's rate B has, a number above 0; 16 by default. */
  readonly ratio?: number;
}

/**
 * LoRA+ ([2402.12354](https://arxiv.org/abs/2402.12354)): {@linkcode lora} whose B learns at `ratio` times the rate of
 * A, which is the optimizer's; decay goes with the rate. As in the authors' code and in PEFT's
 * `create_loraplus_optimizer`, what has one axis, such as a head's bias, learns at B's rate.
 *
 * Throws a RangeError where the ratio is not above 0, and where {@linkcode lora} does.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const method = dd.peft.loraPlus({ rank: 2, alpha: 4, targets: ["query"], ratio: 8 });
 * const { trainable } = method.init(dd.random.key(0), { "query.weight": dd.ones([3, 4]) });
 * const { A, B } = method.rates!(trainable).factors.query;
 * console.log(await A.item(), await B.item()); // 1 8
 * ```
 */
export function loraPlus(options: LoraPlusOptions): Method<LowRankTrainable, Record<string, never>> {
  const { ratio = 16, ...rest } = options;
  if (!(ratio > 0 && Number.isFinite(ratio))) throw new RangeError(`loraPlus: a ratio is above 0, not ${ratio}`);
  return {
    ...lora(rest),
    name: "lora-plus",
    rates({ factors, heads }) {
      const [slow, fast] = [full([], 1), full([], ratio)];
      return {
        factors: Object.fromEntries(Object.keys(factors).map((path) => [path, { A: slow, B: fast }])),
        heads: treeMap(({ rank }) => rank === 1 ? fast : slow, heads),
      };
    },
  };
}

/**
 * The description of {@linkcode loraPlus} for trainers, command lines and records: options with defaults, and recipe.
 */
export const loraPlusMethod: MethodDescription = defineMethod({
  name: "lora-plus",
  summary: "LoRA whose B learns faster than its A",
  paper: "https://arxiv.org/abs/2402.12354",
  options: {
    ...DATA_LOW_RANK,
    ratio: { kind: "number", help: "how many times A's learning rate B has", default: 16, above: 0 },
  },
  make: ({ ratio, ...options }, place) => loraPlus({ ...lowRankOptions(options, place), ratio }),
  recipe: { learningRate: 2e-3, options: () => ({ ...LOW_RANK_RECIPE, ratio: 16 }) },
  beginsFrom: ["lora"],
});
