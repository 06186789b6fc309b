import { writeModelFolder } from "../../experiments/runner/model/model_folder.ts";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { addLowRank, random } from "../../lib/ops/mod.ts";
import {
  adalora,
  type Adapter,
  type BaseParams,
  bitfit,
  deltaLora,
  type DeltaLoraAux,
  dora,
  dylora,
  hira,
  lora,
  loraFa,
  loraPlus,
  type LowRankTrainable,
  type Method,
  pissa,
  rslora,
  scaledLora,
  vera,
} from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { Numbers } from "../support/numbers.ts";
import { caseBatch, CASES, checkpointOf, described } from "../support/pretrained.ts";
import { TARGETS } from "../support/tiny.ts";

/** A classifier with weights, and what it answers with others to a batch; compiled once. */
export interface Classifier {
  readonly base: BaseParams;
  readonly answer: (params: Params) => Promise<Tensor>;
}

function classifierOf<Batch extends Tree>(
  base: BaseParams,
  apply: (params: Params, batch: Batch) => Tensor,
  batch: Batch,
): Classifier {
  const answer = jit(apply);
  return { base, answer: (params) => answer(params, batch) };
}

/** What a method exports of a state in which everything moved, and what was exported. */
export interface Exported {
  readonly adapter: Adapter;
  readonly classifier: Classifier;
  /** The adapted model's parameters. */
  readonly adapted: () => Params;
  /** Those of the model with the adapter merged into its weights. */
  readonly merged: () => BaseParams;
  /** What `convert` gives, where the method has that. */
  readonly converted?: () => Adapter;
}

/** The fixture of `tests/fixtures/models.py`; MiniLM is a BERT. */
export const ARCHITECTURES: readonly string[] = CASES.filter((name) => name !== "minilm");

/** Numbers in place of what training would give, so that they are the same on every device. */
function draw<T>(numbers: Numbers, like: T, range = { min: -0.2, max: 0.2 }): T {
  return treeMap(({ shape }) => numbers.tensor(shape, range), like as Tree) as T;
}

/** Factors and heads as if they had been trained. */
function trained<F, Aux>(
  numbers: Numbers,
  method: Method<LowRankTrainable<F>, Aux>,
  { base }: Classifier,
): LowRankTrainable<F> {
  const { factors, heads } = method.init(random.key(0), base).trainable;
  return { factors: draw(numbers, factors), heads: draw(numbers, heads, { min: -1, max: 1 }) };
}

function exported<Trainable, Aux>(
  method: Method<Trainable, Aux>,
  trainable: Trainable,
  { aux, classifier, from = classifier.base }: {
    readonly aux: Aux;
    readonly classifier: Classifier;
    readonly from?: BaseParams;
  },
): Exported {
  return {
    adapter: method.export({ base: from, trainable, aux }),
    classifier,
    adapted: () => method.adapt(from, trainable, aux),
    merged: () => method.merge({ base: from, trainable, aux }),
    converted: method.convert && (() => method.convert!({ base: from, trainable, aux })),
  };
}

/** What all methods of a classifier share. */
interface Options {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: RegExp;
  readonly heads?: RegExp;
}

const OPTIONS: Options = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };
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
function deltaLoras(numbers: Numbers, options: Options, classifier: Classifier): Record<string, Exported> {
  const { base } = classifier;
  const [lambda, scale] = [2, options.alpha / options.rank];
  const telescoped = deltaLora({ ...options, lambda, startStep: 3, write: "telescoped" });
  const inPlace = deltaLora({ ...options, lambda, startStep: 3, write: "in-place" });
  const trainable = trained(numbers, telescoped, classifier);
  const aux: DeltaLoraAux = { anchor: draw(numbers, trainable.factors), writes: tensor(5, { dtype: "i32" }) };
  const written = Object.entries(trainable.factors).map(([path, { A, B }]): [string, Tensor] => {
    const [name, anchor] = [`${path}.weight`, aux.anchor[path]];
    const grown = addLowRank(base[name], { left: B, right: A, scale: lambda * scale });
    return [name, addLowRank(grown, { left: anchor.B, right: anchor.A, scale: -lambda * scale })];
  });
  const from = { ...base, ...Object.fromEntries(written) };
  return {
    "delta-lora-telescoped": exported(telescoped, trainable, { aux, classifier }),
    "delta-lora-in-place": exported(inPlace, trainable, { aux, classifier, from }),
  };
}

/** AdaLoRA's triplets, of which some were cut. */
function cutAdalora(numbers: Numbers, options: Options, classifier: Classifier): Exported {
  const method = adalora({
    ...options,
    initialRank: 4,
    targetRank: 2,
    totalSteps: 20,
    warmup: 2,
    final: 4,
    interval: 2,
  });
  const { factors, heads } = trained(numbers, method, classifier);
  const cut = Object.entries(factors).map(([path, triplets], i) => {
    const E = tensor(Float32Array.from({ length: 4 }, (_, k) => (i + k) % 4 < 2 ? numbers.next() - 0.5 : 0));
    return [path, { ...triplets, E }] as const;
  });
  const { aux } = method.init(random.key(0), classifier.base);
  return exported(method, { factors: Object.fromEntries(cut), heads }, { aux, classifier });
}

/** DyLoRA cut to a smaller rank than it was trained with. */
function cutDylora(numbers: Numbers, options: Options, classifier: Classifier): Exported {
  const method = dylora({ ...options, testRank: 3 });
  const { aux } = method.init(random.key(0), classifier.base);
  return exported(method, trained(numbers, method, classifier), { aux, classifier });
}

/** Adapters of the encoder of encoder.py with what sets them apart from one another. */
function encoderAdapters(): Record<string, Exported> {
  const numbers = new Numbers(11);
  const classifier = classifierOf(encoderWeights(), (params, batch) => encoder.apply(params, batch), encoderBatch(0));
  const simple = (method: ReturnType<typeof lora>) =>
    exported(method, trained(numbers, method, classifier), { aux: {}, classifier });
  const lengths = dora({ ...PATTERNS, heads: SAVED });
  return {
    lora: simple(lora(OPTIONS)),
    ...deltaLoras(numbers, OPTIONS, classifier),
    "lora-patterns": simple(lora(PATTERNS)),
    "lora-saved": simple(lora({ ...OPTIONS, heads: SAVED })),
    "lora-no-heads": simple(lora({ ...OPTIONS, heads: /^$/ })),
    "lora-in-classifier": simple(lora({ ...OPTIONS, targets: /classifier|query$/, heads: /pooler/ })),
    rslora: simple(rslora(OPTIONS)),
    "rslora-patterns": simple(rslora(PATTERNS)),
    dora: exported(lengths, trained(numbers, lengths, classifier), { aux: {}, classifier }),
    adalora: cutAdalora(numbers, OPTIONS, classifier),
    ...otherForms(new Numbers(14), classifier),
  };
}

/** Adapters of the encoder by methods whose forms are others than LoRA's. */
function otherForms(numbers: Numbers, classifier: Classifier): Record<string, Exported> {
  const of = <F, Aux>(method: Method<LowRankTrainable<F>, Aux>) => {
    const { aux } = method.init(random.key(0), classifier.base);
    return exported(method, trained(numbers, method, classifier), { aux, classifier });
  };
  const { alpha: _, alphaPattern: __, rankPattern: ___, ...wide } = PATTERNS;
  const principal = pissa(PATTERNS);
  const { aux } = principal.init(random.key(0), classifier.base);
  const whole = exported(principal, trained(numbers, principal, classifier), { aux, classifier });
  return {
    hira: of(hira({ ...wide, heads: SAVED })),
    pissa: of(principal),
    "pissa-rslora": of(pissa({ ...OPTIONS, scaling: "rank-stabilized" })),
    "pissa-converted": { ...whole, adapter: whole.converted!() },
    vera: of(vera({ ...wide, rank: 12, heads: SAVED })),
    "vera-drawn": of(vera({ ...wide, rank: 12, projectionKey: 5, projection: "drawn" })),
    "lora-fa": of(loraFa(OPTIONS)),
  };
}

/** A config of `tests/fixtures/models.py` and its classifier. */
function modelOf(name: string) {
  const { config } = described.cases[name].classification;
  return { config, model: fromConfig(config, { head: "classification" }) };
}

/** The classifier of `tests/fixtures/models.py` of that name, and its first batch. */
function architecture(name: string): Classifier {
  const { model } = modelOf(name);
  const { params: base } = paramsFrom(checkpointOf(name, "classification"), model, { key: random.key(0) });
  return classifierOf(base, (params, batch) => model.apply(params, batch), caseBatch(name, 0));
}

/** Adapters by every method on one architecture, heads as commands have them. */
function architectureAdapters(name: string): Record<string, Exported> {
  const [numbers, classifier] = [new Numbers(12), architecture(name)];
  const options: Options = { rank: 4, alpha: 8, targets: /(query|value|_proj|_lin|dense|lin1)$/ };
  const simple = (method: ReturnType<typeof lora>) =>
    exported(method, trained(numbers, method, classifier), { aux: {}, classifier });
  const lengths = dora(options);
  const scaled = scaledLora({ ...options, lambda: 2 });
  const switched = scaledLora({ ...options, lambda: 1, startStep: 3 });
  return {
    lora: simple(lora(options)),
    rslora: simple(rslora(options)),
    "lora-plus": simple(loraPlus(options)),
    dora: exported(lengths, trained(numbers, lengths, classifier), { aux: {}, classifier }),
    adalora: cutAdalora(numbers, options, classifier),
    dylora: cutDylora(numbers, options, classifier),
    ...deltaLoras(numbers, options, classifier),
    "lora-scaled": exported(scaled, trained(numbers, scaled, classifier), { aux: {}, classifier }),
    "lora-switched": exported(switched, trained(numbers, switched, classifier), {
      aux: { scale: tensor(4) },
      classifier,
    }),
    // Heads that are a part of a module alone, or of whose name another one ends.
    "lora-part": simple(
      lora({ ...options, heads: /^(classifier|classifier\.out_proj)$/, targets: /(query|q_lin|query_proj)$/ }),
    ),
  };
}

/** Adapters that PEFT must read, by name, and give the same logits with. */
export function exportedAdapters(): Readonly<Record<string, Exported>> {
  const others = ARCHITECTURES.flatMap((name) =>
    Object.entries(architectureAdapters(name)).map(([method, one]) => [`${name}/${method}`, one])
  );
  return { ...encoderAdapters(), ...Object.fromEntries(others) };
}

/** Writes merged weights as `merge` does, over the config of a model that was kept in half the bits. */
export async function writeMerged(folder: string, name: string, merged: BaseParams): Promise<void> {
  const { config, model } = modelOf(name);
  await writeModelFolder(folder, merged, { loaded: { config: { ...config, dtype: "bfloat16" }, model, folder } });
}

/** Models that BitFit changed, by architecture: transformers must give the same logits with the merged weights. */
export function bitfitModels(): Readonly<Record<string, Exported>> {
  return Object.fromEntries(ARCHITECTURES.map((name) => {
    const [method, classifier] = [bitfit(), architecture(name)];
    return [name, exported(method, trained(new Numbers(13), method, classifier), { aux: {}, classifier })];
  }));
}
