import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { adamw } from "../../lib/optim/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { dylora, dyloraAt, type DyloraOptions, lora } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, treeLeaf, treeMap, treePart } from "../../lib/tensor/mod.ts";
import { init, makeAccumulatedStep } from "../../lib/train/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { fixtureLogits, fixtureRanks, followFixture } from "../support/follow_fixture.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { applyLayer, layerLoss, oneLayer } from "../support/one_layer.ts";
import { TARGETS, trainTiny } from "../support/tiny.ts";

const OPTIONS: DyloraOptions = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };

describe("dylora", () => {
  beforeAll(async () => void await testDevice());

  for (const [run, mode, last] of [["dylora", "all", 1], ["dylora-frozen", "frozen", 1]] as const) {
    it(`${mode}: follows a run of PyTorch with the same ranks, moments put back where no step is`, async () => {
      // The run's logits are those of its last rank.
      const method = dylora({ ...OPTIONS, mode, testRank: last });
      const { state, logits } = await followFixture(run, method, {
        clip: 1,
        factorsOf: (of, path) => ({ A: of[`${path}.A`], B: of[`${path}.B`] }),
        before: (state, i) => ({ ...state, aux: { ...state.aux, active: tensor(fixtureRanks[i], { dtype: "i32" }) } }),
      });
      expectClose(logits, fixtureLogits(run), 5e-4);
      expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-5);
    });

    it(`${mode}: what is not trained keeps its bits and its moments', and the rest moves, without a compilation`, async () => {
      const device = await testDevice();
      const snapshot = (part: { readonly A: Tensor; readonly B: Tensor }) =>
        Promise.all([part.A.data(), part.B.data()].map(async (data) => bits(await data)));
      /** For each component, whether the bits of A's row or B's column differ. */
      const moved = ([a, b]: number[][], [c, d]: number[][]) =>
        Array.from(
          { length: 4 },
          (_, k) =>
            a.some((x, i) => Math.floor(i / 32) === k && x !== c[i]) || b.some((x, i) => i % 4 === k && x !== d[i]),
        );
      let old: number[][][] | undefined;
      let active = 0;
      let compiled = 0;
      const seen = new Set<number>();
      await trainTiny(dylora({ ...OPTIONS, mode }), {
        steps: 16,
        onStep: async (step, { trainable, optimizer, aux }) => {
          const path = Object.keys(trainable.factors)[0];
          const pairs = [trainable, treePart(optimizer, 0, "mu"), treePart(optimizer, 0, "nu")].map((held) => ({
            A: treeLeaf(held, "factors", path, "A"),
            B: treeLeaf(held, "factors", path, "B"),
          }));
          const now = await Promise.all(pairs.map(snapshot));
          const next = await aux.active.item();
          if (old) {
            const wanted = [0, 1, 2, 3].map((k) => mode === "all" ? k < active : k === active - 1);
            now.forEach((part, i) => expect(moved(old![i], part)).toEqual(wanted));
            seen.add(active);
          }
          if (step === 3) compiled = device.counters().pipelines;
          [old, active] = [now, next];
        },
      });
      expect(device.counters().pipelines).toBe(compiled);
      expect([...seen].sort()).toEqual([1, 2, 3, 4]);
    });
  }

  it("draws each rank about as often, and the same ones from the same key", async () => {
    const method = dylora(OPTIONS);
    const { base } = oneLayer();
    const ranks = async (seed: number) => {
      const { trainable, aux: first } = method.init(random.key(seed), base);
      const rest = { base, trainable, before: trainable, updates: trainable, grads: trainable };
      const drawn: number[] = [];
      let aux = first;
      for (let step = 0; step < 200; step++) {
        drawn.push(await aux.active.item());
        ({ aux } = method.after({ ...rest, aux, step: tensor(step, { dtype: "i32" }) }));
      }
      return drawn;
    };
    const drawn = await ranks(3);
    const counts = [1, 2, 3, 4].map((b) => drawn.filter((one) => one === b).length);
    // Of 200 draws 50 each, with a standard deviation of 6.1.
    for (const count of counts) expect(Math.abs(count - 50)).toBeLessThan(25);
    expect(counts.reduce((a, b) => a + b)).toBe(200);
    expect(await ranks(3)).toEqual(drawn);
    expect(await ranks(4)).not.toEqual(drawn);
  });

  /** A state in which no factor is zero. */
  function full(base: Record<string, Tensor>) {
    const { trainable, aux } = dylora(OPTIONS).init(random.key(3), base);
    const factors = treeMap((x: Tensor) => random.normal(random.key(x.shape[0]), x.shape), trainable.factors);
    return { base, aux, trainable: { ...trainable, factors } };
  }
  const withRank = (state: ReturnType<typeof full>, b: number) => ({
    ...state,
    aux: { ...state.aux, active: tensor(b, { dtype: "i32" }) },
  });

  it("uses one rank for all parts of a batch in parts", async () => {
    const { base, points } = oneLayer();
    const method = dylora(OPTIONS);
    const optimizer = adamw({ learningRate: 1e-2 });
    const fresh = { ...init(random.key(1), base, { method, optimizer }), ...full(base) };
    const step = makeAccumulatedStep({ loss: layerLoss, method, optimizer });
    const losses: number[] = [];
    for (const b of [1, 2, 3, 4]) {
      const state = { ...fresh, ...withRank(full(base), b) };
      const [whole, twice] = [step(state, [points])[1], step(state, [points, points])[1]];
      losses.push(await whole.loss.item());
      expectClose([await twice.loss.item()], losses.slice(-1), 1e-6);
      expectClose([await twice.gradNorm.item()], [await whole.gradNorm.item()], 1e-6);
    }
    expect(new Set(losses).size).toBe(4);
  });

  it("at every rank is LoRA of that rank: adapted, merged, exported, and cut by dyloraAt", async () => {
    const { base, points: { x } } = oneLayer();
    const state = full(base);
    const all: string[] = [];
    for (const testRank of [1, 2, 3, 4]) {
      const method = dylora({ ...OPTIONS, testRank });
      const small = dyloraAt(state, testRank);
      const plain = lora({ ...OPTIONS, rank: testRank });
      const wanted = await applyLayer(plain.adapt(base, small.trainable, {}), x).data();
      expectClose(await applyLayer(method.adapt(base, state.trainable, state.aux), x).data(), wanted, 1e-6);
      expectClose(await applyLayer(method.merge(state), x).data(), wanted, 1e-5);
      const [{ config, tensors }, like] = [method.export(state), plain.export(small)];
      expect(config).toEqual(like.config);
      for (const [name, one] of Object.entries(like.tensors)) {
        expect(await tensors[name].data()).toEqual(await one.data());
      }
      // And a step that drew this rank computes with it.
      const inStep = dylora(OPTIONS).adapt(base, state.trainable, withRank(state, testRank).aux, random.key(0));
      expectClose(await applyLayer(inStep, x).data(), wanted, 1e-5);
      all.push(String(wanted));
    }
    expect(new Set(all).size).toBe(4);
    expect(() => dyloraAt(state, 5)).toThrow("no rank above the 4 that were trained, such as 5");
  });

  it("counts LoRA's parameters", () => {
    const base = encoderWeights();
    const method = dylora(OPTIONS);
    const { trainableParameters } = method.describe({ base, ...method.init(random.key(0), base) });
    expect(trainableParameters).toBe(4 * 4 * (32 + 32) + 2 * 32 + 2);
  });

  it("refuses ranks and modes that cannot be", () => {
    expect(() => dylora({ ...OPTIONS, testRank: 5 })).toThrow("no rank above the 4 that were trained");
    expect(() => dylora({ ...OPTIONS, rank: 0 })).toThrow("a rank is a whole number from 1");
    expect(() => dylora({ ...OPTIONS, mode: "some" as "all" })).toThrow("a mode is all or frozen, not some");
  });
});
