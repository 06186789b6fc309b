import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { torchUniform } from "../../lib/peft/files/torch_uniform.ts";
import { adapterMethod, vera } from "../../lib/peft/mod.ts";
import { treeLeaves } from "../../lib/tensor/mod.ts";
import said from "../fixtures/torch_uniform.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const OPTIONS = { rank: 12, targets: TARGETS };
const PATH = "bert.encoder.layer.0.attention.self.query";

describe("torchUniform()", () => {
  it("draws PyTorch's numbers, to the bit, beyond the generator's first turn and array after array", () => {
    for (const { seed, arrays } of said.cases) {
      const draw = torchUniform(seed);
      for (const { count, bound, first, last } of arrays) {
        const drawn = draw(count, bound);
        expect(bits(drawn.slice(0, first.length))).toEqual(bits(Float32Array.from(first)));
        expect(bits(drawn.slice(-last.length))).toEqual(bits(Float32Array.from(last)));
      }
    }
  });
});

describe("vera", () => {
  beforeAll(async () => void await testDevice());

  it("is W + diag(b)·B·diag(d)·A, element by element in float64, on targets of two shapes", async () => {
    const base = encoderWeights();
    const targets = /attention\.query$|intermediate\.dense$/;
    const method = vera({ rank: 5, targets, heads: /^classifier$/ });
    const { trainable, aux } = method.init(random.key(0), base);
    expect([aux.projections.A.shape, aux.projections.B.shape]).toEqual([[5, 32], [64, 5]]);
    const paths = Object.keys(trainable.factors);
    const factors = Object.fromEntries(paths.map((path, i) => [path, {
      d: random.normal(random.key(i), [5]),
      b: random.normal(random.key(100 + i), trainable.factors[path].b.shape),
    }]));
    const state = { base, trainable: { factors, heads: trainable.heads }, aux };
    const merged = method.merge(state);
    const [A, B] = [await aux.projections.A.data(), await aux.projections.B.data()];
    for (const path of paths) {
      const [d, b] = [await factors[path].d.data(), await factors[path].b.data()];
      const wanted = Float64Array.from(await base[`${path}.weight`].data(), (w, i) => {
        const [row, column] = [Math.floor(i / 32), i % 32];
        let sum = 0;
        for (let k = 0; k < 5; k++) sum += B[row * 5 + k] * d[k] * A[k * 32 + column];
        return w + b[row] * sum;
      });
      expectClose(await merged[`${path}.weight`].data(), wanted, 1e-5);
    }
    const adapted = await encoder.apply(method.adapt(base, state.trainable, aux), encoderBatch(0)).data();
    expectClose(await encoder.apply(merged, encoderBatch(0)).data(), adapted, 1e-5);
  });

  it("begins as the model without it, trains r + out numbers a target, and leaves its matrices alone", async () => {
    const base = tinyBase();
    const method = vera(OPTIONS);
    const fresh = { base, ...method.init(random.key(1), base) };
    const plain = await tinyModel.apply(base, tinyBatch(3)).data();
    const adapted = await tinyModel.apply(method.adapt(base, fresh.trainable, fresh.aux), tinyBatch(3)).data();
    expect(bits(adapted)).toEqual(bits(plain));
    const heads = Object.values(fresh.trainable.heads).reduce((sum, { size }) => sum + size, 0);
    const { trainableParameters, totalParameters } = method.describe(fresh);
    expect(trainableParameters).toBe(4 * (12 + 32) + heads);
    const whole = Object.values(base).reduce((sum, { size }) => sum + size, 0);
    expect(totalParameters).toBe(whole + 4 * (12 + 32) + 2 * 12 * 32);
    const moments = treeLeaves(adamw({ learningRate: 1 }).init(fresh.trainable)).filter(({ size }) => size > 1);
    expect(moments.reduce((sum, { size }) => sum + size, 0)).toBe(2 * trainableParameters);
    const { state } = await trainTiny(method, { steps: 12, optimizer: adamw({ learningRate: 3e-2 }) });
    expect(bits(await state.aux.projections.A.data())).toEqual(bits(await fresh.aux.projections.A.data()));
    const { d, b } = state.trainable.factors[PATH];
    const moved = [...(await d.data()).map((x) => x - 0.1), ...await b.data()].map(Math.abs);
    expect(Math.min(...moved)).toBeGreaterThan(1e-4);
  });

  it("has the same matrices for every seed, others by another key, and refuses what is no key, and a d that would not train", async () => {
    const base = tinyBase();
    const A = async (method: ReturnType<typeof vera>, seed: number) =>
      bits(await method.init(random.key(seed), base).aux.projections.A.data());
    expect(await A(vera(OPTIONS), 1)).toEqual(await A(vera(OPTIONS), 2));
    expect(await A(vera({ ...OPTIONS, projectionKey: 1 }), 1)).not.toEqual(await A(vera(OPTIONS), 1));
    for (const projectionKey of [-1, 0.5, 2 ** 32]) {
      expect(() => vera({ ...OPTIONS, projectionKey })).toThrow("projectionKey is a whole number from 0 and below 2³²");
    }
    for (const initial of [0, NaN, Infinity]) {
      expect(() => vera({ ...OPTIONS, initial })).toThrow(`vera: d begins as a number above 0, not ${initial}`);
    }
  });

  it("comes back from an adapter without its matrices by their key", async () => {
    const base = tinyBase();
    const method = vera({ ...OPTIONS, projectionKey: 7, projection: "drawn" });
    const { state } = await trainTiny(method, { steps: 3 });
    const adapter = method.export(state);
    expect(Object.keys(adapter.tensors).filter((name) => name.includes("vera_A"))).toEqual([]);
    const read = adapterMethod(adapter, base);
    const got = read.method.merge({ ...read, base })[`${PATH}.weight`];
    expect(bits(await got.data())).toEqual(bits(await method.merge(state)[`${PATH}.weight`].data()));
  });
});
