import { gelu, relu, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import { linear, type ProjectedWeight } from "../nn/linear.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import type { LowRankTrainable } from "./factors.ts";
import { ownAdapter } from "./files/adapter_files.ts";
import { adaptWith, countParameters, takeHeads } from "./low_rank.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { TARGETS } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import type { OptionSchema } from "./method_options.ts";
import { DEFAULT_HEADS, selectTargets, type TargetPattern } from "./targets.ts";

/** The adapter behind one layer of width d: two small linear layers with an activation between them. */
export interface Bottleneck {
  /** Weight of the first layer, `[h, d]`. */
  readonly down: Tensor;
  /** Bias of the first layer, `[h]`. */
  readonly downBias: Tensor;
  /** Weight of the second layer, `[d, h]`. */
  readonly up: Tensor;
  /** Bias of the second layer, `[d]`. */
  readonly upBias: Tensor;
}

const ACTIVATIONS = { gelu: (x: Tensor) => gelu(x), relu } as const;

/** Options of Houlsby's and Pfeiffer's adapters, {@linkcode houlsby} and {@linkcode pfeiffer}. */
export interface BottleneckOptions {
  /** h: width between the two small layers, a whole number from 1. */
  readonly width: number;
  /** Behind which linear layers adapters stand; by default those of the paper in the encoders that are here. */
  readonly targets?: TargetPattern;
  /** What stands between the two small layers: by default `gelu` in Houlsby's adapters, `relu` in Pfeiffer's. */
  readonly activation?: "gelu" | "relu";
  /** Whether layer norms are trained, too: by default in Houlsby's method, and not in Pfeiffer's. */
  readonly norms?: boolean;
  /** Which other parameters are trained whole: classifiers and poolers by default. */
  readonly heads?: RegExp;
}

/** Modules that are layer norms, by the last part of their path. */
const NORMS = /(^|\.)(ln_\w+|[^.]*norm[^.]*)$/i;

/** A layer with an adapter behind it, bias included: y ↦ y + up · σ(down · y). */
class BottleneckWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly adapter: Bottleneck, readonly activation: keyof typeof ACTIVATIONS) {}

  project(x: Tensor): Tensor {
    return x.matmul(this.W, { transposeB: true });
  }

  adaptOutput(y: Tensor): Tensor {
    const { down, downBias, up, upBias } = this.adapter;
    return y.add(linear(ACTIVATIONS[this.activation](linear(y, down, downBias)), up, upBias));
  }

  treeParts(): [W: Tensor, adapter: Bottleneck, activation: keyof typeof ACTIVATIONS] {
    return [this.W, this.adapter, this.activation];
  }

  withTreeParts([W, adapter, activation]: ReturnType<BottleneckWeight["treeParts"]>): BottleneckWeight {
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
function bottleneckOf(take: (ending: string) => Tensor): Bottleneck {
  const parts = Object.entries(ENDINGS).map(([ending, part]) => [part, take(ending)]);
  return Object.fromEntries(parts);
}

/** Adapters behind the layers that options name, as the method `name` has them. */
export function bottlenecks(
  name: string,
  options: BottleneckOptions & Required<Pick<BottleneckOptions, "targets" | "activation" | "norms">>,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  const { width, targets, activation, norms, heads = DEFAULT_HEADS } = options;
  requireCount(name, "a width", width, 1);
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

/** Options that methods with adapters behind layers share. */
export const BOTTLENECK = {
  width: {
    kind: "integer",
    help: "width between the two layers of an adapter",
    default: 64,
    minimum: 1,
    field: ["width"],
  },
  activation: {
    kind: "text",
    help: "what stands between them, gelu or relu; by default that of the paper",
    choices: ["gelu", "relu"],
    field: ["activation"],
  },
  targets: { ...TARGETS, required: undefined },
  norms: { kind: "boolean", help: "whether layer norms are trained, too" },
} as const satisfies OptionSchema;

/** Reads an adapter of the method `name`, if it is of that. */
export function readBottleneck(
  file: AdapterFile,
  name: string,
  make: (options: BottleneckOptions) => Method<LowRankTrainable<Tree>>,
): AdapterReading | undefined {
  const { fields, tensors } = file;
  if (file.type !== "BOTTLENECK" || fields.config.method !== name) return undefined;
  const options = file.options(BOTTLENECK);
  return {
    method: make({ ...options, targets: fields.list("target_modules"), norms: false, heads: file.savedModules }),
    options,
    part: (path) => bottleneckOf((ending) => tensors.take(`${path}${ending}`)),
  };
}
