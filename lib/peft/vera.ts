import { full, zeros } from "../ops/mod.ts";
import { tensor } from "../tensor/create.ts";
import { requireWhole } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Factors, LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { peftAdapter } from "./files/adapter_files.ts";
import { changeBase } from "./files/base_changes.ts";
import { optionFields } from "./files/option_fields.ts";
import { torchUniform } from "./files/torch_uniform.ts";
import {
  adaptWith,
  countParameters,
  type LowRankOptions,
  mergeWith,
  requireDropout,
  requireRank,
  takeHeads,
} from "./low_rank.ts";
import { DROPOUT, LOW_RANK, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import type { BaseParams, Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import type { OptionSchema } from "./method_options.ts";
import { selectTargets } from "./targets.ts";

/** What VeRA trains of one target. */
export interface VeraFactors {
  /** What each component weighs, `[r]`. */
  readonly d: Tensor;
  /** What each element of the output receives of their sum, `[out]`. */
  readonly b: Tensor;
}

/** What VeRA keeps beside what it trains. */
export interface VeraAux {
  /** A `[r, in]` and B `[out, r]` of the largest input and output, which all targets share; others take their beginning. */
  readonly projections: Factors;
}

/** Options of {@linkcode vera}. */
export interface VeraOptions extends Omit<LowRankOptions, "alpha"> {
  /** What d begins as, above 0; 0.1 by default. */
  readonly initial?: number;
  /** What A and B are drawn from, a whole number below 2³²: PEFT's `projection_prng_key`; 0 by default. */
  readonly projectionKey?: number;
  /** Whether `export` writes A and B, `saved` (the default, as in PEFT), or they are `drawn` anew from the key. */
  readonly projection?: "saved" | "drawn";
  /** A and B in the place of those that are drawn, such as those of a file. */
  readonly projections?: Factors;
}

/** The largest sizes among the targets' weights, `[out, in]`. */
function largest(base: BaseParams, targets: readonly string[]): [output: number, input: number] {
  const shapes = targets.map((path) => base[`${path}.weight`].shape);
  return [Math.max(...shapes.map(([output]) => output)), Math.max(...shapes.map(([, input]) => input))];
}

/** A and B, uniform on ±√(6/n) with n the second of their sizes (Kaiming), the numbers that PEFT draws from the key. */
function drawn([output, input]: readonly [number, number], rank: number, key: number): Factors {
  const draw = torchUniform(key);
  const matrix = (rows: number, columns: number) =>
    tensor(draw(rows * columns, Math.sqrt(6 / columns)), { shape: [rows, columns] });
  return { A: matrix(rank, input), B: matrix(output, rank) };
}

/** The beginnings of A and B that fit a weight `[out, in]`. */
function fitting({ A, B }: Factors, [output, input]: readonly number[]): Factors {
  const rank = A.shape[0];
  return {
    A: A.slice({ start: [0, 0], size: [rank, input] }),
    B: B.slice({ start: [0, 0], size: [output, rank] }),
  };
}

/**
 * VeRA ([2310.11454](https://arxiv.org/abs/2310.11454)): y = x Wᵀ + b ∘ ((d ∘ (x Aᵀ)) Bᵀ) with W `[out, in]` frozen, A
 * `[r, in]` and B `[out, r]` drawn once and shared by all targets, which train d `[r]` and b `[out]` alone. d begins as
 * 0.1 and b as zero. A and B are uniform (Kaiming), and the same for every seed of a run: they are drawn from
 * `projectionKey`, by PyTorch's generator, to the bits that PEFT draws from its `projection_prng_key`. Targets of smaller
 * sizes take the beginning of both, as in PEFT.
 *
 * `export` gives PEFT's `VERA`; with `projection: "drawn"` the file has neither A nor B, and PEFT draws them anew.
 *
 * Throws a RangeError where the rank is no whole number from 1, the key none from 0 to 2³² − 1, dropout is not in [0, 1),
 * d does not begin above 0, as neither d nor b would ever move from zeros, or `projection` is neither of both.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]), "classifier.weight": dd.ones([2, 3]) };
 * const method = dd.peft.vera({ rank: 8, targets: ["query"] });
 * const state = { base, ...method.init(dd.random.key(0), base) };
 * console.log(method.describe(state)); // { trainableParameters: 17, totalParameters: 85 }
 * ```
 */
export function vera(options: VeraOptions): Method<LowRankTrainable<VeraFactors>, VeraAux> {
  const { rank, initial = 0.1, projectionKey = 0, projection = "saved", projections } = options;
  requireRank("vera", rank);
  requireDropout("vera", options);
  if (!(initial > 0 && Number.isFinite(initial))) {
    throw new RangeError(`vera: d begins as a number above 0, not ${initial}: it would never train`);
  }
  requireWhole("vera: projectionKey", projectionKey, { below: 2 ** 32, note: "and below 2³²" });
  if (projection !== "saved" && projection !== "drawn") {
    throw new RangeError(`vera: a projection is saved or drawn, not ${projection}`);
  }
  return {
    name: "vera",
    init(_, base) {
      const targets = selectTargets(base, options.targets, options.heads);
      const factors = targets.map((path): [string, VeraFactors] => {
        const [output] = base[`${path}.weight`].shape;
        return [path, { d: full([rank], initial), b: zeros([output]) }];
      });
      return {
        trainable: { factors: Object.fromEntries(factors), heads: takeHeads(base, options.heads) },
        aux: { projections: projections ?? drawn(largest(base, targets), rank, projectionKey) },
      };
    },
    writes: () => [],
    adapt: (base, trainable, aux, key) =>
      adaptWith({ base, trainable, dropout: options.dropout, key }, ({ W, factors: { d, b }, dropout }) => {
        const { A, B } = fitting(aux.projections, W.shape);
        // d lies between two narrow products, b in the smaller one of two matrices.
        return new LowRankWeight(W, [{ left: B.mul(b.expandDims(1)), right: A, scale: d }], dropout);
      }),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ base, trainable, aux }) =>
      mergeWith({ base, trainable }, (path, { d, b }) => {
        const { A, B } = fitting(aux.projections, base[`${path}.weight`].shape);
        return [{ left: B.mul(b.expandDims(1)), right: A.mul(d.expandDims(1)), scale: 1 }];
      }),
    export: ({ base, trainable: { factors, heads }, aux: { projections: { A, B } } }) =>
      peftAdapter({
        settings: {
          peft_type: "VERA",
          ...optionFields(OPTIONS, { rank, dropout: options.dropout ?? 0, initial, projectionKey }),
          save_projection: projection === "saved",
          bias: "none",
          init_weights: true,
        },
        targets: Object.keys(factors),
        parts: {
          ".vera_lambda_b": (target) => factors[target].b,
          ".vera_lambda_d": (target) => factors[target].d,
        },
        shared: projection === "saved" ? { "base_model.vera_A": A, "base_model.vera_B": B } : {},
        heads,
        base,
      }),
    describe({ base, trainable, aux: { projections: { A, B } } }) {
      const { trainableParameters, totalParameters } = countParameters(base, trainable);
      return { trainableParameters, totalParameters: totalParameters + A.size + B.size };
    },
  };
}

const OPTIONS = {
  rank: { ...LOW_RANK.rank, default: 256, field: ["r", 256] },
  targets: LOW_RANK.targets,
  dropout: { ...DROPOUT, field: ["vera_dropout", 0] },
  initial: { kind: "number", help: "what d begins as", default: 0.1, above: 0, field: ["d_initial", 0.1] },
  projectionKey: {
    kind: "integer",
    help: "what A and B are drawn from, the same in runs of all seeds",
    default: 0,
    minimum: 0,
    below: 2 ** 32,
    field: ["projection_prng_key", 0],
  },
  projection: {
    kind: "text",
    help: "whether adapters hold A and B, saved, or they are drawn anew from the key; saved by default",
    default: "saved",
    choices: ["saved", "drawn"],
  },
} as const satisfies OptionSchema;

/** An adapter of PEFT's kind `VERA`, if it is one. */
function readVera(file: AdapterFile): AdapterReading<VeraFactors> | undefined {
  if (file.type !== "VERA") return undefined;
  const { fields, tensors, base, places } = file;
  const { linear, tables, heads } = places;
  if (tables.length > 0) throw new Error(`cannot use the adapter: VeRA is not for embeddings, as ${tables[0]}`);
  const options = file.options(OPTIONS);
  const [output, input] = largest(base, linear);
  const projection = fields.flag("save_projection", true) ? "saved" : "drawn";
  const projections = projection === "saved"
    ? {
      A: tensors.takeShaped("base_model.vera_A", [options.rank, input]),
      B: tensors.takeShaped("base_model.vera_B", [output, options.rank]),
    }
    : undefined;
  return {
    method: vera({ ...options, targets: linear, heads, projection, projections }),
    options: { ...options, projection },
    part: (path) => ({
      d: tensors.take(`${path}.vera_lambda_d`),
      b: tensors.take(`${path}.vera_lambda_b`),
    }),
    changeBase: () => changeBase(base, { ...places, fields, tensors }),
  };
}

/**
 * The description of {@linkcode vera} for trainers, command lines and records: options with defaults, recipe, adapters.
 */
export const veraMethod: MethodDescription = defineMethod({
  name: "vera",
  summary: "two vectors for each target, around random matrices that all of them share",
  paper: "https://arxiv.org/abs/2310.11454",
  options: OPTIONS,
  make: ({ rank, targets, dropout, initial, projectionKey, projection }, { heads }) =>
    vera({ rank, targets, dropout, heads, initial, projectionKey, projection }),
  recipe: { learningRate: 2e-2, options: () => ({ rank: 256, targets: QUERIES_AND_VALUES }) },
  // The paper's on most of GLUE's tasks, for RoBERTa-base.
  learningRate: 4e-3,
  adapterFields: ["init_weights", "save_projection"],
  readAdapter: readVera,
});
