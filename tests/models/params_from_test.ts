import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, type HeadName, paramsFrom, type ParamsFromOptions } from "../../lib/models/mod.ts";
import { cast, random, zeros } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import { caseBatch, CASES, checkpointOf, described } from "../support/pretrained.ts";

const modelOf = (name: string, head: HeadName = "classification", labels?: number) =>
  fromConfig(described.cases[name][head].config, { head, labels });

function load(tensors: Record<string, Tensor>, model: ReturnType<typeof modelOf>, fresh?: ParamsFromOptions["fresh"]) {
  return paramsFrom(tensors, model, { key: random.key(2), fresh });
}

/** A checkpoint with other names. */
function rename(tensors: Record<string, Tensor>, to: (name: string) => string): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, x]) => [to(name), x]));
}

function without(tensors: Record<string, Tensor>, pattern: RegExp): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !pattern.test(name)));
}

describe("paramsFrom()", () => {
  beforeAll(async () => void await testDevice());

  it("makes a head afresh that the checkpoint lacks, the same from the same key, and names it", async () => {
    const model = modelOf("roberta");
    const { params, report } = load(without(checkpointOf("roberta", "classification"), /^classifier/), model);
    expect(report.fresh).toEqual(model.headNames);
    expect(Object.keys(params)).toEqual(model.shapes.map(([name]) => name));
    const whole = model.init(random.key(2));
    for (const name of report.fresh) {
      expect(Array.from(await params[name].data())).toEqual(Array.from(await whole[name].data()));
    }
  });

  for (const [name, prefix] of [["bert", "bert"], ["distilbert", "distilbert"], ["deberta-v3", "deberta"]]) {
    it(`takes a bare ${name}, whose names lack "${prefix}."`, () => {
      const bare = rename(
        without(checkpointOf(name, "masked-lm"), /^(cls|vocab_\w+)\./),
        (parameter) => parameter.replace(`${prefix}.`, ""),
      );
      const { params, report } = load(bare, modelOf(name));
      expect(params[`${prefix}.embeddings.word_embeddings.weight`]).toBe(bare["embeddings.word_embeddings.weight"]);
      expect(report.renamed[`${prefix}.embeddings.word_embeddings.weight`]).toBe("embeddings.word_embeddings.weight");
      expect(Object.keys(report.renamed)).toHaveLength(Object.keys(bare).length);
    });
  }

  it("knows gamma and beta as old names of weight and bias", () => {
    const saved = checkpointOf("bert", "classification");
    const old = rename(
      saved,
      (name) => name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta"),
    );
    const { params, report } = load(old, modelOf("bert"));
    expect(params).toEqual(saved);
    expect(report.renamed["bert.embeddings.LayerNorm.weight"]).toBe("bert.embeddings.LayerNorm.gamma");
    expect(Object.keys(report.renamed)).toHaveLength(10);
  });

  it("leaves other heads, poolers, shared weights and position ids aside, and names them", () => {
    const extras = [
      "bert.embeddings.position_ids",
      "bert.pooler.dense.bias",
      "cls.seq_relationship.weight",
      "cls.predictions.decoder.weight",
      "classifier.bias",
    ];
    const tensors = { ...checkpointOf("bert", "masked-lm"), ...Object.fromEntries(extras.map((x) => [x, zeros([2])])) };
    expect(load(tensors, modelOf("bert", "masked-lm")).report).toEqual({ fresh: [], ignored: extras, renamed: {} });
    const deberta = {
      ...checkpointOf("deberta-v3", "classification"),
      "deberta.embeddings.position_embeddings.weight": zeros([2]),
      "mask_predictions.dense.weight": zeros([2]),
    };
    expect(load(deberta, modelOf("deberta-v3")).report.ignored).toHaveLength(2);
  });

  it("refuses a tensor that belongs to nothing, with the nearest name", () => {
    const tensors = {
      ...checkpointOf("bert", "classification"),
      "bert.encoder.layer.2.output.dense.bias": zeros([36]),
    };
    expect(() => load(tensors, modelOf("bert"))).toThrow(
      "no parameter of bert is called bert.encoder.layer.2.output.dense.bias: nearest is bert.encoder.layer.0.output.dense.bias",
    );
    const absolute = { ...checkpointOf("bert", "classification"), "embeddings.position_embedding.weight": zeros([2]) };
    expect(() => load(absolute, modelOf("bert"))).toThrow("nearest is bert.embeddings.position_embeddings.weight");
  });

  it("refuses an encoder with a gap", () => {
    const tensors = without(checkpointOf("roberta", "classification"), /layer\.1\.(attention|output)/);
    expect(() => load(tensors, modelOf("roberta"))).toThrow(
      "the checkpoint lacks 14 of 41 parameters of roberta: roberta.encoder.layer.1.attention.self.query.weight, " +
        "roberta.encoder.layer.1.attention.self.query.bias, roberta.encoder.layer.1.attention.self.key.weight and 11 more",
    );
  });

  it("refuses another shape, and a head of another task unless a fresh one is wanted", () => {
    const saved = checkpointOf("bert", "classification");
    const shorter = { ...saved, "bert.embeddings.position_embeddings.weight": zeros([16, 36]) };
    expect(() => load(shorter, modelOf("bert"))).toThrow(
      "bert.embeddings.position_embeddings.weight is [16, 36] where the model has [17, 36] by its config.json",
    );
    const other = modelOf("bert", "classification", 2);
    expect(() => load(saved, other)).toThrow(
      'classifier.bias is [3] where the model has [2] by its config.json: fresh "mismatched" makes another',
    );
    const { params, report } = load(saved, other, "mismatched");
    expect(report).toEqual({
      fresh: ["classifier.weight", "classifier.bias"],
      ignored: ["classifier.bias", "classifier.weight"],
      renamed: {},
    });
    expect(params["bert.pooler.dense.weight"]).toBe(saved["bert.pooler.dense.weight"]);
    expect(load(saved, modelOf("bert"), "all").report.fresh).toEqual(other.headNames);
  });

  for (const name of CASES) {
    it(`keeps the matrices of a ${name} in f16, and its logits are those of the same numbers in f32`, async () => {
      const saved = checkpointOf(name, "classification");
      const model = modelOf(name);
      const { params } = paramsFrom(saved, model, { key: random.key(2), dtype: "f16" });
      const full: Record<string, Tensor> = {};
      for (const [parameter, value] of Object.entries(params)) {
        const isKept = value.rank === 2 && !/pooler|classifier/.test(parameter);
        expect([parameter, value.dtype]).toEqual([parameter, isKept ? "f16" : "f32"]);
        if (!isKept) expect(value).toBe(saved[parameter]);
        full[parameter] = tensor(Float32Array.from(await value.data()), { shape: value.shape });
        if (isKept) expect(await value.data()).toEqual(new Float16Array(await saved[parameter].data()));
      }
      const batch = caseBatch(name, 0);
      const [got, wanted] = [await model.apply(params, batch).data(), await model.apply(full, batch).data()];
      expectClose(got, wanted, 1e-6);
      // The other way round small parameters widen, and so does all where f32 is asked for.
      const halves = Object.fromEntries(
        await Promise.all(
          Object.entries(saved).map(async ([name, x]) =>
            [name, tensor(new Float16Array(await x.data()), { shape: x.shape })] as const
          ),
        ),
      );
      const back = paramsFrom(halves, model, { key: random.key(2) }).params;
      for (const [parameter, value] of Object.entries(back)) {
        expect(value.dtype).toBe("f32");
        expect(Array.from(await value.data())).toEqual(Array.from(await halves[parameter].data()));
      }
    });
  }

  it("refuses a number that f16 has nothing near, and names it", async () => {
    const saved = checkpointOf("bert", "classification");
    const name = "bert.encoder.layer.0.attention.self.query.weight";
    const data = (await saved[name].data()).slice();
    data[5] = -65520;
    const large = { ...saved, [name]: tensor(data, { shape: saved[name].shape }) };
    expect(() => paramsFrom(large, modelOf("bert"), { key: random.key(0), dtype: "f16" })).toThrow(
      `cannot keep ${name} in f16 as it holds -65520, and f16 ends at 65,504: keep the weights in f32`,
    );
    data[5] = -65519;
    const near = { ...saved, [name]: tensor(data, { shape: saved[name].shape }) };
    const { params } = paramsFrom(near, modelOf("bert"), { key: random.key(0), dtype: "f16" });
    expect((await params[name].data())[5]).toBe(-65504);
  });

  it("refuses one parameter under two names", () => {
    const saved = checkpointOf("bert", "classification");
    const twice = { ...saved, "embeddings.LayerNorm.gamma": saved["bert.embeddings.LayerNorm.weight"] };
    expect(() => load(twice, modelOf("bert"))).toThrow(
      "bert.embeddings.LayerNorm.weight and embeddings.LayerNorm.gamma are both the parameter bert.embeddings.LayerNorm.weight",
    );
  });

  it("refuses whole numbers for a parameter", () => {
    const saved = checkpointOf("bert", "classification");
    const ints = { ...saved, "classifier.bias": cast(saved["classifier.bias"], "i32") };
    expect(() => load(ints, modelOf("bert"))).toThrow("classifier.bias is i32: a parameter is a float");
  });
});
