import { concat, select, stack } from "../ops/mod.ts";
import { product, requireNumber } from "../ops/scalar.ts";
import { svd } from "../linalg/mod.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { changeOf, type Factors, type LowRankPatterns, type LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { loraAdapter } from "./files/adapter_files.ts";
import {
  adaptWith,
  countParameters,
  type LowRankOptions,
  mergeWith,
  requireDropout,
  requirePositiveAlpha,
  requireRanks,
  settingOf,
  takeHeads,
} from "./low_rank.ts";
import { DATA_LOW_RANK, LOW_RANK_RECIPE, lowRankOptions } from "./low_rank_options.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import type { BaseParams, Method, MethodState } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { readLora } from "./read_lora.ts";
import { selectTargets } from "./targets.ts";

/** Options of {@linkcode pissa}. */
export interface PissaOptions extends LowRankOptions, LowRankPatterns {}

/** What PiSSA keeps beside its factors. */
export interface PissaAux {
  /** What the factors began as, by the paths of targets: W without their product is the part that stays. */
  readonly principal: Readonly<Record<string, Factors>>;
}

type PissaState = MethodState<LowRankTrainable, PissaAux>;

/** U, S and Vᵀ of a weight. */
type Decomposed = ReturnType<typeof svd>;

/** U, S and Vᵀ of the targets' weights; those of one shape are computed at once. */
function decompose(base: BaseParams, paths: readonly string[]): (readonly [path: string, Decomposed])[] {
  const weightOf = (path: string) => base[`${path}.weight`];
  const groups = Map.groupBy(paths, (path) => formatShape(weightOf(path).shape));
  return [...groups.values()].flatMap((group) => {
    const [u, s, vt] = svd(stack(group.map((path) => weightOf(path).astype("f32"))));
    const own = (part: Tensor, index: number) => select(part, { axis: 0, index });
    return group.map((path, i) => [path, [own(u, i), own(s, i), own(vt, i)]] as const);
  });
}

/** The first r singular values and vectors, divided among two factors: A = √(S/s)·Vᵀ and B = U·√(S/s). */
function principalOf([u, s, vt]: Decomposed, { rank, scale }: {
  readonly rank: number;
  readonly scale: Tensor | number;
}): Factors {
  const [output, input] = [u.shape[0], vt.shape[1]];
  const root = s.slice({ start: [0], size: [rank] }).div(scale).sqrt();
  return {
    A: vt.slice({ start: [0, 0], size: [rank, input] }).mul(root.expandDims(1)),
    B: u.slice({ start: [0, 0], size: [output, rank] }).mul(root),
  };
}

/**
 * PiSSA ([2404.02948](https://arxiv.org/abs/2404.02948)): {@linkcode lora} whose factors begin as the r largest singular
 * values and vectors of W, beside what is left of it: y = x (W − s·B₀A₀)ᵀ + s·(x Aᵀ) Bᵀ with s = α/r, A₀ = √(S/s)·Vᵀ and
 * B₀ = U·√(S/s) by `linalg.svd`. The model begins as it was, up to rounding, and its principal part is what is trained.
 *
 * Where PEFT writes W − s·B₀A₀ over W, W stays here, and −s·(x A₀ᵀ) B₀ᵀ is added, so that runs share one base, which may
 * be in f16. The change, s·(BA − B₀A₀), has a rank of up to 2r. All singular values are computed, once and for all targets
 * of a shape together, in a time that grows with the cube of the smaller side: some seconds for 384 on two cores, in
 * dispatches of half a second.
 *
 * `export` gives PEFT's `LORA` with `init_lora_weights: "pissa"`, the file that PEFT itself saves: as it loads it, PEFT
 * computes the singular values of its model's W anew and takes the product out of that, so the model must be the original
 * one, and each adapter that is loaded takes out another part. `convert` gives a plain `LORA` of rank 2r, [B, −B₀] and
 * [A; A₀], which changes no base: what PEFT makes with `path_initial_model_for_weight_conversion`.
 *
 * Throws a RangeError where {@linkcode lora} does, and where a number α is not above 0; on `init`, where a rank is above a
 * weight's smaller side. An α that is a tensor must be above 0, too, and is not looked at: the factors would be NaN.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.tensor([[0, 4], [1, 0]]) };
 * const { trainable, aux } = dd.peft.pissa({ rank: 1, alpha: 1, targets: ["query"] }).init(dd.random.key(0), base);
 * console.log(await trainable.factors.query.A.data()); // ≈ Float32Array [0, 2]
 * console.log(await aux.principal.query.B.data()); // ≈ Float32Array [2, 0]
 * ```
 */
export function pissa(options: PissaOptions): Method<LowRankTrainable, PissaAux> {
  requireRanks("pissa", options);
  requireDropout("pissa", options);
  requirePositiveAlpha("pissa", options);
  const requireValues = (base: BaseParams, path: string) => {
    const count = Math.min(...base[`${path}.weight`].shape);
    const { rank } = settingOf(path, options);
    if (rank > count) throw new RangeError(`pissa: rank ${rank} is above the ${count} singular values of ${path}`);
  };
  const changes = (path: string, factors: Factors, { principal }: PissaAux) => {
    const { scale } = settingOf(path, options);
    return [changeOf(factors, scale), changeOf(principal[path], product(-1, scale))];
  };
  const plainAlpha = () => requireNumber({ of: "pissa", name: "alpha", value: options.alpha }, "export");
  return {
    name: "pissa",
    init(_, base) {
      const paths = selectTargets(base, options.targets, options.heads);
      for (const path of paths) requireValues(base, path);
      const parts = new Map(decompose(base, paths));
      const factors = Object.fromEntries(
        paths.map((path) => [path, principalOf(parts.get(path)!, settingOf(path, options))]),
      );
      return { trainable: { factors, heads: takeHeads(base, options.heads) }, aux: { principal: factors } };
    },
    writes: () => [],
    adapt: (base, trainable, aux, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ path, W, factors, dropout }) => new LowRankWeight(W, changes(path, factors, aux), dropout),
      ),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ base, trainable, aux }) => mergeWith({ base, trainable }, (path, factors) => changes(path, factors, aux)),
    export({ base, trainable: { factors, heads } }) {
      const { config, tensors } = loraAdapter({ ...options, alpha: plainAlpha(), base, factors, heads });
      return { config: { ...config, init_lora_weights: "pissa" }, tensors };
    },
    convert: (state) => whole(state, { ...options, alpha: plainAlpha() }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

const doubled = (pattern: Readonly<Record<string, number>> = {}, by = 2) =>
  Object.fromEntries(Object.entries(pattern).map(([key, value]) => [key, by * value]));

/** The whole change, s·(BA − B₀A₀), as a LoRA adapter of twice the rank and the same scales. */
function whole(
  { base, trainable: { factors, heads }, aux: { principal } }: PissaState,
  options: PissaOptions & {
    readonly alpha: number;
  },
) {
  const pairs = Object.entries(factors).map(([path, { A, B }]) => [path, {
    A: concat([A, principal[path].A], { axis: 0 }),
    B: concat([B, principal[path].B.neg()], { axis: 1 }),
  }]);
  // α/r stays with both doubled, and α/√r with α times √2.
  const by = options.scaling === "rank-stabilized" ? Math.SQRT2 : 2;
  return loraAdapter({
    ...options,
    rank: 2 * options.rank,
    alpha: by * options.alpha,
    rankPattern: doubled(options.rankPattern),
    alphaPattern: doubled(options.alphaPattern, by),
    base,
    factors: Object.fromEntries(pairs),
    heads,
  });
}

/** An adapter of PEFT's kind `LORA` that began as PiSSA, if it is one. */
function readPissa(file: AdapterFile): AdapterReading<Factors> | undefined {
  if (!file.isPissa) return undefined;
  const { tables } = file.places;
  if (tables.length > 0) throw new Error(`cannot use the adapter: PiSSA is not for embeddings, as ${tables[0]}`);
  return readLora(file, pissa);
}

/**
 * The description of {@linkcode pissa} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const pissaMethod: MethodDescription = defineMethod({
  name: "pissa",
  summary: "LoRA that begins as the largest singular values of W, beside what is left of it",
  paper: "https://arxiv.org/abs/2404.02948",
  options: DATA_LOW_RANK,
  make: (options, place) => pissa(lowRankOptions(options, place)),
  recipe: { learningRate: 2e-3, options: () => LOW_RANK_RECIPE },
  readAdapter: readPissa,
  isConverted: true,
});
