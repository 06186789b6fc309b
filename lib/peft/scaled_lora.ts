import { add, copy, full, less, lessEqual, where } from "../ops/mod.ts";
import { product, quotient, requireNumber, requireScalar } from "../ops/scalar.ts";
import { requireWhole } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import { lora } from "./lora.ts";
import { changeOf, type LowRankTrainable } from "./factors.ts";
import { adaptWith, initialTrainable, type LowRankOptions, mergeWith } from "./low_rank.ts";
import { DATA_LOW_RANK, LAMBDA, lowRankOptions, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** Options of {@linkcode scaledLora}. */
export interface ScaledLoraOptions extends LowRankOptions {
  /** λ of the Delta-LoRA that this is the control of: a number, or an f32 scalar where it is data. */
  readonly lambda: number | Tensor;
  /**
   * K: the branch weighs (1 + λ)·α/r once update K, counted from 0, is done, and α/r before; −1, the default, for the
   * whole run. A number, or an i32 scalar where it is data.
   */
  readonly startStep?: number | Tensor;
}

/** What {@linkcode scaledLora} keeps beside its factors. */
export interface ScaledLoraAux {
  /** What the product of the factors weighs, an f32 scalar; absent where K is the number −1, and it never changes. */
  readonly scale?: Tensor;
}

/**
 * LoRA at α′ = (1 + λ)·α: the control of Delta-LoRA ([2309.02411](https://arxiv.org/abs/2309.02411)), whose effective
 * weight it has when W moves from the first step on and the optimizer does not see the scale of gradients, like
 * Adam. The paper has no such control.
 *
 * With `startStep` K it is LoRA at α that switches to α′ after update K: its effective weight jumps by
 * λ·(α/r)·B_{K+1}A_{K+1} there, and but for that jump and the scale of gradients it is Delta-LoRA's of the same K.
 *
 * Throws a RangeError where K is no whole number from −1 or a tensor is no scalar, a TypeError where λ is a tensor and not
 * f32, or K one and not i32, and what {@linkcode lora} throws.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const method = dd.peft.scaledLora({ rank: 1, alpha: 2, lambda: 0.5, targets: ["query"] });
 * const factors = { query: { A: dd.ones([1, 2]), B: dd.ones([1, 1]) } };
 * const base = { "query.weight": dd.zeros([1, 2]) };
 * const merged = method.merge({ base, trainable: { factors, heads: {} }, aux: {} });
 * console.log(await merged["query.weight"].data()); // Float32Array [3, 3]
 * ```
 */
export function scaledLora(
  { lambda, startStep = -1, ...options }: ScaledLoraOptions,
): Method<LowRankTrainable, ScaledLoraAux> {
  requireScalar({ of: "scaledLora", name: "lambda", value: lambda });
  requireScalar({ of: "scaledLora", name: "startStep", value: startStep }, "i32");
  if (typeof startStep === "number") {
    requireWhole("scaledLora: startStep", startStep, { least: -1, note: "(all along)" });
  }
  if (startStep !== -1) return switchedLora({ lambda, startStep, ...options });
  return { ...lora({ ...options, alpha: grown(options.alpha, lambda) }), name: "lora-scaled" };
}

/** (1 + λ) times what a product weighs, or times its α. */
function grown(weight: number | Tensor, lambda: number | Tensor): number | Tensor {
  return product(typeof lambda === "number" ? 1 + lambda : add(lambda, 1), weight);
}

/** LoRA whose scale is data, so that nothing is compiled anew where it changes. */
function switchedLora(
  { lambda, startStep, ...options }: Required<Pick<ScaledLoraOptions, "lambda" | "startStep">> & LowRankOptions,
): Method<LowRankTrainable, ScaledLoraAux> {
  const plain = lora(options);
  const before = quotient(options.alpha, options.rank);
  const after = grown(before, lambda);
  /** What the product weighs in the first step: a K of −1 may come as data. */
  const first = () => {
    if (typeof startStep !== "number") return where(less(startStep, 0), after, before);
    return typeof before === "number" ? full([], before) : copy(before);
  };
  return {
    ...plain,
    name: "lora-scaled",
    init: (key, base) => ({ trainable: initialTrainable(key, base, options), aux: { scale: first() } }),
    adapt: (base, trainable, aux, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) => new LowRankWeight(W, [changeOf(factors, aux.scale!)], dropout),
      ),
    after: ({ base, trainable, step }) => ({
      base,
      trainable,
      aux: { scale: where(lessEqual(startStep, step), after, before) },
    }),
    merge: (state) => mergeWith(state, (_, factors) => [changeOf(factors, state.aux.scale!)]),
    // α/r stands in the adapter's settings, which are plain numbers: what the scale is beyond it goes into B.
    export({ base, trainable: { factors, heads }, aux: { scale } }) {
      const alpha = requireNumber({ of: "scaledLora", name: "alpha", value: options.alpha }, "export");
      const share = scale!.div(alpha / options.rank);
      const scaled = Object.entries(factors).map(([path, { A, B }]) => [path, { A, B: B.mul(share) }]);
      return loraAdapter({ ...options, alpha, base, factors: Object.fromEntries(scaled), heads });
    },
  };
}

/**
 * The description of {@linkcode scaledLora} for trainers, command lines and records: options with defaults, and recipe.
 */
export const scaledLoraMethod: MethodDescription = defineMethod({
  name: "lora-scaled",
  summary: "LoRA at (1+λ)α, from the first step on or from K on: Delta-LoRA's control",
  paper: "https://arxiv.org/abs/2309.02411",
  options: {
    ...DATA_LOW_RANK,
    lambda: LAMBDA,
    startStep: {
      kind: "integer",
      help: "K: the product weighs (1+λ)α/r once this update is done; all along by default",
      minimum: -1,
      isData: true,
    },
  },
  make: ({ lambda, startStep, ...options }, place) =>
    scaledLora({ ...lowRankOptions(options, place), lambda, startStep }),
  recipe: {
    learningRate: 5e-3,
    options: () => ({ rank: 8, alpha: 16, lambda: 0.5, targets: QUERIES_AND_VALUES }),
  },
  // The scale changes with update K.
  dormant: { options: ["lambda", "startStep"], until: ({ startStep = -1 }) => Number(startStep) },
  programOf({ lambda, startStep = -1, ...options }) {
    if (startStep !== -1) return undefined;
    return { method: "lora", options: { ...options, alpha: (1 + Number(lambda)) * Number(options.alpha) } };
  },
  beginsFrom: ["lora"],
});
