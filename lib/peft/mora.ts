import { arange, concat, tile, zeros } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LowRankPatterns, LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { ownAdapter } from "./files/adapter_files.ts";
import { optionFields } from "./files/option_fields.ts";
import { adaptWith, countParameters, type LowRankOptions, requireDropout, requireRank, takeHeads } from "./low_rank.ts";
import { DROPOUT, LOW_RANK, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import { type BranchDropout, onRows } from "./low_rank_weight.ts";
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
export interface MoraOptions extends Omit<LowRankOptions, "alpha" | keyof LowRankPatterns> {
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

/** The input in blocks `[rows, blocks, side]`; the last one is filled up with the input's beginning, as in the authors' code. */
function blocksOf(x: Tensor, side: number): Tensor {
  const input = x.shape[1];
  const blocks = Math.ceil(input / side);
  const whole = blocks * side === input ? x : concat([x, firstColumns(x, blocks * side - input)], { axis: 1 });
  return whole.reshape([-1, blocks, side]);
}

/** Blocks, each of whose pairs (j, j + side/2) is turned by its block's number times 10000^(−2j/side), as in RoPE. */
function turned(parts: Tensor): Tensor {
  const [rows, blocks, side] = parts.shape;
  const half = side / 2;
  const rates = arange(half, { dtype: "f32" }).mul(-2 * Math.log(10_000) / side).exp();
  const angles = arange(blocks, { dtype: "f32" }).expandDims(1).mul(rates);
  const [cosine, sine] = [angles.cos(), angles.sin()];
  const [x, y] = [0, half].map((from) => parts.slice({ start: [0, 0, from], size: [rows, blocks, half] }));
  return concat([x.mul(cosine).sub(y.mul(sine)), y.mul(cosine).add(x.mul(sine))], { axis: 2 });
}

/** What M adds to an output of so many elements: x `[rows, in]` → `[rows, output]`. */
function branch(x: Tensor, { M }: MoraFactors, { map, output }: { readonly map: MoraMap; readonly output: number }) {
  const side = M.shape[0];
  const parts = blocksOf(x, side);
  const results = map === "sharing"
    ? parts.sum({ axis: 1 }).matmul(M, { transposeB: true })
    : onRows(turned(parts), (rows) => rows.matmul(M, { transposeB: true }));
  const flat = results.reshape([x.shape[0], -1]);
  return firstColumns(tile(flat, [1, Math.ceil(output / flat.shape[1])]), output);
}

/** A weight with a square matrix of high rank beside it, between maps that have no parameters. */
class MoraWeight implements ProjectedWeight {
  constructor(
    readonly W: Tensor,
    readonly factors: MoraFactors,
    readonly map: MoraMap,
    readonly dropout?: BranchDropout,
  ) {}

  project(x: Tensor): Tensor {
    const { W, factors, map, dropout: drop } = this;
    return onRows(x, (rows) => {
      const kept = drop ? dropout(rows, drop) : rows;
      return rows.matmul(W, { transposeB: true }).add(branch(kept, factors, { map, output: W.shape[0] }));
    });
  }

  treeParts(): [W: Tensor, factors: MoraFactors, map: MoraMap, dropout: BranchDropout | undefined] {
    return [this.W, this.factors, this.map, this.dropout];
  }

  withTreeParts([W, factors, map, dropout]: ReturnType<MoraWeight["treeParts"]>): MoraWeight {
    return new MoraWeight(W, factors, map, dropout);
  }
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
 * matrix of side ⌊√((in + out)·r) + ½⌋, or in where that is less, zero at first: about LoRA's number of parameters at rank r, and a change whose rank
 * is up to that side. f and g are fixed: by `sharing` (the paper's equation 6) f sums the inputs whose numbers leave the
 * same rest by the side, and g repeats the result; by `rotation` (equation 9) f cuts the input into blocks as long as the
 * side, the i-th turned by RoPE's angles for position i, and g joins what M makes of each.
 *
 * Where the side does not divide the input, f goes on with the input's beginning, as the authors' code does and the paper
 * does not say. Rotation takes the next smaller even side. There is no α, as in that code. No weight of the form `[out, in]`
 * is made in a step.
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
        ({ W, factors, dropout }) => new MoraWeight(W, factors, map, dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge({ base, trainable: { factors, heads } }) {
      const merged = Object.entries(factors).map(([path, own]) => {
        const name = `${path}.weight`;
        const [output, input] = base[name].shape;
        const places = arange(input);
        const identity = places.expandDims(0).equal(places.expandDims(1)).astype("f32");
        return [name, branch(identity, own, { map, output }).transpose().add(base[name].astype("f32"))];
      });
      return { ...base, ...heads, ...Object.fromEntries(merged) };
    },
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
