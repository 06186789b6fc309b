import { full, sub } from "../ops/mod.ts";
import { requireScalar } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Factors, LowRankTrainable } from "./factors.ts";
import { LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { type RestartAux, RESTARTED, restartedLora, type RestartOptions, type RestartRule } from "./restarted_lora.ts";

/** Options of {@linkcode periodicLora}: a stage is as long as an interval. */
export interface PeriodicLoraOptions extends RestartOptions {
  /**
   * What W receives at the end of a stage: `whole`, the default, the whole product, whereupon all begins anew; `share`, the
   * share `momentum` of it, whereupon the factors go on, each times √(1 − m), so that the model stays as it is;
   * `share-and-jump`, the same, each factor times 1 − m, so that the model changes there.
   */
  readonly unload?: "whole" | "share" | "share-and-jump";
  /** m: the share of the product that W receives, in (0, 1), unless it is whole: a number, 0.1 by default, or an f32 scalar. */
  readonly momentum?: number | Tensor;
}

/** Both factors times what is left of each. */
function shrunk({ A, B }: Factors, left: Tensor): Factors {
  return { A: A.mul(left), B: B.mul(left) };
}

/** What a stage ends with. */
function ruleOf(unload: "whole" | "share" | "share-and-jump", momentum: number | Tensor): RestartRule {
  if (unload === "whole") {
    return { factors: (_, fresh) => fresh, optimizer: () => ({ restart: true }) };
  }
  // In f32, whether the share is a number or data.
  const rest = () => sub(1, typeof momentum === "number" ? full([], momentum) : momentum);
  const left = () => unload === "share" ? rest().sqrt() : rest();
  return { share: momentum, factors: (now) => shrunk(now, left()) };
}

/**
 * PeriodicLoRA ([2402.16141](https://arxiv.org/abs/2402.16141)): LoRA in stages of `interval` steps. At the end of each W
 * receives the product of the factors, W ← W + (α/r)·B·A, and what belongs to LoRA begins anew: A is drawn as {@linkcode
 * lora} draws it, B is zero, and moments and counts of the optimizer are those of a new one. So far this is the algorithm of
 * {@linkcode chainOfLora}, to the bit.
 *
 * With momentum, W receives a share m of the product, W ← W + m·(α/r)·B·A, and nothing else begins anew. The paper's own
 * formula for it is not confirmed; there are two forms here. With `unload: "share"`, A ← √(1 − m)·A and B ← √(1 − m)·B:
 * what W received and what the factors still hold add up to the product of before, and the model stays as it is. With
 * `unload: "share-and-jump"`, A ← (1 − m)·A and B ← (1 − m)·B, as one public implementation has it
 * (github.com/hhnqqq/MyTransformers, after each step there): the product falls to (1 − m)² of itself, so that the weights
 * of the model change by −m·(1 − m)·(α/r)·B·A at the end of each stage, that of the run's last one, too, and its logits
 * jump. In both the optimizer goes on.
 *
 * The run's schedule of the rate goes on from stage to stage. No adapter of rank r holds what W received: `export` throws a
 * RangeError, and `merge` gives the whole model.
 *
 * Throws a RangeError where the rank, the interval or the warm-up is not the whole number that it must be, dropout is not in
 * [0, 1) or the momentum not in (0, 1), there is no such form, or a tensor is no scalar, and a TypeError where α or the
 * momentum is a tensor and not f32, or the warm-up one and not i32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]) };
 * const options = { rank: 1, alpha: 2, interval: 100, targets: ["query"] };
 * const method = dd.peft.periodicLora({ ...options, unload: "share", momentum: 0.5 });
 * console.log(method.name, method.writes(base)); // periodic-lora ["query.weight"]
 * ```
 */
export function periodicLora(options: PeriodicLoraOptions): Method<LowRankTrainable, RestartAux> {
  const { unload = "whole", momentum = 0.1 } = options;
  requireScalar({ of: "periodicLora", name: "momentum", value: momentum });
  if (typeof momentum === "number" && !(momentum > 0 && momentum < 1)) {
    throw new RangeError(`periodicLora: the momentum lies in (0, 1), not ${momentum}`);
  }
  if (unload !== "whole" && unload !== "share" && unload !== "share-and-jump") {
    throw new RangeError(`periodicLora: unload is whole, share or share-and-jump, not ${unload}`);
  }
  return restartedLora("periodic-lora", options, ruleOf(unload, momentum));
}

/** The description of {@linkcode periodicLora} for trainers, command lines and records: options with defaults, and recipe. */
export const periodicLoraMethod: MethodDescription = defineMethod({
  name: "periodic-lora",
  summary: "LoRA in stages, at whose ends W receives the product of the factors or a share of it",
  paper: "https://arxiv.org/abs/2402.16141",
  options: {
    ...RESTARTED,
    unload: {
      kind: "text",
      help:
        "what W receives: the whole product, and all begins anew; a share of it, and the factors keep the rest; or " +
        "share-and-jump, where they keep less, as in public code",
      default: "whole",
      choices: ["whole", "share", "share-and-jump"],
    },
    momentum: {
      kind: "number",
      help: "share of the product that W receives unless it is the whole",
      default: 0.1,
      above: 0,
      below: 1,
      isData: true,
    },
  },
  make: ({ interval, warmup, unload, momentum, ...options }, place) =>
    periodicLora({ ...lowRankOptions(options, place), interval, warmup, unload, momentum }),
  recipe: {
    learningRate: 1e-2,
    options: (steps) => ({
      ...LOW_RANK_RECIPE,
      interval: Math.max(1, Math.ceil(steps / 4)),
      unload: "whole",
      momentum: 0.1,
    }),
  },
  // Nothing is done before the end of the first stage.
  dormant: { options: ["momentum"], until: ({ interval }) => Number(interval) - 1 },
  programOf({ unload, momentum: _, ...options }) {
    if (unload !== "whole") return undefined;
    return { method: "chain-of-lora", options };
  },
  beginsFrom: ["lora"],
  trainsWeights: true,
});
