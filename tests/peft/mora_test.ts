import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod, mora, type MoraMap } from "../../lib/peft/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { fixtureLogits, followFixture } from "../support/follow_fixture.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const WIDE = /attention\.(query|value)$|intermediate\.dense$/;
const LONG = /\d\.output\.dense$/;
const OPTIONS = { rank: 4, targets: WIDE, heads: /^classifier$/ };

/** ΔW [out, in] of `sharing`, element by element: row o and column i share M[o mod side, i mod side]. */
function sharedChange(M: ArrayLike<number>, side: number, [out, input]: readonly number[]): number[] {
  const change = new Array<number>(out * input).fill(0);
  for (let o = 0; o < out; o++) {
    // The last group goes on with the input's beginning.
    for (let p = 0; p < Math.ceil(input / side) * side; p++) {
      change[o * input + p % input] += M[(o % side) * side + p % side];
    }
  }
  return change;
}

describe("mora", () => {
  beforeAll(async () => void await testDevice());

  for (const map of ["sharing", "rotation"] as const) {
    const runs = [
      [`mora-${map}`, WIDE, "weights that the side divides and does not"],
      [`mora-${map}-long`, LONG, "weights whose input is longer than their output"],
    ] as const;
    for (const [run, targets, where] of runs) {
      it(`by ${map} follows PyTorch for 20 steps on ${where}, and merges`, async () => {
        const method = mora({ ...OPTIONS, targets, map });
        const factorsOf = (of: Readonly<Record<string, Tensor>>, path: string) => ({ M: of[`${path}.M`] });
        const { state, logits } = await followFixture(run, method, { factorsOf });
        expect(Object.keys(state.trainable.factors)).toHaveLength(run === `mora-${map}` ? 6 : 2);
        expectClose(logits, fixtureLogits(run), 5e-4);
        expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-5);
      });
    }
  }

  it("by sharing adds the same element of M wherever rows and columns share it, on odd sizes", async () => {
    const numbers = new Numbers(4);
    for (const [shape, rank] of [[[6, 8], 1], [[7, 9], 2], [[3, 5], 1], [[4, 11], 1], [[20, 9], 2]] as const) {
      const base = { "query.weight": numbers.tensor([...shape]) };
      const method = mora({ rank, targets: ["query"], heads: /^$/ });
      const { M } = method.init(random.key(0), base).trainable.factors.query;
      const side = Math.min(Math.floor(Math.sqrt((shape[0] + shape[1]) * rank) + 0.5), shape[1]);
      expect(M.shape).toEqual([side, side]);
      const own = numbers.tensor(M.shape);
      const trainable = { factors: { query: { M: own } }, heads: {} };
      const merged = await method.merge({ base, trainable, aux: {} })["query.weight"].data();
      const change = sharedChange(await own.data(), side, shape);
      const W = await base["query.weight"].data();
      expectClose(merged, change.map((x, i) => x + W[i]), 1e-6);
    }
  });

  it("by rotation turns a block by its number times 10000^(−2j/side), and the first not at all", async () => {
    const base = { "query.weight": tensor(new Float32Array(64), { shape: [8, 8] }) };
    const method = mora({ rank: 1, targets: ["query"], heads: /^$/, map: "rotation" });
    const M = tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
    const trainable = { factors: { query: { M } }, heads: {} };
    const merged = await method.merge({ base, trainable, aux: {} })["query.weight"].data();
    const [one, small] = [1, 0.01];
    const turn = [
      ...[Math.cos(one), 0, -Math.sin(one), 0, 0, Math.cos(small), 0, -Math.sin(small)],
      ...[Math.sin(one), 0, Math.cos(one), 0, 0, Math.sin(small), 0, Math.cos(small)],
    ];
    const wanted = Array.from({ length: 64 }, (_, at) => {
      const [o, i] = [Math.floor(at / 8), at % 8];
      if (Math.floor(o / 4) !== Math.floor(i / 4)) return 0;
      return o < 4 ? Number(o === i) : turn[(o - 4) * 4 + i - 4];
    });
    expectClose(merged, wanted, 1e-6);
  });

  it("by rotation changes nothing by the blocks of an input that the output has no place for", async () => {
    const numbers = new Numbers(8);
    // A side of 4: two blocks of three for 6 rows, and of 3 for 10 columns.
    const base = { "query.weight": numbers.tensor([6, 10]) };
    const method = mora({ rank: 1, targets: ["query"], heads: /^$/, map: "rotation" });
    const M = numbers.tensor(method.init(random.key(0), base).trainable.factors.query.M.shape);
    expect(M.shape).toEqual([4, 4]);
    const state = { base, trainable: { factors: { query: { M } }, heads: {} }, aux: {} };
    const merged = await method.merge(state)["query.weight"].data();
    const change = Array.from(await base["query.weight"].data(), (w, i) => merged[i] - w);
    const own = await M.data();
    for (let o = 0; o < 4; o++) {
      expectClose(change.slice(o * 10, o * 10 + 4), own.slice(o * 4, o * 4 + 4), 1e-6);
      expect(change.slice(o * 10 + 4, o * 10 + 10)).toEqual(new Array(6).fill(0));
    }
    for (let o = 4; o < 6; o++) {
      expect(change.slice(o * 10 + 4, o * 10 + 8)).not.toContain(0);
      expect([0, 1, 2, 3, 8, 9].map((i) => change[o * 10 + i])).toEqual(new Array(6).fill(0));
    }
  });

  it("begins as the model without it, to the bit, and has about LoRA's number of parameters", async () => {
    const base = encoderWeights();
    for (const map of ["sharing", "rotation"] as const) {
      const method = mora({ ...OPTIONS, map });
      const state = { base, ...method.init(random.key(0), base) };
      const plain = bits(await encoder.apply(base, encoderBatch(1)).data());
      expect(bits(await encoder.apply(method.adapt(base, state.trainable, {}), encoderBatch(1)).data())).toEqual(plain);
      // 16 × 16 for 32 × 32, 20 × 20 for 64 × 32, two layers, and the classifier of two.
      const trainableParameters = 2 * (2 * 256 + 400) + 66;
      expect(method.describe(state).trainableParameters).toBe(trainableParameters);
    }
  });

  it("writes a file of our own kind, which comes back as it was and which PEFT's kinds are not", async () => {
    const base = encoderWeights();
    const method = mora({ ...OPTIONS, map: "rotation" });
    const { trainable } = method.init(random.key(0), base);
    const numbers = new Numbers(6);
    const factors = Object.fromEntries(
      Object.entries(trainable.factors).map(([path, { M }]) => [path, { M: numbers.tensor(M.shape) }]),
    );
    const adapter = method.export({ base, trainable: { ...trainable, factors }, aux: {} });
    expect(adapter.config).toMatchObject({ peft_type: "MORA", r: 4, map: "rotation" });
    const read = adapterMethod(adapter, base);
    expect([read.name, read.options]).toEqual(["mora", { rank: 4, dropout: 0, map: "rotation" }]);
    const wanted = method.merge({ base, trainable: { ...trainable, factors }, aux: {} });
    const got = read.method.merge({ base, trainable: read.trainable, aux: {} });
    const name = "bert.encoder.layer.1.intermediate.dense.weight";
    expect(bits(await got[name].data())).toEqual(bits(await wanted[name].data()));
  });

  it("has a matrix no wider than an input, and refuses a map that is none", () => {
    // What a caller without types may pass.
    const map = "folding" as MoraMap;
    expect(() => mora({ ...OPTIONS, map })).toThrow("mora: a map is sharing or rotation, not folding");
    const base = { "query.weight": tensor(new Float32Array(40), { shape: [8, 5] }) };
    const shapeOf = (map: MoraMap) =>
      mora({ rank: 4, targets: ["query"], map }).init(random.key(0), base).trainable.factors.query.M.shape;
    expect([shapeOf("sharing"), shapeOf("rotation")]).toEqual([[5, 5], [4, 4]]);
  });
});
