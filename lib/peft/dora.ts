import { addLowRank } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import { requireNumber } from "../ops/scalar.ts";
import { dropout } from "../nn/dropout.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Factors, LowRankPatterns, LowRankTrainable } from "./factors.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import { readLora } from "./read_lora.ts";
import {
  adaptWith,
  countParameters,
  factoredBy,
  initialTrainable,
  type LowRankOptions,
  mergeEach,
  requireAlpha,
  requireDropout,
  requireRanks,
} from "./low_rank.ts";
import { type BranchDropout, LowRankWeight } from "./low_rank_weight.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The factors of one target of DoRA, and the lengths of its weight's rows. */
export interface DoraFactors extends Factors {
  /** m: the lengths of the weight's rows, `[out]`. */
  readonly magnitude: Tensor;
}

/** Options of {@linkcode dora}. */
export interface DoraOptions extends LowRankOptions, LowRankPatterns {}

/** Squares of the lengths of rows, `[out]`. */
const rowSquares = (W: Tensor) => W.astype("f32").square().sum({ axis: 1 });

/**
 * Lengths of the rows of W + scale · left · right `[out]`, which is not formed: ‖w‖² + 2s·⟨W rightᵀ, left⟩ +
 * s²·⟨left (right rightᵀ), left⟩, row by row.
 */
function rowLengths(W: Tensor, { left, right, scale }: LowRank<Tensor>): Tensor {
  // W is the second operand, which may be f16.
  const along = right.matmul(W, { transposeB: true }).transpose().mul(left).sum({ axis: 1 });
  const own = left.matmul(right.matmul(right, { transposeB: true })).mul(left).sum({ axis: 1 });
  return rowSquares(W).add(along.mul(scale).mul(2)).add(own.mul(scale).mul(scale)).sqrt();
}

/** A weight whose rows have a direction and a length: x ↦ (m / ‖W + ΔW‖) ∘ x (W + ΔW)ᵀ. */
class DoraWeight implements ProjectedWeight {
  constructor(
    readonly W: Tensor,
    readonly part: LowRank<Tensor>,
    readonly magnitude: Tensor,
    readonly dropout?: BranchDropout,
  ) {}

  project(x: Tensor): Tensor {
    const kept = this.dropout ? dropout(x, this.dropout) : x;
    const y = new LowRankWeight(this.W, [this.part]).project(kept);
    // The paper's section 4.3: lengths are constants to the derivative, which saves memory.
    const turned = y.mul(this.magnitude.div(rowLengths(this.W, this.part).stopGradient()));
    // As PEFT: the change of direction and length alone sees what dropped out, and W itself all of x.
    return this.dropout ? x.sub(kept).matmul(this.W, { transposeB: true }).add(turned) : turned;
  }

  treeParts(): [W: Tensor, part: LowRank<Tensor>, magnitude: Tensor, dropout: BranchDropout | undefined] {
    return [this.W, this.part, this.magnitude, this.dropout];
  }

  withTreeParts([W, part, magnitude, dropout]: ReturnType<DoraWeight["treeParts"]>): DoraWeight {
    return new DoraWeight(W, part, magnitude, dropout);
  }
}

/**
 * DoRA ([2402.09353](https://arxiv.org/abs/2402.09353)): y = (m / ‖W + s·BA‖) ∘ x (W + s·BA)ᵀ, LoRA on the directions
 * of the rows of a frozen W, whose lengths m are trained apart; s = α/r. m begins as the lengths of W's rows, and the
 * lengths in the denominator are constants to the derivative (section 4.3), as in PEFT, which calls it `use_dora`.
 *
 * Throws a RangeError where a rank is no whole number from 1, dropout is not in [0, 1) or α is a tensor and no scalar, and a
 * TypeError where that is not f32. `export` throws a RangeError where α is a tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const method = dd.peft.dora({ rank: 1, alpha: 1, targets: ["query"] });
 * const { trainable } = method.init(dd.random.key(0), { "query.weight": dd.tensor([[3, 4], [0, 2]]) });
 * console.log(await trainable.factors.query.magnitude.data()); // Float32Array [5, 2]
 * ```
 */
export function dora(options: DoraOptions): Method<LowRankTrainable<DoraFactors>, Record<string, never>> {
  requireRanks("dora", options);
  requireDropout("dora", options);
  requireAlpha("dora", options);
  const factored = factoredBy(options);
  return {
    name: "dora",
    init(key, base) {
      const { factors, heads } = initialTrainable(key, base, options);
      const lengths = Object.entries(factors).map(([path, pair]) => [
        path,
        { ...pair, magnitude: rowSquares(base[`${path}.weight`]).sqrt() },
      ]);
      return { trainable: { factors: Object.fromEntries(lengths), heads }, aux: {} };
    },
    writes: () => [],
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ path, W, factors, dropout }) => new DoraWeight(W, factored(path, factors), factors.magnitude, dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: (state) =>
      mergeEach(state, (W, triple, path) => {
        const sum = addLowRank(W.astype("f32"), factored(path, triple));
        return sum.mul(triple.magnitude.div(rowSquares(sum).sqrt()).expandDims(1));
      }),
    export({ base, trainable: { factors, heads } }) {
      const magnitudes = Object.fromEntries(Object.entries(factors).map(([path, { magnitude }]) => [path, magnitude]));
      const alpha = requireNumber({ of: "dora", name: "alpha", value: options.alpha }, "export");
      return loraAdapter({ ...options, alpha, base, factors, heads, magnitudes });
    },
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/**
 * The description of {@linkcode dora} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const doraMethod: MethodDescription = defineMethod({
  name: "dora",
  summary: "LoRA on the directions of a weight's rows, whose lengths are trained apart",
  paper: "https://arxiv.org/abs/2402.09353",
  options: DATA_LOW_RANK,
  make: (options, place) => dora(lowRankOptions(options, place)),
  recipe: { learningRate: 5e-3, options: () => LOW_RANK_RECIPE },
  readAdapter(file) {
    if (!file.isDora) return undefined;
    const reading = readLora(file, dora);
    const magnitude = (path: string) => `${path}.lora_magnitude_vector`;
    return {
      ...reading,
      part: (path) => ({
        ...reading.part(path),
        magnitude: file.tensors.take(magnitude(path), `${magnitude(path)}.weight`),
      }),
    };
  },
});
