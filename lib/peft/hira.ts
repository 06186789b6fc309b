import { matmulSum } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Factors, LowRankTrainable } from "./factors.ts";
import { peftAdapter } from "./files/adapter_files.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { changeBase } from "./files/base_changes.ts";
import {
  adaptWith,
  countParameters,
  initialTrainable,
  type LowRankOptions,
  mergeEach,
  requireDropout,
  requireRank,
} from "./low_rank.ts";
import { DROPOUT, LOW_RANK, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import { type BranchDropout, onRows } from "./low_rank_weight.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import type { OptionSchema } from "./method_options.ts";

/** Options of {@linkcode hira}. */
export interface HiraOptions extends Omit<LowRankOptions, "alpha"> {}

/** W ⊙ (B A) `[out, in]`: the product of the factors is multiplied by W where it is computed, and stored once. */
function changeBy(W: Tensor, { A, B }: Factors): Tensor {
  return B.matmul(A).mul(W.astype("f32"));
}

/** W + W ⊙ (B A), by one pass over W. */
const changed = (W: Tensor, factors: Factors) => changeBy(W, factors).add(W.astype("f32"));

/** A weight of which each element grows by its share: x ↦ x (W + W ⊙ (B A))ᵀ. */
class HiraWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly factors: Factors, readonly dropout?: BranchDropout) {}

  project(x: Tensor): Tensor {
    const { W, factors, dropout: drop } = this;
    return onRows(x, (rows) => {
      if (!drop) return rows.matmul(changed(W, factors), { transposeB: true });
      // As PEFT: W gets all of x, and what was added to it the elements that are left.
      return matmulSum([rows, W.transpose()], [dropout(rows, drop), changeBy(W, factors).transpose()]);
    });
  }

  treeParts(): [W: Tensor, factors: Factors, dropout: BranchDropout | undefined] {
    return [this.W, this.factors, this.dropout];
  }

  withTreeParts([W, factors, dropout]: ReturnType<HiraWeight["treeParts"]>): HiraWeight {
    return new HiraWeight(W, factors, dropout);
  }
}

/**
 * HiRA ([Huang et al., ICLR 2025](https://openreview.net/forum?id=TwJrTz9cRS)): y = x (W + W ⊙ (BA))ᵀ with W `[out, in]`
 * frozen, A `[r, in]` and B `[out, r]`. The change has a rank of up to r times that of W, with LoRA's number of
 * parameters. A begins uniform on ±1/√in (Kaiming with a = √5) and B zero; there is no α, as in PEFT, whose `HIRA`
 * `export` gives.
 *
 * An element of W that is 0 stays 0, and the change of others is in proportion to them, so that learning rates are
 * higher than LoRA's. A step computes W + W ⊙ (BA) as a dense matrix in one pass, and the derivative by it: its memory is
 * that of one further copy of the targets' weights, and its time about a tenth above LoRA's.
 *
 * Throws a RangeError where a rank is no whole number from 1, or dropout is not in [0, 1).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const method = dd.peft.hira({ rank: 1, targets: ["query"] });
 * const factors = { query: { A: dd.tensor([[1, 2]]), B: dd.tensor([[3], [4]]) } };
 * const base = { "query.weight": dd.tensor([[1, 0], [10, 1]]) };
 * const merged = method.merge({ base, trainable: { factors, heads: {} }, aux: {} });
 * console.log(await merged["query.weight"].data()); // Float32Array [4, 0, 50, 9]
 * ```
 */
export function hira(options: HiraOptions): Method<LowRankTrainable, Record<string, never>> {
  requireRank("hira", options.rank);
  requireDropout("hira", options);
  return {
    name: "hira",
    init: (key, base) => ({ trainable: initialTrainable(key, base, options), aux: {} }),
    writes: () => [],
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) => new HiraWeight(W, factors, dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: (state) => mergeEach(state, changed),
    export: ({ base, trainable: { factors, heads } }) =>
      peftAdapter({
        settings: {
          peft_type: "HIRA",
          r: options.rank,
          hira_dropout: options.dropout ?? 0,
          init_weights: true,
        },
        targets: Object.keys(factors),
        parts: { ".hira_A": (target) => factors[target].A, ".hira_B": (target) => factors[target].B },
        heads,
        base,
      }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

const OPTIONS = {
  rank: { ...LOW_RANK.rank, field: ["r", 32] },
  targets: LOW_RANK.targets,
  dropout: { ...DROPOUT, field: ["hira_dropout", 0] },
} as const satisfies OptionSchema;

/** An adapter of PEFT's kind `HIRA`, if it is one. */
function readHira(file: AdapterFile): AdapterReading<Factors> | undefined {
  if (file.type !== "HIRA") return undefined;
  const { fields, tensors, base, places } = file;
  const { linear, tables, heads } = places;
  if (tables.length > 0) throw new Error(`cannot use the adapter: HiRA is not for embeddings here, as ${tables[0]}`);
  // `rank_pattern` is without effect in PEFT 0.21, whose factors all have the rank r.
  const { rank, dropout } = file.options(OPTIONS);
  return {
    method: hira({ rank, dropout, targets: linear, heads }),
    options: { rank },
    part: (path) => ({ A: tensors.take(`${path}.hira_A`), B: tensors.take(`${path}.hira_B`) }),
    changeBase: () => changeBase(base, { ...places, fields, tensors }),
  };
}

/**
 * The description of {@linkcode hira} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const hiraMethod: MethodDescription = defineMethod({
  name: "hira",
  summary: "a change of W by W ⊙ (BA), whose rank is up to r times that of W",
  paper: "https://openreview.net/forum?id=TwJrTz9cRS",
  options: OPTIONS,
  make: ({ rank, targets, dropout }, { heads }) => hira({ rank, targets, dropout, heads }),
  recipe: { learningRate: 2e-2, options: () => ({ rank: 8, targets: QUERIES_AND_VALUES }) },
  // Four times LoRA's, as in the recipe.
  learningRate: 2e-3,
  adapterFields: ["init_weights"],
  readAdapter: readHira,
});
