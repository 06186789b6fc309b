import { addLowRank, random } from "../../lib/ops/mod.ts";
import {
  adalora,
  type Adapter,
  type BaseParams,
  deltaLora,
  type DeltaLoraAux,
  dora,
  lora,
  type LowRankTrainable,
  type Method,
  rslora,
} from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { Numbers } from "../support/numbers.ts";
import { TARGETS } from "../support/tiny.ts";

const base = encoderWeights();

/** What a method exports of a state in which everything moved, and the logits of the adapted model. */
export interface Exported {
  readonly adapter: Adapter;
  readonly logits: Tensor;
}

/** Numbers in place of what training would give, so that they are the same on every adapter. */
function draw<T>(numbers: Numbers, like: T, range = { min: -0.3, max: 0.3 }): T {
  return treeMap(({ shape }) => numbers.tensor(shape, range), like as Tree) as T;
}

/** Factors and heads as if they had been trained. */
function trained<F, Aux>(numbers: Numbers, method: Method<LowRankTrainable<F>, Aux>): LowRankTrainable<F> {
  const { factors, heads } = method.init(random.key(0), base).trainable;
  return { factors: draw(numbers, factors), heads: draw(numbers, heads, { min: -2, max: 2 }) };
}

function exported<Trainable, Aux>(
  method: Method<Trainable, Aux>,
  trainable: Trainable,
  { aux, from = base }: { readonly aux: Aux; readonly from?: BaseParams },
): Exported {
  return {
    adapter: method.export({ base: from, trainable, aux }),
    logits: encoder.apply(method.adapt(from, trainable, aux), encoderBatch(0)),
  };
}

const OPTIONS = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };
/** Patterns by an ending, by a path, and by a regular expression, on targets of other shapes, too. */
const PATTERNS = {
  ...OPTIONS,
  targets: /attention\.(query|value)$|(intermediate|attention\.output)\.dense$/,
  rankPattern: { "layer.0.attention.self.query": 2, "intermediate.dense": 6 },
  alphaPattern: { value: 3, "layer\\.[1-9]\\.attention\\.output\\.dense": 5 },
};
/** Heads, a table, and norms inside of the encoder. */
const SAVED = /^(classifier|bert\.pooler\.dense|bert\.embeddings\.token_type_embeddings|.*\.1\.output\.LayerNorm)$/;

/** Both forms of Delta-LoRA beyond K: the state has the same effective weights. */
function deltaLoras(numbers: Numbers): Record<string, Exported> {
  const [lambda, scale] = [2, OPTIONS.alpha / OPTIONS.rank];
  const options = { ...OPTIONS, lambda, startStep: 3 };
  const telescoped = deltaLora({ ...options, write: "telescoped" });
  const inPlace = deltaLora({ ...options, write: "in-place" });
  const trainable = trained(numbers, telescoped);
  const aux: DeltaLoraAux = { anchor: draw(numbers, trainable.factors), writes: tensor(5, { dtype: "i32" }) };
  const written = Object.entries(trainable.factors).map(([path, { A, B }]): [string, Tensor] => {
    const [name, anchor] = [`${path}.weight`, aux.anchor[path]];
    const grown = addLowRank(base[name], { left: B, right: A, scale: lambda * scale });
    return [name, addLowRank(grown, { left: anchor.B, right: anchor.A, scale: -lambda * scale })];
  });
  return {
    "delta-lora-telescoped": exported(telescoped, trainable, { aux }),
    "delta-lora-in-place": exported(inPlace, trainable, { aux, from: { ...base, ...Object.fromEntries(written) } }),
  };
}

/** AdaLoRA's triplets, of which some were cut. */
function cutAdalora(numbers: Numbers): Exported {
  const method = adalora({
    ...OPTIONS,
    initialRank: 4,
    targetRank: 2,
    totalSteps: 20,
    warmup: 2,
    final: 4,
    interval: 2,
  });
  const { factors, heads } = trained(numbers, method);
  const cut = Object.entries(factors).map(([path, triplets], i) => {
    const E = tensor(Float32Array.from({ length: 4 }, (_, k) => (i + k) % 4 < 2 ? numbers.next() - 0.5 : 0));
    return [path, { ...triplets, E }] as const;
  });
  return exported(method, { factors: Object.fromEntries(cut), heads }, { aux: method.init(random.key(0), base).aux });
}

/** Adapters of the encoder of encoder.py, by name: PEFT must give the same logits with them. */
export function exportedAdapters(): Readonly<Record<string, Exported>> {
  const numbers = new Numbers(11);
  const simple = (method: ReturnType<typeof lora>) => exported(method, trained(numbers, method), { aux: {} });
  const lengths = dora({ ...PATTERNS, heads: SAVED });
  return {
    lora: simple(lora(OPTIONS)),
    ...deltaLoras(numbers),
    "lora-patterns": simple(lora(PATTERNS)),
    "lora-saved": simple(lora({ ...OPTIONS, heads: SAVED })),
    "lora-no-heads": simple(lora({ ...OPTIONS, heads: /^$/ })),
    rslora: simple(rslora(OPTIONS)),
    "rslora-patterns": simple(rslora(PATTERNS)),
    dora: exported(lengths, trained(numbers, lengths), { aux: {} }),
    adalora: cutAdalora(numbers),
  };
}
