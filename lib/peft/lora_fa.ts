import { ones } from "../ops/mod.ts";
import { product, requireNumber } from "../ops/scalar.ts";
import { qr } from "../linalg/mod.ts";
import { solveUpper } from "../linalg/solve_upper.ts";
import { diagonal } from "../linalg/triangles.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { customVjp } from "../transform/mod.ts";
import { changeOf, type LowRankPatterns, type LowRankTrainable } from "./factors.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import {
  adaptWith,
  countParameters,
  initialTrainable,
  type LowRankOptions,
  mergeWith,
  requireAlpha,
  requireDropout,
  requirePositiveAlpha,
  requireRanks,
  settingOf,
} from "./low_rank.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** Options of {@linkcode loraFa}. */
export interface LoraFaOptions extends LowRankOptions, LowRankPatterns {
  /** Whether the gradient of B is multiplied by (AAᵀ)⁻¹/s² before the optimizer sees it; false by default. */
  readonly correction?: boolean;
}

/** What LoRA-FA trains of one target. */
export interface LoraFaFactors {
  /** The factor that gives the output, `[out, r]`. */
  readonly B: Tensor;
}

/** What LoRA-FA keeps of one target, as it was drawn. */
export interface LoraFaFrozen {
  /** The factor that meets the input, `[r, in]`. */
  readonly A: Tensor;
  /** (AAᵀ)⁻¹, `[r, r]`, where gradients are corrected. */
  readonly inverse?: Tensor;
}

/** What LoRA-FA keeps beside what it trains. */
export interface LoraFaAux {
  /** By the paths of targets. */
  readonly frozen: Readonly<Record<string, LoraFaFrozen>>;
}

/** (AAᵀ)⁻¹ of a matrix of full rank: with Aᵀ = QR it is R⁻¹R⁻ᵀ, and AAᵀ, whose condition is A's squared, is never made. */
function inverseOfSquare(A: Tensor): Tensor {
  const [, upper] = qr(A.transpose());
  const root = solveUpper(diagonal(ones([A.shape[0]])), upper, { transposed: false });
  return root.matmul(root, { transposeB: true });
}

/** B itself, whose derivative arrives multiplied by a matrix from the right. */
const corrected = customVjp((B: Tensor, _factor: Tensor) => B, {
  forward: (B, factor) => ({ value: B, residuals: factor }),
  backward: (factor, cotangent: Tensor) => [cotangent.matmul(factor), undefined],
});

/**
 * LoRA-FA ([2308.03303](https://arxiv.org/abs/2308.03303)): {@linkcode lora} whose A stays as it was drawn. B alone is
 * trained, so that a layer's inputs need not be kept for the derivative of A, and moments are those of B.
 *
 * With `correction` the gradient of B is multiplied by (AAᵀ)⁻¹/s², s = α/r, which makes the change of the weight as near
 * to the gradient of the weight itself as A's rows allow; PEFT's `create_lorafa_optimizer` does that, and the paper does
 * not. Here it is part of the method, before clipping, and works with every optimizer. PEFT rounds that product to bf16,
 * adds ε to a second moment without bias correction, and decays after the step.
 *
 * `export` gives PEFT's `LORA`, with A.
 *
 * Throws a RangeError where {@linkcode lora} does, and where gradients are corrected, if a number α is not above 0, or, on
 * `init`, a rank is above the input's size. There an α that is a tensor must be above 0, too, and is not looked at:
 * gradients are divided by it.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]), "classifier.weight": dd.ones([2, 3]) };
 * const method = dd.peft.loraFa({ rank: 1, alpha: 2, targets: ["query"] });
 * const state = { base, ...method.init(dd.random.key(0), base) };
 * console.log(method.describe(state)); // { trainableParameters: 9, totalParameters: 25 }
 * ```
 */
export function loraFa(
  { correction = false, ...options }: LoraFaOptions,
): Method<LowRankTrainable<LoraFaFactors>, LoraFaAux> {
  requireRanks("loraFa", options);
  requireDropout("loraFa", options);
  if (correction) requirePositiveAlpha("loraFa", options);
  else requireAlpha("loraFa", options);
  const scaleAt = (path: string) => settingOf(path, options).scale;
  const frozenOf = (path: string, A: Tensor): LoraFaFrozen => {
    if (!correction) return { A };
    const [rank, input] = A.shape;
    if (rank > input) {
      throw new RangeError(`loraFa: AAᵀ of A [${rank}, ${input}] at ${path} has no inverse: take a lower rank`);
    }
    return { A, inverse: inverseOfSquare(A) };
  };
  return {
    name: "lora-fa",
    // What was trained means nothing with another run's A.
    hasHiddenChange: true,
    init(key, base) {
      const { factors, heads } = initialTrainable(key, base, options);
      const pairs = Object.entries(factors);
      return {
        trainable: { factors: Object.fromEntries(pairs.map(([path, { B }]) => [path, { B }])), heads },
        aux: { frozen: Object.fromEntries(pairs.map(([path, { A }]) => [path, frozenOf(path, A)])) },
      };
    },
    writes: () => [],
    adapt: (base, trainable, { frozen }, key) =>
      adaptWith({ base, trainable, dropout: options.dropout, key }, ({ path, W, factors: { B }, dropout }) => {
        const [{ A, inverse }, scale] = [frozen[path], scaleAt(path)];
        const own = inverse ? corrected(B, inverse.div(product(scale, scale))) : B;
        return new LowRankWeight(W, [changeOf({ A, B: own }, scale)], dropout);
      }),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ base, trainable, aux: { frozen } }) =>
      mergeWith({ base, trainable }, (path, { B }) => [changeOf({ A: frozen[path].A, B }, scaleAt(path))]),
    export({ base, trainable: { factors, heads }, aux: { frozen } }) {
      const alpha = requireNumber({ of: "loraFa", name: "alpha", value: options.alpha }, "export");
      const pairs = Object.entries(factors).map(([path, { B }]) => [path, { A: frozen[path].A, B }]);
      return loraAdapter({ ...options, alpha, base, factors: Object.fromEntries(pairs), heads });
    },
    describe({ base, trainable, aux: { frozen } }) {
      const { trainableParameters, totalParameters } = countParameters(base, trainable);
      const kept = Object.values(frozen).reduce((sum, { A }) => sum + A.size, 0);
      return { trainableParameters, totalParameters: totalParameters + kept };
    },
  };
}

/**
 * The description of {@linkcode loraFa} for trainers, command lines and records: options with defaults, and recipe.
 */
export const loraFaMethod: MethodDescription = defineMethod({
  name: "lora-fa",
  summary: "LoRA whose A stays as it was drawn",
  paper: "https://arxiv.org/abs/2308.03303",
  options: {
    ...DATA_LOW_RANK,
    correction: {
      kind: "boolean",
      help: "whether B's gradient is multiplied by (AAᵀ)⁻¹/s² first, as PEFT's optimizer does; false by default",
    },
  },
  make: ({ correction, ...options }, place) => loraFa({ ...lowRankOptions(options, place), correction }),
  recipe: { learningRate: 1e-2, options: () => LOW_RANK_RECIPE },
});
