import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { bert } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, lora, selectTargets } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

const C = 16;
const model = bert({ vocabSize: 16, hiddenSize: C, layers: 1, heads: 2, maxLength: 8, labels: 2 });

describe("selectTargets()", () => {
  let base: Readonly<Record<string, Tensor>>;
  beforeAll(async () => {
    await testDevice();
    base = model.init(random.key(0));
  });
  afterAll(deviceIdle);
  const layer = "bert.encoder.layer.0";
  const dense = [`${layer}.attention.output.dense`, `${layer}.intermediate.dense`, `${layer}.output.dense`];

  it("leaves out what is trained whole, as PEFT does: the pooler is a dense layer, too", () => {
    expect(selectTargets(base, ["dense"])).toEqual(dense);
    expect(selectTargets(base, /dense$/)).toEqual(dense);
    expect(selectTargets(base, ["dense"], /^classifier$/)).toEqual([...dense, "bert.pooler.dense"]);
    expect(selectTargets(base, ["dense"], /pooler/g)).toEqual(dense);
  });

  it("names each name of a list that matches nothing, with the nearest layers, though others match", () => {
    const select = () => selectTargets(base, ["query", "querry", "denze", "value"]);
    expect(select).toThrow(RangeError);
    expect(select).toThrow('cannot select targets as "querry" matches none of 8 linear layers: nearest are');
    expect(select).toThrow(/nearest are bert\.encoder\.layer\.0\.attention\.self\.query, .*; "denze" matches none/);
    expect(selectTargets(base, ["classifier", "query"])).toEqual([`${layer}.attention.self.query`]);
  });

  it("says so where nothing else matches", () => {
    expect(() => selectTargets(base, ["classifier"])).toThrow(
      'cannot select targets as ["classifier"] matches only what is trained whole: classifier',
    );
  });

  it("is what an adapter's target_modules mean beside its modules_to_save", () => {
    const method = lora({ rank: 2, alpha: 4, targets: ["dense"] });
    const { trainable, aux } = method.init(random.key(1), base);
    const { config, tensors } = method.export({ base, trainable, aux });
    const read = adapterMethod({ config: { ...config, target_modules: ["dense"] }, tensors }, base);
    expect(Object.keys(read.trainable.factors)).toEqual(dense);
    expect(Object.keys(read.trainable.heads)).toContain("bert.pooler.dense.weight");
  });
});
