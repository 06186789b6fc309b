import {
  arange,
  concat,
  equal,
  full,
  greater,
  greaterEqual,
  less,
  logicalAnd,
  logicalOr,
  minimum,
  sub,
  where,
  zeros,
  zerosLike,
} from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import * as random from "../ops/random_mod.ts";
import { quotient, requireNumber } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeMap } from "../tensor/tree.ts";
import type { LowRankTrainable } from "./factors.ts";
import { peftAdapter } from "./files/adapter_files.ts";
import { changeBase } from "./files/base_changes.ts";
import { optionFields } from "./files/option_fields.ts";
import {
  adaptWith,
  countParameters,
  type LowRankOptions,
  mergeWith,
  requireAlpha,
  requireDropout,
  requireRank,
  takeHeads,
} from "./low_rank.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import { DATA_ALPHA, DROPOUT, QUERIES_AND_VALUES, TARGETS } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import type { OptionSchema } from "./method_options.ts";
import { selectTargets } from "./targets.ts";

/** The triplets of one target, as a singular value decomposition has them: ΔW = (α/r₀)·P·diag(E)·Q. */
export interface Triplets {
  /** Left vectors, `[out, r₀]`. */
  readonly P: Tensor;
  /** Values, `[r₀]`: 0 for triplets that were cut. */
  readonly E: Tensor;
  /** Right vectors, `[r₀, in]`. */
  readonly Q: Tensor;
}

/** Options of {@linkcode adalora}. */
export interface AdaloraOptions extends Omit<LowRankOptions, "rank"> {
  /** r₀: rank of each target at first, a whole number from 1; PEFT's `init_r`. */
  readonly initialRank: number;
  /** r: average rank of the targets at last, at most r₀; PEFT's `target_r`. */
  readonly targetRank: number;
  /** T: steps of the run; PEFT's `total_step`. */
  readonly totalSteps: number;
  /** tᵢ: steps before anything is cut; PEFT's `tinit`. */
  readonly warmup: number;
  /** t_f: steps at the end in which nothing more is cut; PEFT's `tfinal`. */
  readonly final: number;
  /** Δ_T: steps between cuts; PEFT's `deltaT`. */
  readonly interval: number;
  /** β₁ of the smoothed importance, 0.85 by default. */
  readonly beta1?: number;
  /** β₂ of its uncertainty, 0.85 by default. */
  readonly beta2?: number;
  /**
   * γ: weight of the penalty that keeps P and Q orthogonal, 0.1 by default; PEFT's `orth_reg_weight`, whose default is
   * 0.5.
   */
  readonly orthogonality?: number;
}

/** What AdaLoRA keeps beside its triplets: by how much the loss would miss each element, and which triplets live. */
export interface AdaloraAux {
  /** Smoothed |w · gradient| of each element, by target. */
  readonly importance: Readonly<Record<string, Triplets>>;
  /** Smoothed distance of |w · gradient| from its mean, by target. */
  readonly uncertainty: Readonly<Record<string, Triplets>>;
  /** f32 `[targets · r₀]`: 1 for triplets that the last cut kept, 0 for others. */
  readonly mask: Tensor;
}

const zerosOf = (factors: Readonly<Record<string, Triplets>>) => treeMap(zerosLike, factors);

/**
 * AdaLoRA ([2303.10512](https://arxiv.org/abs/2303.10512)): W stays frozen and gets ΔW = (α/r₀)·P·diag(E)·Q beside it.
 * All triplets of all targets compete for a budget that falls from r₀ to r a target by a cubic schedule: every Δ_T
 * steps the E of all but the best are set to zero, while their P and Q stay, so that they can come back. Among equals
 * the lower index wins. `export` gives PEFT's `ADALORA`.
 *
 * The penalty is γ times the mean over P and Q of ‖PᵀP − I‖_F and ‖QQᵀ − I‖_F, the form of the authors' code and of
 * PEFT; the paper squares and sums.
 *
 * Throws a RangeError where a rank is no whole number from 1, the target rank is above the initial one, dropout is not
 * in [0, 1), no step is left for the budget to fall, or α is a tensor and no scalar, and a TypeError where that is not f32.
 * `export` throws a RangeError where α is a tensor.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const schedule = { totalSteps: 100, warmup: 10, final: 30, interval: 5 };
 * const method = dd.peft.adalora({ initialRank: 3, targetRank: 2, alpha: 6, targets: ["query"], ...schedule });
 * const { trainable } = method.init(dd.random.key(0), { "query.weight": dd.ones([4, 5]) });
 * const { P, E, Q } = trainable.factors.query;
 * console.log(P.shape, E.shape, Q.shape); // [4, 3] [3] [3, 5]
 * ```
 */
export function adalora(options: AdaloraOptions): Method<LowRankTrainable<Triplets>, AdaloraAux> {
  const { initialRank, targetRank, alpha, totalSteps, warmup, final, interval } = options;
  const { beta1 = 0.85, beta2 = 0.85, orthogonality = 0.1 } = options;
  requireRank("adalora", initialRank);
  requireRank("adalora", targetRank);
  requireDropout("adalora", options);
  requireAlpha("adalora", options);
  if (targetRank > initialRank) {
    throw new RangeError(`adalora: the target rank ${targetRank} is above the initial one, ${initialRank}`);
  }
  if (warmup + final >= totalSteps) {
    throw new RangeError(
      `adalora: ${warmup} first and ${final} last steps leave none of ${totalSteps} for the budget to fall`,
    );
  }
  const scale = quotient(alpha, initialRank);
  const change = ({ P, E, Q }: Triplets): LowRank<Tensor> => ({ left: P, right: Q.mul(E.expandDims(1)), scale });

  /** b(t), triplets in all targets: b₀ until tᵢ, then a cubic fall, then b_T. */
  const budget = (step: Tensor, targets: number): Tensor => {
    const [first, last] = [targets * initialRank, targets * targetRank];
    const progress = minimum(
      step.astype("f32").sub(warmup).mul(1 / (totalSteps - warmup - final)).maximum(0),
      1,
    );
    const rest = sub(1, progress);
    // Whole triplets: cut towards zero, as the authors' code does.
    return rest.mul(rest).mul(rest).mul(first - last).add(last + 1e-4).astype("i32");
  };

  /** s(E) + mean s(P) + mean s(Q) of each triplet, with s = importance · uncertainty. */
  const scores = (importance: AdaloraAux["importance"], uncertainty: AdaloraAux["uncertainty"]): Tensor =>
    concat(
      Object.keys(importance).map((path) => {
        const [I, U] = [importance[path], uncertainty[path]];
        return I.E.mul(U.E).add(I.P.mul(U.P).mean({ axis: 0 }).add(I.Q.mul(U.Q).mean({ axis: 1 })));
      }),
    );

  return {
    name: "adalora",
    init(key, base) {
      const targets = selectTargets(base, options.targets, options.heads);
      const factors = Object.fromEntries(targets.map((path, i): [string, Triplets] => {
        const [output, input] = base[`${path}.weight`].shape;
        const [forP, forQ] = random.split(random.foldIn(key, i));
        return [path, {
          P: random.normal(forP, [output, initialRank], { std: 0.02 }),
          E: zeros([initialRank]),
          Q: random.normal(forQ, [initialRank, input], { std: 0.02 }),
        }];
      }));
      const mask = full([targets.length * initialRank], 1);
      return {
        trainable: { factors, heads: takeHeads(base, options.heads) },
        aux: { importance: zerosOf(factors), uncertainty: zerosOf(factors), mask },
      };
    },
    writes: () => [],
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) => new LowRankWeight(W, [change(factors)], dropout),
      ),
    penalty({ factors }) {
      const identity = arange(initialRank).expandDims(0).equal(arange(initialRank).expandDims(1)).astype("f32");
      const distances = Object.values(factors).flatMap(({ P, Q }) =>
        [P.matmul(P, { transposeA: true }), Q.matmul(Q, { transposeB: true })].map((gram) =>
          gram.sub(identity).square().sum().sqrt()
        )
      );
      return distances.reduce((a, b) => a.add(b)).mul(orthogonality / distances.length);
    },
    after({ base, trainable, grads, aux, step }) {
      const { factors, heads } = trainable;
      const smooth = (beta: number) => (old: Tensor, now: Tensor) => old.mul(beta).add(now.mul(1 - beta));
      const beforeEnd = less(step, totalSteps - final);
      const whileCutting = (next: Tensor, old: Tensor) => where(beforeEnd, next, old);
      const now = treeMap((w, g) => w.mul(g).abs(), factors, grads.factors);
      const smoothed = treeMap(smooth(beta1), aux.importance, now);
      const spread = treeMap((i, mean) => i.sub(mean).abs(), now, smoothed);
      const importance = treeMap(whileCutting, smoothed, aux.importance);
      const uncertainty = treeMap(whileCutting, treeMap(smooth(beta2), aux.uncertainty, spread), aux.uncertainty);

      const paths = Object.keys(factors);
      const all = scores(importance, uncertainty);
      const count = all.size;
      const [row, column] = [all.expandDims(0), all.expandDims(1)];
      const earlier = arange(count).expandDims(0).less(arange(count).expandDims(1));
      // Place of a triplet: how many are better, or as good and earlier.
      const ahead = logicalOr(greater(row, column), logicalAnd(equal(row, column), earlier));
      const place = ahead.astype("f32").sum({ axis: 1 });
      const kept = place.less(budget(step, paths.length).astype("f32")).astype("f32");

      const isDue = step.sub(intervalsIn(step, interval).mul(interval)).equal(0);
      const cuts = logicalAnd(logicalAnd(greater(step, warmup), beforeEnd), isDue);
      // The last cut uses the whole fall of the budget; from then on its pattern holds at every step.
      const isLast = equal(step, totalSteps - final);
      const mask = where(cuts.logicalOr(isLast), kept, aux.mask);
      const applies = logicalOr(cuts, greaterEqual(step, totalSteps - final));
      const cut = paths.map((path, i) => {
        const part = mask.slice({ start: [i * initialRank], size: [initialRank] });
        return [path, { ...factors[path], E: where(applies.logicalAnd(part.equal(0)), 0, factors[path].E) }];
      });
      return { base, trainable: { factors: Object.fromEntries(cut), heads }, aux: { importance, uncertainty, mask } };
    },
    merge: (state) => mergeWith(state, (_, factors) => [change(factors)]),
    export: ({ base, trainable: { factors, heads } }) =>
      peftAdapter({
        settings: {
          peft_type: "ADALORA",
          r: initialRank,
          ...optionFields(OPTIONS, {
            ...{ initialRank, targetRank, dropout: options.dropout ?? 0 },
            alpha: requireNumber({ of: "adalora", name: "alpha", value: alpha }, "export"),
            ...{ warmup, final, interval },
          }),
          beta1,
          beta2,
          ...optionFields(OPTIONS, { orthogonality }),
          total_step: totalSteps,
        },
        targets: Object.keys(factors),
        parts: {
          ".lora_A": (target) => factors[target].Q,
          ".lora_B": (target) => factors[target].P,
          ".lora_E": (target) => factors[target].E.reshape([initialRank, 1]),
        },
        heads,
        base,
      }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/** How many whole intervals a step has behind it. */
function intervalsIn(step: Tensor, interval: number): Tensor {
  return step.astype("f32").add(0.5).mul(1 / interval).astype("i32");
}

/** Steps between cuts are a fortieth of the run, and its shares before the first cut and after the last a tenth and 0.3. */
const OPTIONS = {
  targetRank: {
    kind: "integer",
    help: "average rank of the layers in the end",
    default: 8,
    minimum: 1,
    field: ["target_r", 8],
  },
  initialRank: {
    kind: "integer",
    help: "rank of each layer at first; 1.5 times that in the end by default",
    default: ({ targetRank }) => Math.ceil(1.5 * Number(targetRank)),
    minimum: 1,
    field: ["init_r", 12],
  },
  alpha: DATA_ALPHA,
  targets: TARGETS,
  dropout: DROPOUT,
  warmup: {
    kind: "integer",
    help: "steps before anything is cut; a tenth of the run by default",
    default: (_, { steps }) => Math.floor(0.1 * steps),
    minimum: 0,
    field: ["tinit", 0],
  },
  final: {
    kind: "integer",
    help: "steps at the end in which nothing more is cut; three tenths of the run by default",
    default: (_, { steps }) => Math.min(Math.ceil(0.3 * steps), steps - 1),
    minimum: 0,
    field: ["tfinal", 0],
  },
  interval: {
    kind: "integer",
    help: "steps between cuts; a fortieth of the run by default",
    default: (_, { steps }) => Math.max(1, Math.floor(steps / 40)),
    minimum: 1,
    field: ["deltaT", 1],
  },
  orthogonality: {
    kind: "number",
    help: "weight of the penalty that keeps P and Q orthogonal",
    default: 0.1,
    minimum: 0,
    field: ["orth_reg_weight", 0.5],
  },
} as const satisfies OptionSchema;

/** Dead triplets take the place of those that were cut when the adapter was saved. */
function wholeTriplets(path: string, [A, B, E]: readonly Tensor[], rank: number): Triplets {
  const missing = rank - E.size;
  if (missing < 0) {
    throw new Error(`cannot use the adapter: ${path} has ${E.size} triplets, more than init_r = ${rank}`);
  }
  const flat = E.reshape([E.size]);
  if (E.size === 0) return { P: zeros([B.shape[0], rank]), E: zeros([rank]), Q: zeros([rank, A.shape[1]]) };
  if (missing === 0) return { P: B, E: flat, Q: A };
  return {
    P: concat([B, zeros([B.shape[0], missing])], { axis: 1 }),
    E: concat([flat, zeros([missing])]),
    Q: concat([A, zeros([missing, A.shape[1]])]),
  };
}

/**
 * The description of {@linkcode adalora} for trainers, command lines and records: options with defaults, recipe,
 * adapters.
 */
export const adaloraMethod: MethodDescription = defineMethod({
  name: "adalora",
  summary: "low-rank triplets that compete for a falling budget of ranks",
  paper: "https://arxiv.org/abs/2303.10512",
  options: OPTIONS,
  make: (options, { steps, heads }) => adalora({ ...options, heads, totalSteps: steps }),
  recipe: {
    learningRate: 1e-2,
    // As many triplets in the end as LoRA has ranks; half as many more at first, as in the paper.
    options: (steps) => ({
      initialRank: 12,
      targetRank: 8,
      alpha: 24,
      targets: QUERIES_AND_VALUES,
      warmup: Math.floor(0.1 * steps),
      final: Math.min(Math.ceil(0.3 * steps), steps - 1),
      interval: Math.max(1, Math.floor(steps / 40)),
      orthogonality: 0.1,
    }),
  },
  adapterFields: ["total_step", "beta1", "beta2"],
  // Its schedule matters to further training alone.
  readAdapter(file) {
    if (file.type !== "ADALORA") return undefined;
    const { fields, tensors, base, places } = file;
    const { linear, tables, heads } = places;
    if (tables.length > 0) throw new Error(`cannot use the adapter: AdaLoRA is not for embeddings, as ${tables[0]}`);
    const options = file.options(OPTIONS);
    const { initialRank, alpha } = options;
    const method = adalora({
      ...options,
      targets: linear,
      heads,
      alpha: alpha > 0 ? alpha : initialRank,
      targetRank: Math.min(options.targetRank, initialRank),
      totalSteps: fields.number("total_step"),
      beta1: fields.number("beta1", 0.85),
      beta2: fields.number("beta2", 0.85),
    });
    return {
      method,
      options: { ...options, alpha: alpha > 0 ? alpha : initialRank },
      part(path) {
        const parts = [".lora_A", ".lora_B", ".lora_E"].map((ending) => tensors.take(`${path}${ending}`));
        return wholeTriplets(path, parts, initialRank);
      },
      changeBase: () => changeBase(base, { ...places, fields, tensors }),
    };
  },
});
