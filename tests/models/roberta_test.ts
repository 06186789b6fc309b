import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig } from "../../lib/models/mod.ts";
import { positionsPastPadding } from "../../lib/models/roberta.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { caseBatch, checkpointOf, described } from "../support/pretrained.ts";

describe("positionsPastPadding()", () => {
  beforeAll(async () => void await testDevice());

  it("counts tokens from padding + 1 and gives padding its own position, wherever it stands", async () => {
    const ids = tensor(Int32Array.of(5, 1, 7, 1, 1, 1, 1, 9, 9, 9), { shape: [2, 5] });
    expect(Array.from(await positionsPastPadding(ids, 1).data())).toEqual([2, 1, 3, 1, 1, 1, 1, 2, 3, 4]);
  });
});

describe("a roberta", () => {
  beforeAll(async () => void await testDevice());

  it("takes as many tokens as there are positions after the padding's", () => {
    const model = fromConfig(described.cases.roberta.classification.config, { head: "classification" });
    expect(model.config.maxLength).toBe(17);
    const ids = tensor(new Int32Array(18).fill(5), { shape: [1, 18] });
    expect(() =>
      model.apply(checkpointOf("roberta", "classification"), {
        inputIds: ids,
        attentionMask: ids,
        tokenTypeIds: ids,
      })
    ).toThrow("roberta: 18 tokens are more than the model's 17 positions");
  });

  it("does not see what stands in padding, and does not mind types of tokens where it has but one", async () => {
    const model = fromConfig(described.cases.roberta.classification.config, { head: "classification" });
    const batch = caseBatch("roberta", 0);
    const params = checkpointOf("roberta", "classification");
    const [mask, ids] = [await batch.attentionMask.data(), await batch.inputIds.data()];
    const shape = batch.inputIds.shape;
    const other = {
      ...batch,
      inputIds: tensor(Int32Array.from(ids, (id, i) => mask[i] ? id : 7), { shape }),
      tokenTypeIds: batch.attentionMask,
    };
    expect(Array.from(await model.apply(params, other).data())).toEqual(
      Array.from(await model.apply(params, batch).data()),
    );
  });
});
