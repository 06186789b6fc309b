import type { Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { type Adapter, dora, lora, type LowRankTrainable, type Method, withTaskType } from "../../lib/peft/mod.ts";
import { type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { bartClassifier, type BartHead, bartWriter, loadBart } from "./bart.ts";
import { Numbers } from "./numbers.ts";

/** An adapter of a BART as if it had been trained, and the parameters of the model with it. */
export interface BartAdapter {
  readonly adapter: Adapter;
  readonly adapted: () => Params;
  readonly merged: () => Params;
}

function adapterOf<Factors extends Tree, Aux>(
  seed: number,
  [name, head]: readonly [name: string, head: BartHead],
  method: Method<LowRankTrainable<Factors>, Aux>,
): BartAdapter {
  const { params: base } = loadBart(name, head, head === "seq2seq-lm" ? bartWriter(name) : bartClassifier(name));
  const numbers = new Numbers(seed);
  const { trainable: { factors, heads }, aux } = method.init(random.key(0), base);
  const draw = <T extends Tree>(like: T) =>
    treeMap(({ shape }) => numbers.tensor(shape, { min: -0.3, max: 0.3 }), like);
  const trainable = { factors: draw(factors), heads: draw(heads) };
  const adapter = method.export({ base, trainable, aux });
  return {
    adapter: head === "seq2seq-lm" ? withTaskType(adapter, "SEQ_2_SEQ_LM") : withTaskType(adapter, "SEQ_CLS"),
    adapted: () => method.adapt(base, trainable, aux),
    merged: () => method.merge({ base, trainable, aux }),
  };
}

/** Adapters of BARTs that this library writes, by the names of their folders: model, head and kind. */
export function bartAdapters(): Readonly<Record<string, BartAdapter>> {
  const usual = { rank: 2, alpha: 6, targets: ["q_proj", "v_proj"] };
  const wide = { ...usual, targets: /fc[12]$|encoder_attn/ };
  return {
    "bart/seq2seq-lm/lora": adapterOf(1, ["bart", "seq2seq-lm"], lora(usual)),
    "bart-scaled/seq2seq-lm/dora": adapterOf(2, ["bart-scaled", "seq2seq-lm"], dora(wide)),
    "bart/classification/lora": adapterOf(3, ["bart", "classification"], lora(usual)),
  };
}
