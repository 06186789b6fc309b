import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { Matrix, SVD } from "ml-matrix";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, type LowRankTrainable } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { method } from "../fixtures/methods/lora_xs.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { tinyBase, tinyBatch, tinyModel as model } from "../support/tiny.ts";

const RANK = 4;
const QUERY = "bert.encoder.layer.0.attention.self.query";

describe("a method of one's own: LoRA-XS in one file", () => {
  const base = tinyBase();
  const made = method.make({ rank: RANK, alpha: 8, targets: ".*\\.(query|value)" }, { steps: 10 });
  const { trainable, aux } = made.init(random.key(0), base);
  const { factors, heads } = trainable as LowRankTrainable<{ readonly R: Tensor }>;

  beforeAll(async () => void await testDevice());

  it("is 80 lines at most, as a user would write it: with the package alone", async () => {
    const text = await Deno.readTextFile(new URL("../fixtures/methods/lora_xs.ts", import.meta.url));
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(80);
    expect(Array.from(text.matchAll(/from "(.*)"/g), ([, name]) => name)).toEqual(["@delta-dawn/delta-lora"]);
  });

  it("keeps the first parts of each weight's singular value decomposition, as ml-matrix finds it", async () => {
    const { US, V } = (aux as Readonly<Record<string, { US: Tensor; V: Tensor }>>)[QUERY];
    const [us, v, w] = await Promise.all([US.data(), V.data(), base[`${QUERY}.weight`].data()]);
    const [C] = base[`${QUERY}.weight`].shape;
    const svd = new SVD(Matrix.from1DArray(C, C, [...w]));
    const [left, right] = [Matrix.from1DArray(C, RANK, [...us]), Matrix.from1DArray(RANK, C, [...v])];
    const [U, S, R] = [svd.leftSingularVectors, svd.diagonal, svd.rightSingularVectors];
    const best = Matrix.zeros(C, C);
    for (let i = 0; i < RANK; i++) {
      best.add(U.getColumnVector(i).mmul(R.getColumnVector(i).transpose()).mul(S[i]));
      expect(Math.abs(left.getColumnVector(i).norm() / S[i] - 1)).toBeLessThan(1e-4);
      expect(Math.abs(Math.abs(right.getRowVector(i).dot(R.getColumnVector(i).transpose())) - 1)).toBeLessThan(1e-3);
    }
    expect(Matrix.sub(left.mmul(right), best).norm() / best.norm()).toBeLessThan(1e-2);
  });

  it("trains r × r numbers a layer, and begins as the model was", () => {
    const shapes = Object.values(factors).map(({ R }) => R.shape);
    expect(shapes.length).toBeGreaterThan(1);
    expect(shapes).toEqual(shapes.map(() => [RANK, RANK]));
    const { trainableParameters } = made.describe({ base, trainable, aux });
    const own = Object.values(heads).reduce((sum, { size }) => sum + size, 0);
    expect(trainableParameters).toBe(shapes.length * RANK * RANK + own);
  });

  it("merged, and read again from PEFT's files, gives the logits of the adapted model", async () => {
    const grown = Object.entries(factors).map(([path], i) => [path, { R: random.normal(random.key(i), [RANK, RANK]) }]);
    const state = { base, trainable: { factors: Object.fromEntries(grown), heads }, aux };
    const batch = tinyBatch(0);
    const adapted = await model.apply(made.adapt(base, state.trainable, aux), batch).data();
    expect(bits(adapted)).not.toEqual(bits(await model.apply(base, batch).data()));
    expectClose(await model.apply(made.merge(state), batch).data(), adapted, 1e-4);
    const read = adapterMethod(made.export(state), base);
    expect([read.name, read.options]).toEqual(["lora", { rank: RANK, alpha: 8 }]);
    const again = read.method.adapt(read.base, read.trainable, read.method.init(random.key(0), base).aux);
    expectClose(await model.apply(again, batch).data(), adapted, 1e-4);
  });
});
