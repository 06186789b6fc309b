import { random } from "../../lib/ops/mod.ts";
import { type Adapter, deltaLora, type Factors, lora } from "../../lib/peft/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
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
function drawFactors(numbers: Numbers, like: Readonly<Record<string, Factors>>): Record<string, Factors> {
  const draw = ({ shape }: Tensor) => numbers.tensor(shape, { min: -0.3, max: 0.3 });
  return Object.fromEntries(Object.entries(like).map(([path, { A, B }]) => [path, { A: draw(A), B: draw(B) }]));
}

/** Adapters of the encoder of encoder.py, by name: PEFT must give the same logits with them. */
export function exportedAdapters(): Readonly<Record<string, Exported>> {
  const batch = encoderBatch(0);
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
      logits: encoder.apply(plain.adapt(base, trainable, {}), batch),
    },
    "delta-lora": {
      adapter: delta.export({ base, trainable, aux }),
      logits: encoder.apply(delta.adapt(base, trainable, aux), batch),
    },
  };
}
