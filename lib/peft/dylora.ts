import { arange, div, full, where } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import { quotient, requireNumber } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import { changeOf, type Factors, type LowRankTrainable } from "./factors.ts";
import {
  adaptWith,
  countParameters,
  initialTrainable,
  type LowRankOptions,
  mergeWith,
  requireAlpha,
  requireDropout,
  requireRank,
} from "./low_rank.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import type { Method, MethodState } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** Options of {@linkcode dylora}. */
export interface DyloraOptions extends LowRankOptions {
  /** What a step trains: `all` of the first b components (the default), or with `frozen` the b-th alone. */
  readonly mode?: "all" | "frozen";
  /** Rank at test time, in merged weights and in adapters, from 1 to `rank`, which is the default. */
  readonly testRank?: number;
}

/** What DyLoRA keeps beside its factors. */
export interface DyloraAux {
  /** What the number of components of each step is drawn from. */
  readonly key: Key;
  /** b: components that the coming step uses, an i32 scalar from 1 to r. */
  readonly active: Tensor;
}

/** The first components of a pair. */
function cut({ A, B }: Factors, rank: number): Factors {
  return {
    A: A.slice({ start: [0, 0], size: [rank, A.shape[1]] }),
    B: B.slice({ start: [0, 0], size: [B.shape[0], rank] }),
  };
}

function requireBelow(rank: number, whole: number): void {
  requireRank("dylora", rank);
  if (rank > whole) throw new RangeError(`dylora: no rank above the ${whole} that were trained, such as ${rank}`);
}

/**
 * A state of {@linkcode dylora} at a smaller rank: one of {@linkcode lora} with that rank and the same α, which adapts,
 * merges and exports it.
 *
 * Throws a RangeError where the rank is not from 1 to that of the state.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.ones([4, 5]) };
 * const method = dd.peft.dylora({ rank: 8, alpha: 16, targets: ["query"] });
 * const small = dd.peft.dyloraAt({ base, ...method.init(dd.random.key(0), base) }, 2);
 * console.log(small.trainable.factors.query.A.shape); // [2, 5]
 * const lora = dd.peft.lora({ rank: 2, alpha: 16, targets: ["query"] });
 * console.log(lora.merge(small)["query.weight"].shape); // [4, 5]
 * ```
 */
export function dyloraAt(
  { base, trainable: { factors, heads } }: Pick<MethodState<LowRankTrainable>, "base" | "trainable">,
  rank: number,
): MethodState<LowRankTrainable, Record<string, never>> {
  const parts = Object.entries(factors).map(([path, pair]) => {
    requireBelow(rank, pair.A.shape[0]);
    return [path, cut(pair, rank)];
  });
  return { base, trainable: { factors: Object.fromEntries(parts), heads }, aux: {} };
}

/**
 * DyLoRA ([2210.07558](https://arxiv.org/abs/2210.07558)): LoRA that works at every rank up to r. Each step draws b
 * from 1 … r, uses the first b components at the scale α/b, and trains all of them, or with `mode: "frozen"` the b-th
 * alone. The others keep their bits and their moments: neither decay nor momentum moves them. b is drawn on the device
 * from a key of the method's own, so that no step compiles anew, and all parts of a batch in parts have the same.
 *
 * A step is one with a key; without one `adapt` gives the model at `testRank`, and so do `merge` and `export`, whose
 * file is a LoRA adapter; {@linkcode dyloraAt} cuts a state to any other rank.
 *
 * Throws a RangeError where a rank is no whole number from 1, `testRank` is above `rank`, dropout is not in [0, 1), there is
 * no such mode, or α is a tensor and no scalar, and a TypeError where that is not f32. `export` throws a RangeError where α
 * is a tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.ones([4, 5]) };
 * const method = dd.peft.dylora({ rank: 8, alpha: 16, testRank: 4, targets: ["query"] });
 * const { config } = method.export({ base, ...method.init(dd.random.key(0), base) });
 * console.log(config.peft_type, config.r); // LORA 4
 * ```
 */
export function dylora(options: DyloraOptions): Method<LowRankTrainable, DyloraAux> {
  const { rank, alpha, mode = "all", testRank = rank } = options;
  requireRank("dylora", rank);
  requireBelow(testRank, rank);
  requireDropout("dylora", options);
  requireAlpha("dylora", options);
  if (mode !== "all" && mode !== "frozen") throw new RangeError(`dylora: a mode is all or frozen, not ${mode}`);

  /** b of a step: rounding may not lift it above r. */
  const draw = (key: Key, step: Tensor | number): Tensor => {
    const unit = random.uniform(random.foldIn(key, step), []);
    return unit.mul(rank).astype("i32").minimum(rank - 1).add(1);
  };
  const components = () => arange(rank, { dtype: "i32" });
  const inStep = ({ A, B }: Factors, active: Tensor): LowRank<Tensor> => ({
    left: B,
    right: where(components().less(active).expandDims(1), A, 0),
    scale: div(alpha, active.astype("f32")),
  });
  const atTest = (pair: Factors): LowRank<Tensor> => {
    return changeOf(testRank === rank ? pair : cut(pair, testRank), quotient(alpha, testRank));
  };

  return {
    name: "dylora",
    init(key, base) {
      const [own] = random.split(key, 1);
      return { trainable: initialTrainable(key, base, options), aux: { key: own, active: draw(own, 0) } };
    },
    writes: () => [],
    adapt: (base, trainable, { active }, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) => new LowRankWeight(W, [key ? inStep(factors, active) : atTest(factors)], dropout),
      ),
    mask({ factors, heads }, { active }) {
      const own = mode === "all" ? components().less(active) : components().equal(active.sub(1));
      const pair = { A: own.expandDims(1), B: own.expandDims(0) };
      return {
        factors: Object.fromEntries(Object.keys(factors).map((path) => [path, pair])),
        heads: Object.fromEntries(Object.keys(heads).map((name) => [name, full([], 1, { dtype: "bool" })])),
      };
    },
    after: ({ base, trainable, aux: { key }, step }) => ({
      base,
      trainable,
      aux: { key, active: draw(key, step.add(1)) },
    }),
    merge: (state) => mergeWith(state, (_, factors) => [atTest(factors)]),
    export(state) {
      const { factors, heads } = dyloraAt(state, testRank).trainable;
      const plain = requireNumber({ of: "dylora", name: "alpha", value: alpha }, "export");
      const { dropout } = options;
      return loraAdapter({ rank: testRank, alpha: plain, base: state.base, factors, heads, dropout });
    },
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/** The description of {@linkcode dylora} for trainers, command lines and records: options with defaults, and recipe. */
export const dyloraMethod: MethodDescription = defineMethod({
  name: "dylora",
  summary: "LoRA that works at every rank up to its own",
  paper: "https://arxiv.org/abs/2210.07558",
  options: {
    ...DATA_LOW_RANK,
    mode: {
      kind: "text",
      help: "what a step trains of the components that it draws: all, or frozen: the last one alone",
      default: "all",
      choices: ["all", "frozen"],
    },
    testRank: { kind: "integer", help: "rank at test time and in adapters; that of training by default", minimum: 1 },
  },
  make: ({ mode, testRank, ...options }, place) => dylora({ ...lowRankOptions(options, place), mode, testRank }),
  recipe: { learningRate: 1e-2, options: () => ({ ...LOW_RANK_RECIPE, mode: "all" }) },
  beginsFrom: ["lora"],
  isConverted: true,
});
