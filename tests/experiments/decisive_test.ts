import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { decisiveOf, type DecisiveSettings } from "../../experiments/runner/pretrain/decisive.ts";
import { loadState, saveState } from "../../experiments/runner/pretrain/saved_progress.ts";
import { loadChecked, saveChecked } from "../../experiments/runner/train/checked_tensors.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { optim, peft, random, tensor, train } from "../../mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { testDevice } from "../support/device.ts";

const SETTINGS: DecisiveSettings = { size: "small", steps: 40, seed: 5, batch: 64, learningRate: 1e-3 };

describe("the state of a pre-training", () => {
  const method = peft.full();
  const fresh = () =>
    train.init(random.key(0), { weight: tensor([1, 2, 3]) }, { method, optimizer: optim.adamw({ learningRate: 1 }) });

  it("is gone on from with the settings that it was made with, and refused with others", async () => {
    await testDevice();
    await withFolder(async (folder) => {
      const path = `${folder}/state`;
      await saveState(path, { state: fresh(), losses: [3, 2] }, { decisive: await decisiveOf(SETTINGS), method });
      const load = async (own: Partial<DecisiveSettings> = {}) =>
        await loadState(path, fresh(), { decisive: await decisiveOf({ ...SETTINGS, ...own }), method });
      const found = await load();
      expect(found?.losses).toEqual([3, 2]);
      expect(Array.from(await found!.state.trainable.weight.data())).toEqual([1, 2, 3]);
      const begin = `cannot go on from ${path}: `;
      const end = "; without that file it begins anew";
      const others: readonly [Partial<DecisiveSettings>, string][] = [
        [{ learningRate: 3e-3 }, "`learningRate` was 0.001 there, not 0.003"],
        [{ batch: 32 }, "`batch` was 64 there, not 32"],
        [{ steps: 41 }, "`steps` was 40 there, not 41"],
        [{ seed: 6 }, "`seed` was 5 there, not 6"],
        [{ size: "base" }, "`size` was small there, not base"],
      ];
      for (const [own, reason] of others) expect(await load(own).then(() => "", messageOf)).toBe(begin + reason + end);
    });
  });

  it("is refused where batches are made in another way, or it does not say of what it is", async () => {
    await testDevice();
    await withFolder(async (folder) => {
      const path = `${folder}/state`;
      const decisive = await decisiveOf(SETTINGS);
      await saveState(path, { state: fresh(), losses: [3] }, { decisive, method });
      const { tensors, metadata } = await loadChecked(path);
      const failure = async (own: Readonly<Record<string, string>>) => {
        await saveChecked(path, tensors, own);
        return await loadState(path, fresh(), { decisive, method }).then(() => "", messageOf);
      };
      expect(await failure(metadata)).toBe("");
      expect(await failure({ ...metadata, batches: "0" }))
        .toContain("how tokens are hidden, or passages put into batches, changed since");
      expect(await failure({ ...metadata, language: "0" })).toContain("the language changed since");
      const { learningRate: _, ...before } = metadata;
      expect(await failure(before)).toContain("it says nothing of `learningRate`");
    });
  });
});
