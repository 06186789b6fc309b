import type { LowRankTrainable } from "./factors.ts";
import { LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { type RestartAux, RESTARTED, restartedLora, type RestartOptions } from "./restarted_lora.ts";

/** Options of {@linkcode chainOfLora}: a link of the chain is as long as an interval. */
export type ChainOfLoraOptions = RestartOptions;

/**
 * COLA, chain of LoRA ([2401.04151](https://arxiv.org/abs/2401.04151)): one LoRA after the other on the same weights. At the
 * end of each link, every `interval` steps, W ← W + (α/r)·B·A, A is drawn anew as {@linkcode lora} draws it, B is zero
 * again, and the optimizer is a new one: no moment goes on, those of heads neither, and Adam counts from 0. So the change of
 * W may have the rank of all links together. The name is written out, as CoLA is a task.
 *
 * The run's schedule of the rate goes on from link to link: what the paper has there is not confirmed. All links have one
 * rank, where the paper tries smaller ones for later links, too.
 *
 * No adapter of rank r holds what W received: `export` throws a RangeError, and `merge` gives the whole model.
 *
 * Throws a RangeError where the rank, the interval or the warm-up is not the whole number that it must be, dropout is not in
 * [0, 1), or a tensor is no scalar, and a TypeError where α is a tensor and not f32, or the warm-up one and not i32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]) };
 * const method = dd.peft.chainOfLora({ rank: 1, alpha: 2, interval: 100, targets: ["query"] });
 * console.log(method.writes(base)); // ["query.weight"]
 * ```
 */
export function chainOfLora(options: ChainOfLoraOptions): Method<LowRankTrainable, RestartAux> {
  return restartedLora("chain-of-lora", options, {
    factors: (_, fresh) => fresh,
    optimizer: () => ({ restart: true }),
  });
}

/** The description of {@linkcode chainOfLora} for trainers, command lines and records: options with defaults, and recipe. */
export const chainOfLoraMethod: MethodDescription = defineMethod({
  name: "chain-of-lora",
  summary: "COLA: a chain of LoRAs, each moved into W before the next begins with an optimizer of its own",
  paper: "https://arxiv.org/abs/2401.04151",
  options: RESTARTED,
  make: ({ interval, warmup, ...options }, place) =>
    chainOfLora({ ...lowRankOptions(options, place), interval, warmup }),
  recipe: {
    learningRate: 1e-2,
    options: (steps) => ({ ...LOW_RANK_RECIPE, interval: Math.max(1, Math.ceil(steps / 4)) }),
  },
  beginsFrom: ["lora"],
  trainsWeights: true,
});
