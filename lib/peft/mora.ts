import { diagonal } from "../linalg/triangles.ts";
import { arange, concat, ones, tile, zeros } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { ownAdapter } from "./files/adapter_files.ts";
import { optionFields } from "./files/option_fields.ts";
import {
  adaptWith,
  countParameters,
  type LowRankOptions,
  mergeEach,
  mergeWith,
  requireDropout,
  requireRank,
  takeHeads,
} from "./low_rank.ts";
import { DROPOUT, LOW_RANK, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import { type BranchDropout, LowRankWeight, onRows } from "./low_rank_weight.ts";
import type { BaseParams, Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import type { OptionSchema } from "./method_options.ts";
import { selectTargets } from "./targets.ts";

/** How MoRA makes inputs as long as its matrix is wide, and results as long as the output. */
export type MoraMap = "sharing" | "rotation";

/** What MoRA trains of one target. */
export interface MoraFactors {
  /** M: the square matrix between the two maps. */
  readonly M: Tensor;
}

/** Options of {@linkcode mora}. */
export interface MoraOptions extends Omit<LowRankOptions, "alpha"> {
  /**
   * The fixed maps around M: `sharing` (the default) sums inputs that share a column and repeats the result, `rotation`
   * takes the input in blocks, each turned by an angle of its own, and gives one block of the output for each.
   */
  readonly map?: MoraMap;
}

/**
 * The side of M for a weight `[out, in]`: as many elements as LoRA's factors of the rank have, to the nearest square, and no
 * wider than the input.
 */
function sideOf([output, input]: readonly number[], { rank, map }: Pick<MoraOptions, "rank" | "map">): number {
  const side = Math.min(Math.floor(Math.sqrt((output + input) * rank) + 0.5), input);
  return map === "rotation" ? Math.max(2, side - side % 2) : side;
}

/** Columns of x `[rows, columns]` from the first one on. */
const firstColumns = (x: Tensor, columns: number) => x.slice({ start: [0, 0], size: [x.shape[0], columns] });

/**
 * M between the maps of `sharing`, as factors: on the right, `[side, in]`, each column has a 1 in the rows that its input is
 * added to, and on the left, `[out, side]`, M stands as often as the output is long.
 */
function sharedParts({ M }: MoraFactors, [output, input]: readonly number[]): LowRank<Tensor> {
  const side = M.shape[0];
  // Kernels of products take four columns at once: up to a multiple of that there are zeros on both sides.
  const wide = 4 * Math.ceil(side / 4);
  const [rows, columns] = [arange(wide).expandDims(1), arange(input)];
  const own = columns.mod(side).equal(rows).astype("f32");
  // The last group goes on with the input's beginning, as in the authors' code.
  const missing = Math.ceil(input / side) * side - input;
  const again = columns.add(input).mod(side).equal(rows).astype("f32").mul(columns.less(missing).astype("f32"));
  const filled = wide > side ? concat([M, zeros([side, wide - side])], { axis: 1 }) : M;
  const left = tile(filled, [Math.ceil(output / side), 1]).slice({ start: [0, 0], size: [output, wide] });
  return { left, right: missing > 0 ? own.add(again) : own, scale: 1 };
}

/**
 * The input in blocks `[rows, blocks, side]`, as many as the output has a place for; the last one that there is goes on with
 * the input's beginning.
 */
function blocksOf(x: Tensor, side: number, output: number): Tensor {
  const input = x.shape[1];
  const blocks = Math.min(Math.ceil(input / side), Math.ceil(output / side));
  const missing = blocks * side - input;
  const whole = missing > 0
    ? concat([x, firstColumns(x, missing)], { axis: 1 })
    : missing < 0
    ? firstColumns(x, blocks * side)
    : x;
  return whole.reshape([-1, blocks, side]);
}

/** Blocks, each of whose pairs (j, j + side/2) is turned by its block's number times 10000^(−2j/side), as in RoPE. */
function turned(parts: Tensor): Tensor {
  const [rows, blocks, side] = parts.shape;
  const half = side / 2;
  const rates = arange(half, { dtype: "f32" }).mul(-2 * Math.log(10_000) / side).exp();
  const angles = arange(blocks, { dtype: "f32" }).reshape([blocks, 1, 1]).mul(rates);
  const signs = arange(2, { dtype: "f32" }).mul(2).sub(1).expandDims(1);
  const pairs = parts.reshape([rows, blocks, 2, half]);
  const sums = pairs.mul(angles.cos()).add(pairs.flip({ axis: 2 }).mul(angles.sin().mul(signs)));
  return sums.reshape(parts.shape);
}

/** What M adds to an output of so many elements by `rotation`: x `[rows, in]` → `[rows, output]`. */
function rotated(x: Tensor, { M }: MoraFactors, output: number): Tensor {
  const results = onRows(turned(blocksOf(x, M.shape[0], output)), (rows) => rows.matmul(M, { transposeB: true }));
  const flat = results.reshape([x.shape[0], -1]);
  const copies = Math.ceil(output / flat.shape[1]);
  return firstColumns(copies > 1 ? tile(flat, [1, copies]) : flat, output);
}

/** A weight with M beside it between the maps of `rotation`. */
class RotatedWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly factors: MoraFactors, readonly dropout?: BranchDropout) {}

  project(x: Tensor): Tensor {
    const { W, factors, dropout: drop } = this;
    return onRows(x, (rows) => {
      const kept = drop ? dropout(rows, drop) : rows;
      return rows.matmul(W, { transposeB: true }).add(rotated(kept, factors, W.shape[0]));
    });
  }

  treeParts(): [W: Tensor, factors: MoraFactors, dropout: BranchDropout | undefined] {
    return [this.W, this.factors, this.dropout];
  }

  withTreeParts([W, factors, dropout]: ReturnType<RotatedWeight["treeParts"]>): RotatedWeight {
    return new RotatedWeight(W, factors, dropout);
  }
}

/** The weight `[out, in]` with what M adds to it by `rotation`: what the rows of the identity become. */
function mergedByRotation(W: Tensor, factors: MoraFactors): Tensor {
  const [output, input] = W.shape;
  return rotated(diagonal(ones([input])), factors, output).transpose().add(W.astype("f32"));
}

/** M of each target, zero at first. */
function initialFactors(base: BaseParams, options: MoraOptions): Record<string, MoraFactors> {
  return Object.fromEntries(
    selectTargets(base, options.targets, options.heads).map((path) => {
      const side = sideOf(base[`${path}.weight`].shape, options);
      return [path, { M: zeros([side, side]) }];
    }),
  );
}

/**
 * MoRA ([2405.12130](https://arxiv.org/abs/2405.12130)): y = x Wᵀ + g(f(x) Mᵀ) with W `[out, in]` frozen and M a square
 * matrix, zero at first, of side ⌊√((in + out)·r) + ½⌋, or in where that is less: about LoRA's number of parameters at
 * rank r. f and g are fixed.
 *
 * By `sharing` (the paper's equation 6) f sums the inputs whose numbers leave the same rest by the side, and g repeats the
 * result: the change of W has a rank of up to the side. By `rotation` (equation 9) f cuts the input into blocks as long as
 * the side, the i-th turned by RoPE's angles for position i, and g joins what M makes of each: the change is made of blocks
 * along the diagonal, and its rank is up to W's own. Rotation takes the next smaller even side. Where the input is longer
 * than the output, blocks that have no place in it change nothing, as in the authors' code.
 *
 * Where the side does not divide the input, f goes on with the input's beginning, as the authors' code does and the paper
 * does not say; that no side is above in is neither's. There is no α, as in that code. Neither form makes a matrix `[out, in]` in a step: sharing computes two
 * narrow products, as LoRA does, one of them by a matrix of zeros and ones.
 *
 * PEFT has no such kind: `export` gives a file of our own, `peft_type: "MORA"`, which {@linkcode adapterMethod} reads.
 *
 * Throws a RangeError where the rank is no whole number from 1, dropout is not in [0, 1), or there is no such map.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.zeros([3, 5]) };
 * const method = dd.peft.mora({ rank: 1, targets: ["query"] });
 * console.log(method.init(dd.random.key(0), base).trainable.factors.query.M.shape); // [3, 3]
 * const factors = { query: { M: dd.tensor([[1, 0, 0], [0, 2, 0], [0, 0, 3]]) } };
 * const merged = method.merge({ base, trainable: { factors, heads: {} }, aux: {} });
 * console.log(await merged["query.weight"].slice({ start: [1, 0], size: [1, 5] }).data()); // Float32Array [0, 2, 0, 0, 2]
 * ```
 */
export function mora(
  { map = "sharing", ...rest }: MoraOptions,
): Method<LowRankTrainable<MoraFactors>, Record<string, never>> {
  const options = { map, ...rest };
  requireRank("mora", options.rank);
  requireDropout("mora", options);
  if (map !== "sharing" && map !== "rotation") {
    throw new RangeError(`mora: a map is sharing or rotation, not ${map}`);
  }
  return {
    name: "mora",
    init: (_, base) => ({
      trainable: { factors: initialFactors(base, options), heads: takeHeads(base, options.heads) },
      aux: {},
    }),
    writes: () => [],
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) =>
          map === "rotation"
            ? new RotatedWeight(W, factors, dropout)
            : new LowRankWeight(W, [sharedParts(factors, W.shape)], dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: (state) =>
      map === "rotation"
        ? mergeEach(state, mergedByRotation)
        : mergeWith(state, (path, own) => [sharedParts(own, state.base[`${path}.weight`].shape)]),
    export: ({ trainable: { factors, heads } }) =>
      ownAdapter({
        settings: {
          peft_type: "MORA",
          ...optionFields(OPTIONS, { rank: options.rank, dropout: options.dropout ?? 0, map }),
        },
        targets: Object.keys(factors),
        parts: { ".mora_M": (target) => factors[target].M },
        heads,
      }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

const OPTIONS = {
  rank: { ...LOW_RANK.rank, help: "r: M has about as many elements as LoRA's factors of this rank", field: ["r"] },
  targets: LOW_RANK.targets,
  dropout: { ...DROPOUT, field: ["mora_dropout", 0] },
  map: {
    kind: "text",
    help: "what stands around M: sharing sums and repeats, rotation turns the input's blocks, as RoPE does",
    default: "sharing",
    choices: ["sharing", "rotation"],
    field: ["map"],
  },
} as const satisfies OptionSchema;

/** An adapter of our own kind `MORA`, if it is one. */
function readMora(file: AdapterFile): AdapterReading<MoraFactors> | undefined {
  if (file.type !== "MORA") return undefined;
  const { fields, tensors } = file;
  const options = file.options(OPTIONS);
  return {
    method: mora({ ...options, targets: fields.list("target_modules"), heads: file.savedModules }),
    options,
    part: (path) => ({ M: tensors.take(`${path}.mora_M`) }),
  };
}

/**
 * The description of {@linkcode mora} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const moraMethod: MethodDescription = defineMethod({
  name: "mora",
  summary: "a square matrix of high rank between fixed maps that shorten inputs and lengthen results",
  paper: "https://arxiv.org/abs/2405.12130",
  options: OPTIONS,
  make: ({ rank, targets, dropout, map }, { heads }) => mora({ rank, targets, dropout, map, heads }),
  recipe: { learningRate: 5e-3, options: () => ({ rank: 8, targets: QUERIES_AND_VALUES, map: "sharing" }) },
  readAdapter: readMora,
});
