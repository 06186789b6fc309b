import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { deltaLora, full, lora } from "../../lib/peft/mod.ts";
import { stateOf, treeLeaves } from "../../lib/tensor/mod.ts";
import { beginFrom, init, makeStep } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyLoss } from "../support/tiny.ts";

const WRITTEN = "bert.encoder.layer.0.attention.self.query.weight";
const OPTIONS = { rank: 4, alpha: 8, targets: TARGETS };
const inPlace = deltaLora({ ...OPTIONS, lambda: 2, startStep: -1, write: "in-place" });
const optimizer = adamw({ learningRate: 1e-2 });

describe("init", () => {
  beforeAll(async () => void await testDevice());

  it("copies what the method writes, and shares everything else", () => {
    const base = tinyBase();
    const written = inPlace.writes(base);
    expect(written).toContain(WRITTEN);
    const state = init(random.key(1), base, { method: inPlace, optimizer });
    for (const [name, tensor] of Object.entries(base)) {
      expect(state.base[name] === tensor).toBe(!written.includes(name));
    }
    for (const method of [lora(OPTIONS), deltaLora({ ...OPTIONS, lambda: 2, startStep: -1 })]) {
      const shared = init(random.key(1), base, { method: method as ReturnType<typeof lora>, optimizer });
      expect(Object.values(shared.base)).toEqual(Object.values(base));
    }
  });

  it("begins at step 0 with the same numbers for the same key, and others for another", async () => {
    const first = async (seed: number) => {
      const state = init(random.key(seed), tinyBase(), { method: lora(OPTIONS), optimizer });
      expect(await state.step.item()).toBe(0);
      const [{ A, B }] = Object.values(state.trainable.factors);
      expect((await B.data()).every((x) => x === 0)).toBe(true);
      return [bits(await A.data()), await state.key.data()];
    };
    expect(await first(1)).toEqual(await first(1));
    expect(await first(2)).not.toEqual(await first(1));
  });

  it("leaves the base as it was for other runs, which are not touched by each other", async () => {
    const base = tinyBase();
    const before = await Promise.all(Object.values(base).map(async (x) => bits(await x.data())));
    const run = async () => {
      const step = jit(makeStep({ loss: tinyLoss, method: inPlace, optimizer }), { donate: [0] });
      let state = init(random.key(1), base, { method: inPlace, optimizer });
      let metrics;
      for (let i = 0; i < 3; i++) [state, metrics] = await step(state, tinyBatch(i));
      const written = bits(await state.base[WRITTEN].data());
      step.dispose();
      return [await metrics!.loss.item(), written];
    };
    const alone = await run();
    expect(alone[1]).not.toEqual(before[Object.keys(base).indexOf(WRITTEN)]);
    const [one, other] = await Promise.all([run(), run()]);
    expect([one, other]).toEqual([alone, alone]);
    expect(await Promise.all(Object.values(base).map(async (x) => bits(await x.data())))).toEqual(before);
  });

  it("trains copies of what is trained whole", async () => {
    const base = tinyBase();
    const state = init(random.key(1), base, { method: full(), optimizer });
    for (const [name, value] of Object.entries(state.trainable)) expect(value).not.toBe(base[name]);
    const step = jit(makeStep({ loss: tinyLoss, method: full(), optimizer }), { donate: [0] });
    const before = await base[WRITTEN].data();
    await step(state, tinyBatch(0));
    expect(await base[WRITTEN].data()).toEqual(before);
    step.dispose();
  });

  it("takes the base itself where it is told to, and a step gives it up", async () => {
    const base = tinyBase();
    const device = await testDevice();
    const state = init(random.key(1), base, { method: inPlace, optimizer, takeBase: true });
    expect(Object.values(state.base)).toEqual(Object.values(base));
    const step = jit(makeStep({ loss: tinyLoss, method: inPlace, optimizer }), { donate: [0] });
    const [next] = await step(state, tinyBatch(0));
    await expect(base[WRITTEN].data()).rejects.toThrow("it was donated to step");
    expect(stateOf(next.base[WRITTEN]).kind).toBe("device");
    // What is not written goes on as it is.
    const name = Object.keys(base).find((key) => !inPlace.writes(base).includes(key))!;
    expect(next.base[name]).toBe(base[name]);
    expect(treeLeaves(next).every((leaf) => stateOf(leaf).kind !== "gone")).toBe(true);
    await device.done();
    step.dispose();
  });
});

describe("beginFrom", () => {
  beforeAll(async () => void await testDevice());

  it("has the trainables that were given, and what moments and methods remember of them begins anew", async () => {
    const method = deltaLora({ ...OPTIONS, lambda: 2, startStep: -1 });
    const of = (seed: number) => init(random.key(seed), tinyBase(), { method, optimizer });
    const [fresh, other] = [of(1), of(2)];
    const begun = beginFrom(fresh, other.trainable, { method, optimizer });
    const [path] = Object.keys(other.trainable.factors);
    expect(begun.trainable).toBe(other.trainable);
    const drawn = bits(await other.trainable.factors[path].A.data());
    expect(bits(await begun.aux.anchor[path].A.data())).toEqual(drawn);
    expect(bits(await fresh.aux.anchor[path].A.data())).not.toEqual(drawn);
    // It is a copy, so that the state can be given up as a whole.
    expect(stateOf(begun.aux.anchor[path].A)).not.toBe(stateOf(other.trainable.factors[path].A));
    expect(await begun.aux.writes.item()).toBe(0);
    const all = treeLeaves(begun.optimizer).map(async (moment) => (await moment.data()).every((x) => x === 0));
    expect(await Promise.all(all)).toEqual(all.map(() => true));
  });

  it("leaves what a method keeps that remembers nothing of its trainables", () => {
    const method = lora(OPTIONS);
    const fresh = init(random.key(1), tinyBase(), { method, optimizer });
    expect(beginFrom(fresh, fresh.trainable, { method, optimizer }).aux).toBe(fresh.aux);
  });
});
