import * as v from "valibot";
import { quoted } from "../text/quoted.ts";

const above = (least: number) => v.pipe(v.number(), v.finite(), v.gtValue(least));
const ROPE_TYPES = ["default", "linear", "dynamic", "yarn", "llama3"] as const;

/** What `rope_parameters` of a config, or `rope_scaling` of an older one, may hold. */
const PARAMETERS = v.object({
  rope_type: v.nullish(v.string()),
  type: v.nullish(v.string()),
  rope_theta: v.nullish(above(1)),
  factor: v.nullish(above(0)),
  original_max_position_embeddings: v.nullish(above(0)),
  low_freq_factor: v.nullish(above(0)),
  high_freq_factor: v.nullish(above(0)),
  attention_factor: v.nullish(above(0)),
  beta_fast: v.nullish(above(0)),
  beta_slow: v.nullish(above(0)),
  mscale: v.nullish(v.number()),
  mscale_all_dim: v.nullish(v.number()),
  truncate: v.nullish(v.boolean()),
  partial_rotary_factor: v.nullish(v.literal(1)),
});

type Parameters = v.InferOutput<typeof PARAMETERS>;

/** Keys of a config about rotary positions; both names of the parameters are read, the newer one first. */
export const ROPE_KEYS = {
  rope_theta: v.nullish(above(1)),
  rope_parameters: v.nullish(PARAMETERS),
  rope_scaling: v.nullish(PARAMETERS),
} as const;

/** Frequencies of rotary positions. */
export interface Rope {
  /** Angle of each pair at position 1, in radians. */
  readonly frequencies: Float32Array;
  /** By which cosines and sines are multiplied. */
  readonly scale: number;
}

/** What frequencies depend on beside the parameters. */
interface RopeSizes {
  /** Width of a head. */
  readonly d: number;
  readonly theta: number;
  /** `max_position_embeddings`. */
  readonly longest: number;
}

/** Turns below `high` wavelengths in the trained length keep their frequency, those above `low` are slowed down. */
function llama3(plain: readonly number[], parameters: Parameters, { longest }: RopeSizes): number[] {
  const factor = required(parameters, "factor");
  const [low, high] = [required(parameters, "low_freq_factor"), required(parameters, "high_freq_factor")];
  const trained = parameters.original_max_position_embeddings ?? longest;
  return plain.map((frequency) => {
    const turns = trained * frequency / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const kept = (turns - low) / (high - low);
    return (1 - kept) * frequency / factor + kept * frequency;
  });
}

/** How much logits of longer texts are sharpened (2309.00071). */
const sharpness = (factor: number, weight = 1) => factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;

/** YaRN (2309.00071): fast pairs keep their frequency, slow ones are slowed down, with a ramp between. */
function yarn(plain: readonly number[], parameters: Parameters, { d, theta, longest }: RopeSizes) {
  const trained = parameters.original_max_position_embeddings ?? longest;
  const factor = parameters.factor ?? longest / trained;
  const { mscale, mscale_all_dim: all, truncate } = parameters;
  const pairOf = (turns: number) => d * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const whole = (round: (x: number) => number, x: number) => truncate ?? true ? round(x) : x;
  const first = Math.max(whole(Math.floor, pairOf(parameters.beta_fast ?? 32)), 0);
  const last = Math.min(whole(Math.ceil, pairOf(parameters.beta_slow ?? 1)), d - 1);
  const width = last === first ? 0.001 : last - first;
  return {
    scale: parameters.attention_factor ??
      (mscale && all ? sharpness(factor, mscale) / sharpness(factor, all) : sharpness(factor)),
    frequencies: plain.map((frequency, i) => {
      const slowed = Math.min(1, Math.max(0, (i - first) / width));
      return frequency / factor * slowed + frequency * (1 - slowed);
    }),
  };
}

function required(parameters: Parameters, name: "factor" | "low_freq_factor" | "high_freq_factor"): number {
  const value = parameters[name];
  if (value === undefined || value === null) {
    throw new RangeError(`rope_type ${quoted(parameters.rope_type ?? parameters.type ?? "default")} needs ${name}`);
  }
  return value;
}

/**
 * Frequencies of rotary positions as transformers makes them of a config. `dynamic` changes them for texts longer than
 * the model's positions alone, which no text is.
 *
 * Throws a RangeError where the kind of scaling is not supported, or lacks a parameter.
 */
export function ropeOf(
  config: {
    readonly rope_theta?: number | null;
    readonly rope_parameters?: Parameters | null;
    readonly rope_scaling?: Parameters | null;
  },
  sizes: Pick<RopeSizes, "d" | "longest">,
): Rope {
  const parameters = config.rope_parameters ?? config.rope_scaling ?? PLAIN;
  const kind = parameters.rope_type ?? parameters.type ?? "default";
  const theta = parameters.rope_theta ?? config.rope_theta ?? 10_000;
  const { d } = sizes;
  const plain = Array.from({ length: d / 2 }, (_, i) => 1 / theta ** (2 * i / d));
  const made = (frequencies: readonly number[], scale = 1) => ({ frequencies: Float32Array.from(frequencies), scale });
  switch (kind) {
    case "default":
    case "dynamic":
      return made(plain);
    case "linear": {
      const factor = required(parameters, "factor");
      return made(plain.map((frequency) => frequency / factor));
    }
    case "llama3":
      return made(llama3(plain, parameters, { ...sizes, theta }));
    case "yarn": {
      const { frequencies, scale } = yarn(plain, parameters, { ...sizes, theta });
      return made(frequencies, scale);
    }
    default:
      throw new RangeError(`rope_type ${quoted(kind)} is not supported: there are ${ROPE_TYPES.join(", ")}`);
  }
}

const PLAIN: Parameters = {};
