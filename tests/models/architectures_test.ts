import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, type HeadName, paramsFrom, type PretrainedModel } from "../../lib/models/mod.ts";
import { crossEntropy, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { holdNodes } from "../../lib/ops/primitive.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { drawnShapes, expectGradients, meanGradient, tenSteps } from "../support/against_pytorch.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import { caseBatch, CASES, checkpointOf, described, fixturePart } from "../support/pretrained.ts";

type CaseBatch = ReturnType<typeof caseBatch>;

function load(name: string, head: HeadName): { model: PretrainedModel; params: Record<string, Tensor> } {
  const model = fromConfig(described.cases[name][head].config, { head });
  const { params, report } = paramsFrom(checkpointOf(name, head), model, { key: random.key(0) });
  expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
  expect(model.config.unusedKeys).toEqual([]);
  return { model, params };
}

function lossOf({ config, apply }: PretrainedModel) {
  return (params: Params, batch: CaseBatch) => {
    const logits = apply(params, batch);
    if (config.head === "masked-lm") return crossEntropy(logits, batch.tokens);
    return config.problem === "regression"
      ? meanSquaredError(logits, batch.labels)
      : crossEntropy(logits, batch.labels);
  };
}

for (const name of CASES) {
  for (const head of ["classification", "masked-lm"] as const) {
    describe(`a ${name} with a ${head} head`, () => {
      beforeAll(async () => void await testDevice());

      it("gives transformers' logits to 1e-4", async () => {
        const { model, params } = load(name, head);
        const logits = model.apply(params, caseBatch(name, 0));
        const { logits: wanted } = fixturePart(`${name}.${head}.`);
        expect(logits.shape).toEqual(wanted.shape);
        expectClose(await logits.data(), await wanted.data(), 1e-4);
      });

      it("drops out where transformers does", () => {
        const { model, params } = load(name, head);
        const drawn = holdNodes(() => drawnShapes(model.apply(params, caseBatch(name, 0), random.key(1))));
        const wanted = described.cases[name][head].dropouts.map(([shape]) => shape);
        expect(drawn.length).toBe(wanted.length);
        // Where the first token alone counts, the last layer computes no others.
        if (head === "masked-lm") expect(drawn.map(String).sort()).toEqual(wanted.map(String).sort());
      });

      it("gives PyTorch's gradient of every parameter to 1e-4 of the largest one's norm", async () => {
        const { model, params } = load(name, head);
        const grads = meanGradient(params, lossOf(model), caseBatch(name, 0));
        const wanted = fixturePart(`${name}.${head}.grads.`);
        expect(Object.keys(wanted).sort()).toEqual(Object.keys(params).sort());
        await expectGradients(grads, wanted);
      });

      it("follows PyTorch's AdamW over ten batches of all shapes to 1e-4", async () => {
        const { model, params } = load(name, head);
        const { losses } = await tenSteps(params, lossOf(model), (i) => caseBatch(name, i));
        expectClose(losses, await fixturePart(`${name}.${head}.`).losses.data(), 1e-4);
      });
    });
  }
}
