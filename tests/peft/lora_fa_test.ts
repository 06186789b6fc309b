import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw, sgd } from "../../lib/optim/mod.ts";
import { adapterMethod, lora, loraFa } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, treeLeaves } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights, loadFixture, part } from "../support/encoder.ts";
import { fixtureLogits, followFixture } from "../support/follow_fixture.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS, trainTiny } from "../support/tiny.ts";

const OPTIONS = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };
const tensors = await loadFixture("methods");

describe("loraFa", () => {
  beforeAll(async () => void await testDevice());

  for (const correction of [false, true]) {
    const run = correction ? "lora-fa-corrected" : "lora-fa";
    const by = correction ? "PEFT's create_lorafa_optimizer" : "PEFT's LoRA without A";
    it(`follows ${by} for 20 steps, and merges to the same logits`, async () => {
      const method = loraFa({ ...OPTIONS, correction });
      const of = part(tensors, `${run}.before.`);
      const paths = Object.keys(method.init(random.key(0), encoderWeights()).trainable.factors);
      const frozen = Object.fromEntries(
        paths.map((path) => [path, {
          A: of[`${path}.A`],
          ...correction && { inverse: of[`${path}.inverse`] },
        }]),
      );
      const { state, logits } = await followFixture(run, method, {
        optimizer: correction ? adamw({ learningRate: 5e-3, epsilon: 1e-12 }) : undefined,
        factorsOf: (of, path) => ({ B: of[`${path}.B`] }),
        before: (state) => ({ ...state, aux: { frozen } }),
      });
      expectClose(logits, fixtureLogits(run), 5e-4);
      expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-5);
    });
  }

  it("has LoRA's first step in B, and A stays to the bit", async () => {
    const { base, points } = oneLayer();
    const optimizer = sgd({ learningRate: 0.1 });
    const [plain, own] = [lora(OPTIONS), loraFa(OPTIONS)];
    const before = init(random.key(2), base, { method: own, optimizer });
    const [next] = makeStep({ loss: layerLoss, method: own, optimizer })(before, points);
    const [other] = makeStep({ loss: layerLoss, method: plain, optimizer })(
      init(random.key(2), base, { method: plain, optimizer }),
      points,
    );
    expect(bits(await next.trainable.factors[QUERY].B.data())).toEqual(
      bits(await other.trainable.factors[QUERY].B.data()),
    );
    expect(bits(await next.aux.frozen[QUERY].A.data())).toEqual(bits(await before.aux.frozen[QUERY].A.data()));
  });

  it("multiplies the gradient of B by (AAᵀ)⁻¹/s² where it is asked to, and by nothing otherwise", async () => {
    const { base, points } = oneLayer();
    const options = { rank: 3, alpha: 6, targets: /query$/, heads: /^none$/ };
    const optimizer = sgd({ learningRate: 1 });
    const change = async (correction: boolean) => {
      const method = loraFa({ ...options, correction });
      const state = init(random.key(4), base, { method, optimizer });
      const [next] = makeStep({ loss: layerLoss, method, optimizer })(state, points);
      return { B: await next.trainable.factors[QUERY].B.data(), frozen: state.aux.frozen[QUERY] };
    };
    const [{ B: plain }, { B, frozen }] = [await change(false), await change(true)];
    const A = frozen.A;
    const square = await A.matmul(A, { transposeB: true }).data();
    expectClose(
      await frozen.inverse!.matmul(tensor(square, { shape: [3, 3] })).data(),
      [1, 0, 0, 0, 1, 0, 0, 0, 1],
      1e-4,
    );
    // s is 2: B·AAᵀ·s² is what it would be without.
    const back = tensor(B, { shape: [6, 3] }).matmul(tensor(square, { shape: [3, 3] })).mul(4);
    expectClose(await back.data(), plain, 1e-5);
  });

  it("has moments for B alone, counts A among what it adds, and exports it for PEFT's LoRA", async () => {
    const method = loraFa({ ...OPTIONS, correction: true });
    const { state } = await trainTiny(method, { steps: 3 });
    const report = method.describe(state);
    const like = lora(OPTIONS);
    const wanted = like.describe({ base: state.base, ...like.init(random.key(1), state.base) });
    const factors = 4 * 4 * 32;
    expect(report).toEqual({ ...wanted, trainableParameters: wanted.trainableParameters - factors });
    const moments = treeLeaves(state.optimizer).filter((leaf: Tensor) => leaf.size > 1);
    expect(moments.reduce((sum, { size }) => sum + size, 0)).toBe(2 * report.trainableParameters);
    const read = adapterMethod(method.export(state), state.base);
    expect(read.name).toBe("lora");
    const path = `${Object.keys(state.trainable.factors)[0]}.weight`;
    const got = await read.method.merge({ base: state.base, trainable: read.trainable, aux: {} })[path].data();
    expect(bits(got)).toEqual(bits(await method.merge(state)[path].data()));
  });

  it("needs less memory in a step than LoRA, as inputs are not kept for A", async () => {
    const [own, plain] = [await trainTiny(loraFa(OPTIONS), { steps: 1 }), await trainTiny(lora(OPTIONS), { steps: 1 })];
    expect(own.plan.ownBytes).toBeLessThan(plain.plan.ownBytes);
    expect(own.plan.dispatches.length).toBeLessThan(plain.plan.dispatches.length);
  });

  it("refuses to correct by an α that is not above 0, or where A has more rows than columns", () => {
    const options = { rank: 1, targets: ["query"] };
    expect(() => loraFa({ ...options, alpha: 0, correction: true })).toThrow("loraFa: alpha is above 0, not 0");
    expect(loraFa({ ...options, alpha: 0 }).name).toBe("lora-fa");
    const base = { "query.weight": tensor([[1, 2], [3, 4]]) };
    const method = loraFa({ rank: 3, alpha: 1, targets: ["query"], correction: true });
    expect(() => method.init(random.key(0), base)).toThrow("loraFa: AAᵀ of A [3, 2] at query has no inverse");
  });
});
