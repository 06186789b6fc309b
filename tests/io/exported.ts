import { loadSafetensors } from "../../lib/io/mod.ts";
import { bert } from "../../lib/models/mod.ts";
import { random, select } from "../../lib/ops/mod.ts";
import { type Adapter, deltaLora, type Factors, lora } from "../../lib/peft/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { Numbers } from "../support/numbers.ts";
import { TARGETS } from "../support/tiny.ts";

const { tensors } = await loadSafetensors(new URL("../fixtures/encoder.safetensors", import.meta.url));
const base = Object.fromEntries(
  Object.entries(tensors).flatMap(([name, x]) => name.startsWith("weights.") ? [[name.slice(8), x]] : []),
);
const model = bert({
  vocabSize: 48,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  intermediateSize: 64,
  maxLength: 16,
  labels: 2,
  dropout: 0,
});

/** What a method exports of a state in which everything moved, and the logits of the adapted model. */
export interface Exported {
  readonly adapter: Adapter;
  readonly logits: Tensor;
}

/** Numbers in place of what training would give, so that they are the same on every adapter. */
function drawFactors(numbers: Numbers, like: Readonly<Record<string, Factors>>): Record<string, Factors> {
  const draw = ({ shape }: Tensor) => numbers.tensor(shape, { min: -0.3, max: 0.3 });
  return Object.fromEntries(Object.entries(like).map(([path, { A, B }]) => [path, { A: draw(A), B: draw(B) }]));
}

/** Adapters of the encoder of encoder.py, by name: PEFT must give the same logits with them. */
export function exportedAdapters(): Readonly<Record<string, Exported>> {
  const cut = (name: string) => select(tensors[name], { axis: 0, index: 0 });
  const batch = { inputIds: cut("ids"), attentionMask: cut("mask"), tokenTypeIds: cut("types") };
  const options = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };
  const numbers = new Numbers(11);

  const plain = lora(options);
  const start = plain.init(random.key(0), base);
  const heads = Object.fromEntries(
    Object.entries(start.trainable.heads).map(([name, { shape }]) => [name, numbers.tensor(shape)]),
  );
  const trainable = { factors: drawFactors(numbers, start.trainable.factors), heads };
  const delta = deltaLora({ ...options, lambda: 2, startStep: 3 });
  const aux = { anchor: drawFactors(numbers, start.trainable.factors), writes: tensor(5, { dtype: "i32" }) };
  return {
    lora: {
      adapter: plain.export({ base, trainable, aux: {} }),
      logits: model.apply(plain.adapt(base, trainable, {}), batch),
    },
    "delta-lora": {
      adapter: delta.export({ base, trainable, aux }),
      logits: model.apply(delta.adapt(base, trainable, aux), batch),
    },
  };
}
