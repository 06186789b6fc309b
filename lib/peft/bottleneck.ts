import { add, gelu, matmul, relu, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import { linear, type ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import { ownAdapter } from "./files/adapter_files.ts";
import { adaptWith, countParameters, type LowRankTrainable, takeHeads } from "./low_rank.ts";
import type { Method } from "./method.ts";
import { DEFAULT_HEADS, selectTargets, type TargetPattern } from "./targets.ts";

/** The adapter behind one layer: two small layers with an activation between them. */
export interface Bottleneck {
  /** `[h, d]`. */
  readonly down: Tensor;
  /** `[h]`. */
  readonly downBias: Tensor;
  /** `[d, h]`. */
  readonly up: Tensor;
  /** `[d]`. */
  readonly upBias: Tensor;
}

const ACTIVATIONS = { gelu: (x: Tensor) => gelu(x), relu } as const;

/** Options of {@linkcode houlsby} and {@linkcode pfeiffer}. */
export interface BottleneckOptions {
  /** h: width between the two small layers. */
  readonly width: number;
  /** Behind which linear layers adapters stand; by default those of the paper in the encoders that are here. */
  readonly targets?: TargetPattern;
  /** Between the two small layers: by default `gelu` in Houlsby's adapters, `relu` in Pfeiffer's. */
  readonly activation?: "gelu" | "relu";
  /** Whether layer norms are trained, too: by default in Houlsby's method, and not in Pfeiffer's. */
  readonly norms?: boolean;
  /** Which other parameters are trained whole: classifiers and poolers by default. */
  readonly heads?: RegExp;
}

/** The last projections of feed-forward layers: BERT's and its kin's, DistilBERT's. */
const FEED_FORWARD = /(^|\.)(layer\.\d+\.output\.dense|ffn\.lin2)$/;
/** And those of attention. */
const BOTH = /(^|\.)(layer\.\d+\.(attention\.)?output\.dense|attention\.out_lin|ffn\.lin2)$/;
/** Modules that are layer norms, by the last part of their path. */
const NORMS = /(^|\.)(ln_\w+|[^.]*norm[^.]*)$/i;

/** A layer with an adapter behind it, bias included: y ↦ y + up · σ(down · y). */
class BottleneckWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly adapter: Bottleneck, readonly activation: keyof typeof ACTIVATIONS) {}

  project(x: Tensor): Tensor {
    return matmul(x, this.W, { transposeB: true });
  }

  finish(y: Tensor): Tensor {
    const { down, downBias, up, upBias } = this.adapter;
    return add(y, linear(ACTIVATIONS[this.activation](linear(y, down, downBias)), up, upBias));
  }

  treeParts(): readonly Tree[] {
    return [this.W, this.adapter, this.activation];
  }

  withTreeParts([W, adapter, activation]: readonly Tree[]): BottleneckWeight {
    return new BottleneckWeight(W, adapter, activation);
  }
}

/** Parts of an adapter by the endings of their names in files, as in AdapterHub's library. */
const ENDINGS: Readonly<Record<string, keyof Bottleneck>> = {
  ".adapter_down.weight": "down",
  ".adapter_down.bias": "downBias",
  ".adapter_up.weight": "up",
  ".adapter_up.bias": "upBias",
};

/** The parts of an adapter, each by the ending of its name in a file. */
export function bottleneckOf(take: (ending: string) => Tensor): Bottleneck {
  const parts = Object.entries(ENDINGS).map(([ending, part]) => [part, take(ending)]);
  return Object.fromEntries(parts);
}

/** Adapters behind the layers that options name. */
function bottlenecks(
  name: "houlsby" | "pfeiffer",
  options: BottleneckOptions & Required<Pick<BottleneckOptions, "targets" | "activation" | "norms">>,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  const { width, targets, activation, norms, heads = DEFAULT_HEADS } = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new RangeError(`${name}: a width is a whole number from 1, not ${width}`);
  }
  if (!Object.hasOwn(ACTIVATIONS, activation)) {
    throw new RangeError(`${name}: an activation is gelu or relu, not ${activation}`);
  }
  return {
    name,
    init(key, base) {
      const factors = selectTargets(base, targets, heads).map((path, i): [string, Bottleneck] => {
        const size = base[`${path}.bias`]?.size ?? base[`${path}.weight`].shape[0];
        return [path, {
          down: random.normal(random.foldIn(key, i), [width, size], { std: 0.01 }),
          downBias: zeros([width]),
          up: zeros([size, width]),
          upBias: zeros([size]),
        }];
      });
      const whole = norms ? { ...takeHeads(base, NORMS), ...takeHeads(base, heads) } : takeHeads(base, heads);
      return { trainable: { factors: Object.fromEntries(factors), heads: whole }, aux: {} };
    },
    writes: () => [],
    adapt: (base, trainable) =>
      adaptWith({ base, trainable }, ({ W, factors }) => new BottleneckWeight(W, factors, activation)),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge() {
      throw new Error(
        `${name}: adapters have no dense weights, as the ${activation} between their layers is not linear: use them as ` +
          "they are",
      );
    },
    export: ({ trainable: { factors, heads } }) =>
      ownAdapter({
        settings: { peft_type: "BOTTLENECK", method: name, width, activation },
        targets: Object.keys(factors),
        parts: Object.fromEntries(
          Object.entries(ENDINGS).map(([ending, part]) => [ending, (target: string) => factors[target][part]]),
        ),
        heads,
      }),
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/**
 * Houlsby's adapters (1902.00751): y ↦ y + U·σ(D·y + b) + c behind the output projections of attention and feed-forward,
 * bias included and before the residual sum, with GELU for σ; layer norms and heads are trained with them, all else is
 * frozen. Each has 2·h·d + h + d parameters. D is normal with a standard deviation of 0.01; U is zero, where the paper draws
 * it as D, so that the model begins as it was to the last bit.
 *
 * `merge` throws, since there is no dense equivalent; `export` gives a file of our own kind, `peft_type: "BOTTLENECK"`,
 * which {@linkcode adapterMethod} reads.
 */
export function houlsby(options: BottleneckOptions): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("houlsby", { targets: BOTH, activation: "gelu", norms: true, ...options });
}

/**
 * Pfeiffer's adapters (2005.00247): as {@linkcode houlsby}, but behind the feed-forward alone, with ReLU, and with frozen
 * layer norms. Departs from the paper in its place: it stands before the residual sum and the layer norm, as Houlsby's does.
 */
export function pfeiffer(options: BottleneckOptions): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("pfeiffer", { targets: FEED_FORWARD, activation: "relu", norms: false, ...options });
}
