import { addLowRank, full, maximum, where } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import { quotient, requireScalar } from "../ops/scalar.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeMap } from "../tensor/tree.ts";
import { changeOf, type Factors, type LowRankTrainable } from "./factors.ts";
import {
  adaptWith,
  countParameters,
  initialFactors,
  initialTrainable,
  type LowRankOptions,
  mergeWith,
  requireAlpha,
  requireDropout,
  requireRank,
} from "./low_rank.ts";
import { DATA_LOW_RANK } from "./low_rank_options.ts";
import { LowRankWeight } from "./low_rank_weight.ts";
import type { AfterResult, Method } from "./method.ts";
import type { OptionSchema } from "./method_options.ts";
import { selectTargets } from "./targets.ts";

/** Options of methods that move the product of the factors into the weight from time to time. */
export interface RestartOptions extends LowRankOptions {
  /** Steps from one restart to the next, a whole number from 1: {@linkcode Method.period}. */
  readonly interval: number;
  /**
   * Steps after each restart over which the rate rises to the schedule's again, by an equal share each: a whole number, 0
   * by default, or an i32 scalar where it is data. What a step tells is the schedule's rate.
   */
  readonly warmup?: number | Tensor;
}

/** What such a method keeps beside its factors. */
export interface RestartAux {
  /** What fresh factors are drawn from, and what else a restart draws. */
  readonly key: Key;
  /** Steps since the last restart, or since the beginning, an i32 scalar. */
  readonly steps: Tensor;
  /** Restarts so far, each of which wrote the weights, an i32 scalar. */
  readonly restarts: Tensor;
}

/** What a restart does beyond moving the product. */
export interface RestartRule {
  /** The share of the product that the weight receives, a number or an f32 scalar; all of it by default. */
  readonly share?: number | Tensor;
  /** The factors to go on with, of those so far and of fresh ones: A uniform on ±1/√in, B zero. */
  factors(now: Factors, fresh: Factors): Factors;
  /** What becomes of the optimizer; the key is for what is drawn. It goes on by default. */
  optimizer?(key: Key): Pick<AfterResult<LowRankTrainable>, "moments" | "restart">;
}

function requireSteps(method: string, name: string, value: number | Tensor, least: number): void {
  if (typeof value === "number") requireCount(method, name, value, least);
}

/** How many times the schedule's rate the coming step has: it rises after each restart. */
function rateAfter({ steps, restarts }: RestartAux, warmup: number | Tensor): Tensor {
  const risen = steps.add(1).astype("f32").div(maximum(warmup, 1).astype("f32"));
  return where(restarts.greater(0), risen.minimum(1), 1);
}

/**
 * LoRA whose weight receives W ← W + share·(α/r)·B·A every so many steps, whereupon the factors and the optimizer go on as
 * a rule says. What a restart draws comes from a key of the method's own and the number of the restart.
 *
 * Throws a RangeError where the rank, the interval or the warm-up is not the whole number that it must be, dropout is not in
 * [0, 1), or a tensor is no scalar, and a TypeError where one is of another dtype. Steps must be told their kind, as the
 * ends of intervals are.
 */
export function restartedLora(
  name: string,
  options: RestartOptions,
  rule: RestartRule,
): Method<LowRankTrainable, RestartAux> {
  const { rank, alpha, interval, warmup = 0 } = options;
  requireRank(name, rank);
  requireDropout(name, options);
  requireAlpha(name, options);
  requireSteps(name, "interval", interval, 1);
  requireScalar({ of: name, name: "warmup", value: warmup }, "i32");
  requireSteps(name, "warmup", warmup, 0);
  const scale = quotient(alpha, rank);
  const { share } = rule;
  // A product in f32, whether the share is a number or data.
  const moved = share === undefined ? scale : (typeof share === "number" ? full([], share) : share).mul(scale);
  const none = () => full([], 0).astype("i32");
  return {
    name,
    isWhole: true,
    init(key, base) {
      const [own] = random.split(key, 1);
      return {
        trainable: initialTrainable(key, base, options),
        aux: { key: own, steps: none(), restarts: none() },
      };
    },
    writes: (base) => selectTargets(base, options.targets, options.heads).map((path) => `${path}.weight`),
    adapt: (base, trainable, _, key) =>
      adaptWith(
        { base, trainable, dropout: options.dropout, key },
        ({ W, factors, dropout }) => new LowRankWeight(W, [changeOf(factors, scale)], dropout),
      ),
    ...warmup !== 0 && {
      rates(trainable: LowRankTrainable, aux: RestartAux) {
        const rate = rateAfter(aux, warmup);
        return treeMap(() => rate, trainable);
      },
    },
    period: interval,
    after({ base, trainable: { factors, heads }, aux: { key, steps, restarts }, endsPeriod }) {
      if (!endsPeriod) return { base, trainable: { factors, heads }, aux: { key, steps: steps.add(1), restarts } };
      const [forFactors, forOptimizer] = random.split(random.foldIn(key, restarts));
      const fresh = initialFactors(forFactors, base, Object.keys(factors), () => rank);
      const next = Object.entries(factors).map(([path, now]) => [path, rule.factors(now, fresh[path])]);
      const written = Object.entries(factors).map(([path, now]) => {
        return [`${path}.weight`, addLowRank(base[`${path}.weight`], changeOf(now, moved))];
      });
      return {
        base: { ...base, ...Object.fromEntries(written) },
        trainable: { factors: Object.fromEntries(next), heads },
        aux: { key, steps: none(), restarts: restarts.add(1) },
        ...rule.optimizer?.(forOptimizer),
      };
    },
    merge: (state) => mergeWith(state, (_, factors) => [changeOf(factors, scale)]),
    export() {
      throw new RangeError(
        `${name}: the weights received products of several pairs of factors, of more rank together than an adapter of one ` +
          "pair has: merge instead",
      );
    },
    describe: ({ base, trainable }) => countParameters(base, trainable),
    writeCount: ({ aux }) => aux.restarts,
  };
}

/** The options that such methods share. Without a warm-up, the first steps after a restart are as long as any. */
export const RESTARTED = {
  ...DATA_LOW_RANK,
  interval: {
    kind: "integer",
    help: "steps from one restart to the next; a quarter of the run by default",
    default: (_, { steps }) => Math.max(1, Math.ceil(steps / 4)),
    minimum: 1,
  },
  warmup: {
    kind: "integer",
    help: "steps after each restart over which the rate rises again",
    default: 0,
    minimum: 0,
    isData: true,
  },
} as const satisfies OptionSchema;
