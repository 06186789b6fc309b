import { addLowRank, concat, copy, full, stopGradient, sub, where, zerosLike } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import { quotient, requireNumber, requireScalar } from "../ops/scalar.ts";
import type { Schedule } from "../optim/optimizer.ts";
import { cosineSchedule, linearSchedule, type WarmupOptions } from "../optim/schedules.ts";
import { requireWhole } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeMap } from "../tensor/tree.ts";
import { deltaOfStep, movesAt, weightAt } from "./delta_lora_update.ts";
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
import { TelescopedWeight } from "./telescoped_weight.ts";
import { DATA_LOW_RANK, LAMBDA, lowRankOptions, QUERIES_AND_VALUES } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { selectTargets } from "./targets.ts";

/** Options of {@linkcode deltaLora}. */
export interface DeltaLoraOptions extends LowRankOptions {
  /**
   * λ: weight of the change that W receives, a number, an f32 scalar where it is data, or a schedule by step, which needs
   * the form in place.
   */
  readonly lambda: number | Tensor | Schedule;
  /**
   * K: W moves in updates whose number, from 0, is above this one; −1 for all of them. A number, or an i32 scalar where it
   * is data.
   */
  readonly startStep: number | Tensor;
  /**
   * `in-place`: W itself is written, as in the paper, and must be f32. `telescoped`: W stays, and the sum of all
   * changes, which telescopes, is part of the forward pass. `auto`, the default: telescoped where λ is no schedule.
   */
  readonly write?: "in-place" | "telescoped" | "auto";
  /**
   * Probability, in [0, 1), with which an element of the branch's input drops out in training; the paper has no
   * dropout, so that any but 0, the default, needs `allowDropout`.
   */
  readonly dropout?: number;
  /**
   * Lets the branch drop out, though W then receives a change that is not that of its own gradient: for ablations;
   * false by default.
   */
  readonly allowDropout?: boolean;
}

/** What Delta-LoRA keeps beside its factors. */
export interface DeltaLoraAux {
  /** The factors after update K: those from which on W moves. */
  readonly anchor: Readonly<Record<string, Factors>>;
  /** Updates whose change W received, an i32 scalar. */
  readonly writes: Tensor;
}

/**
 * Delta-LoRA ([2309.02411](https://arxiv.org/abs/2309.02411)): LoRA whose frozen weight receives the change of the
 * product of the factors, W ← W + λ·(α/r)·(B′A′ − BA), after each update beyond K. Only factors and heads have
 * gradients and moments. {@linkcode deltaLoraUpdate} is the rule on plain tensors.
 *
 * Summed over a run the changes telescope: W_T = W_0 + λ·(α/r)·(B_T A_T − B_{K+1} A_{K+1}). The two forms of the write
 * are equal but for rounding; nothing else departs from the paper. Any optimizer does, as the change of W is formed
 * from its updates. `export` gives a LoRA adapter of rank 2r that holds the whole change, which PEFT reads.
 *
 * Throws a RangeError where the rank is no whole number from 1, K no whole number from −1, dropout is not in [0, 1) or
 * not allowed by `allowDropout`, λ is a schedule with the telescoped form, or a tensor is no scalar, and a TypeError where
 * α or λ is a tensor and not f32, or K one and not i32. `export` throws a RangeError where λ is a schedule or α or λ a
 * tensor, and `describe` where λ is one.
 *
 * @example One step, after which W has received the change of B·A once
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.zeros([2, 3]) };
 * const method = dd.peft.deltaLora({ rank: 1, alpha: 1, lambda: 0.5, startStep: -1, targets: ["query"] });
 * const optimizer = dd.optim.sgd({ learningRate: 1 });
 * const loss = ({ "query.weight": W }: dd.Params, x: dd.Tensor) =>
 *   dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([2]));
 * const step = dd.train.makeStep({ loss, method, optimizer });
 * const [next] = step(dd.train.init(dd.random.key(0), base, { method, optimizer }), dd.ones([1, 3]));
 * console.log(await next.aux.writes.item()); // 1
 * ```
 */
export function deltaLora(options: DeltaLoraOptions): Method<LowRankTrainable, DeltaLoraAux> {
  const { rank, alpha, lambda, startStep, write = "auto", dropout = 0, allowDropout = false } = options;
  requireRank("deltaLora", rank);
  requireDropout("deltaLora", options);
  requireAlpha("deltaLora", options);
  if (typeof lambda !== "function") requireScalar({ of: "deltaLora", name: "lambda", value: lambda });
  requireScalar({ of: "deltaLora", name: "startStep", value: startStep }, "i32");
  if (dropout !== 0 && !allowDropout) {
    throw new RangeError(
      `deltaLora: dropout ${dropout} in the branch is not possible: the change of W is that of B·A, and with dropout the ` +
        "gradients of W and of B·A differ (2309.02411, section 4); the model's own dropout stays; allowDropout tries it all " +
        "the same",
    );
  }
  if (typeof startStep === "number") {
    requireWhole("deltaLora: startStep", startStep, { least: -1, note: "(the first update)" });
  }
  if (typeof lambda === "function" && write === "telescoped") {
    throw new RangeError('deltaLora: a λ that varies by step does not telescope: use write: "in-place"');
  }
  const isTelescoped = write === "telescoped" || (write === "auto" && typeof lambda !== "function");
  const scale = quotient(alpha, rank);
  const rule = { lambda, scale, startStep };

  /** λ·(α/r) once W moves, with a constant λ. */
  const receivedScale = (writes: Tensor): Tensor => where(writes.greater(0), weightAt(writes, rule), 0);
  /** Everything that was added to W_0 beyond the factors themselves, with a constant λ. */
  const changeOfW = ({ A, B }: Factors, anchor: Factors, writes: Tensor): LowRank<Tensor> => ({
    left: concat([B, anchor.B.neg()], { axis: 1 }),
    right: concat([A, anchor.A], { axis: 0 }),
    scale: receivedScale(writes),
  });

  const beginAt = ({ factors }: LowRankTrainable): DeltaLoraAux => {
    const anchor = Object.entries(factors).map(([path, { A, B }]) => [path, { A: copy(A), B: copy(B) }]);
    return { anchor: Object.fromEntries(anchor), writes: full([], 0).astype("i32") };
  };

  return {
    name: "delta-lora",
    isWhole: typeof lambda === "function",
    init(key, base) {
      const trainable = initialTrainable(key, base, options);
      return { trainable, aux: beginAt(trainable) };
    },
    // W moves by what the factors moved since they began.
    begin: beginAt,
    hasHiddenChange: isTelescoped,
    writes(base) {
      return isTelescoped ? [] : selectTargets(base, options.targets, options.heads).map((path) => `${path}.weight`);
    },
    adapt: (base, trainable, { anchor, writes }, key) =>
      adaptWith({ base, trainable, dropout, key }, ({ path, W, factors, dropout }) => {
        if (!isTelescoped) return new LowRankWeight(W, [changeOf(factors, scale)], dropout);
        // The factors' gradients are those of the form in place: what W received is a constant to them.
        if (!dropout) {
          const received = { anchor: anchor[path], scale: receivedScale(writes) };
          return new TelescopedWeight(W, changeOf(factors, scale), received);
        }
        const fixed = { A: stopGradient(factors.A), B: stopGradient(factors.B) };
        return new LowRankWeight(W, [changeOf(factors, scale), changeOfW(fixed, anchor[path], writes)], dropout);
      }),
    after({ base, before, trainable, updates, aux, step }) {
      const moves = movesAt(step, rule);
      const anchor = Object.entries(trainable.factors).map(([path, { A, B }]) => [path, {
        A: where(moves, aux.anchor[path].A, A),
        B: where(moves, aux.anchor[path].B, B),
      }]);
      const writes = aux.writes.add(moves.astype("i32"));
      const next = { trainable, aux: { anchor: Object.fromEntries(anchor), writes } };
      if (isTelescoped) return { base, ...next };
      const written = Object.keys(trainable.factors).map((path) => {
        const change = deltaOfStep(before.factors[path], updates.factors[path], step, rule);
        return [`${path}.weight`, addLowRank(base[`${path}.weight`], change)];
      });
      return { base: { ...base, ...Object.fromEntries(written) }, ...next };
    },
    merge(state) {
      const { anchor, writes } = state.aux;
      return mergeWith(
        state,
        (path, pair) =>
          isTelescoped ? [changeOf(pair, scale), changeOfW(pair, anchor[path], writes)] : [changeOf(pair, scale)],
      );
    },
    export({ base, trainable: { factors, heads }, aux: { anchor, writes } }) {
      if (typeof lambda === "function") {
        throw new RangeError(
          "deltaLora: with a λ that varies by step the change has no factors to export: merge instead",
        );
      }
      // s·[(1 + λ)·B A − λ·B_K A_K] as an adapter of rank 2r, whose α/r is the same.
      const weight = requireNumber({ of: "deltaLora", name: "lambda", value: lambda }, "export");
      const plain = requireNumber({ of: "deltaLora", name: "alpha", value: alpha }, "export");
      const active = where(writes.greater(0), full([], weight), 0);
      const doubled = Object.entries(factors).map(([path, { A, B }]) => [path, {
        A: concat([A, anchor[path].A], { axis: 0 }),
        B: concat([B.mul(active.add(1)), anchor[path].B.mul(active).neg()], { axis: 1 }),
      }]);
      return loraAdapter({ rank: 2 * rank, alpha: 2 * plain, base, factors: Object.fromEntries(doubled), heads });
    },
    describe: ({ base, trainable }) => ({
      ...countParameters(base, trainable),
      lambda: typeof lambda === "function"
        ? "by step"
        : requireNumber({ of: "deltaLora", name: "lambda", value: lambda }, "describe"),
    }),
    writeCount: ({ aux }) => aux.writes,
  };
}

/** A schedule that rises from 0 to λ as another one falls from λ to 0. */
function rising(falling: (options: WarmupOptions) => Schedule): (options: WarmupOptions) => Schedule {
  return ({ peak, ...options }) => {
    const fall = falling({ peak: 1, ...options });
    return (step) => sub(1, fall(step)).mul(peak);
  };
}

/** How λ may fall or rise over a run. */
const LAMBDA_SCHEDULES = {
  "linear": linearSchedule,
  "cosine": cosineSchedule,
  "rising-linear": rising(linearSchedule),
  "rising-cosine": rising(cosineSchedule),
} as const;

/**
 * The description of {@linkcode deltaLora} for trainers, command lines and records: options with defaults, and recipe.
 */
export const deltaLoraMethod: MethodDescription = defineMethod({
  name: "delta-lora",
  summary: "LoRA whose weight receives the change of the product of its factors",
  paper: "https://arxiv.org/abs/2309.02411",
  options: {
    ...DATA_LOW_RANK,
    lambda: LAMBDA,
    lambdaSchedule: {
      kind: "text",
      help:
        "how λ falls to 0 over the run, linear or cosine, or how it rises from 0, rising-linear or rising-cosine; constant " +
        "by default. What W received has no factors then, and the result is a whole model",
      choices: ["linear", "cosine", "rising-linear", "rising-cosine"],
    },
    startStep: {
      kind: "integer",
      help: "K: W moves after this update, counted from 0, -1 for all updates; a quarter of the steps by default",
      default: (_, { steps }) => Math.floor(steps / 4),
      minimum: -1,
      isData: true,
    },
    write: {
      kind: "text",
      help:
        "whether W is written in-place, or telescoped stays as it is with the sum of its changes beside it; in-place " +
        "by default, but for weights in f16",
      // A W that is kept in f16 is not written: what it would receive stands beside it, as long as λ is constant.
      default: ({ lambdaSchedule }, { weights }) =>
        weights === "f16" && lambdaSchedule === undefined ? "telescoped" : "in-place",
      choices: ["in-place", "telescoped", "auto"],
    },
    allowDropout: { kind: "boolean", help: "lets the factors' input drop out, where the paper does not" },
  },
  make: ({ lambda, lambdaSchedule, startStep, write, allowDropout, ...options }, place) =>
    deltaLora({
      ...lowRankOptions(options, place),
      lambda: lambdaSchedule ? LAMBDA_SCHEDULES[lambdaSchedule]({ peak: lambda, total: place.steps }) : lambda,
      startStep,
      write,
      allowDropout,
    }),
  recipe: {
    learningRate: 5e-3,
    // The paper's K, 2,000 steps, is more than some of its own runs have.
    options: (steps) => ({
      rank: 8,
      alpha: 16,
      lambda: 0.5,
      startStep: Math.floor(0.25 * steps),
      write: "in-place",
      targets: QUERIES_AND_VALUES,
    }),
  },
  dormant: {
    options: ["lambda", "lambdaSchedule", "startStep"],
    // W moves from update K + 1 on, and up to it the factors of the last update are kept. By themselves, runs with a schedule
    // write in place and runs without one do not, so that their first steps are other sums.
    until: ({ startStep, write, lambdaSchedule }) =>
      write === "auto" && lambdaSchedule !== undefined ? -1 : Number(startStep) + 1,
  },
  guests: [{
    method: "lora",
    // W receives nothing, and all that the snapshot adds to a sum are zeros of a sign that leaves it its own.
    options({ rank, alpha, dropout = 0, scaling = "standard", ...others }) {
      if (dropout !== 0 || scaling !== "standard" || Object.keys(others).length > 0) return undefined;
      return { rank, alpha, lambda: 0, startStep: -1, write: "telescoped" };
    },
    auxOf: ({ factors }: LowRankTrainable): DeltaLoraAux => ({
      anchor: treeMap(zerosLike, factors),
      writes: full([], 0).astype("i32"),
    }),
  }],
  beginsFrom: ["lora"],
  isConverted: true,
});
