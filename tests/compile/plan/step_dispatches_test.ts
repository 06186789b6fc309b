import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { makePlan } from "../../../lib/compile/plan/make_plan.ts";
import { bert } from "../../../lib/models/mod.ts";
import { crossEntropy, type Params } from "../../../lib/nn/mod.ts";
import { random } from "../../../lib/ops/mod.ts";
import { holdNodes } from "../../../lib/ops/primitive.ts";
import { adamw } from "../../../lib/optim/mod.ts";
import { adalora, deltaLora, full, lora, type Method } from "../../../lib/peft/mod.ts";
import { stateOf, tensor, treeLeaves } from "../../../lib/tensor/mod.ts";
import { init, makeStep } from "../../../lib/train/mod.ts";

/** The shape of MiniLM-L6-H384 and a batch, as `bench/` measures them; a plan needs no device. */
const [B, T, C] = [16, 64, 384];
const encoder = bert({ vocabSize: 512, hiddenSize: C, layers: 6, heads: 12, maxLength: T, labels: 2, dropout: 0.1 });
const ids = tensor(new Int32Array(B * T).fill(1), { shape: [B, T] });
const batch = { inputIds: ids, attentionMask: ids, tokenTypeIds: ids, labels: tensor(new Int32Array(B)) };
const SHARED = { rank: 8, alpha: 16, targets: ["query", "value"] };

/** lavapipe as it is: eight lanes, textures. */
const target = {
  driver: "lavapipe",
  isSoftware: true,
  subgroupSize: 8,
  maxInvocations: 1024,
  textureSize: 16_384,
} as const;

/** Dispatches of one step of training, forward to update. */
function dispatchesOf(method: Method): number {
  return holdNodes(() => {
    const optimizer = adamw({ learningRate: 1e-3, weightDecay: 0.01 });
    const step = makeStep({
      loss: (params: Params, { labels, ...inputs }: typeof batch, key: random.Key) =>
        crossEntropy(encoder.apply(params, inputs, key), labels),
      method,
      optimizer,
      clip: 1,
    });
    const state = init(random.key(1), encoder.init(random.key(0)), { method, optimizer });
    const given = new Set(treeLeaves(state));
    const outputs = treeLeaves(step(state, batch));
    const { steps } = makePlan(outputs, {
      target,
      isKept: true,
      isLeaf: (one) => given.has(one) || stateOf(one).kind !== "node",
      donated: given,
      isFrozen: (leaf) => !given.has(leaf) || outputs.includes(leaf),
    });
    return steps.length;
  });
}

describe("a step of training six layers", () => {
  const rows: readonly (readonly [name: string, most: number, method: unknown])[] = [
    ["LoRA", 179, lora(SHARED)],
    // A weight that each step writes is packed into a texture where products read it: twenty dispatches that pay.
    ["Delta-LoRA in place", 212, deltaLora({ ...SHARED, lambda: 0.5, startStep: -1, write: "in-place" })],
    ["telescoped Delta-LoRA", 193, deltaLora({ ...SHARED, lambda: 0.5, startStep: -1, write: "telescoped" })],
    [
      "AdaLoRA",
      304,
      adalora({ ...SHARED, initialRank: 12, targetRank: 8, totalSteps: 100, warmup: 0, final: 25, interval: 10 }),
    ],
    ["all weights", 377, full()],
  ];
  for (const [name, most, method] of rows) {
    it(`by ${name} takes at most ${most} dispatches`, () => {
      expect(dispatchesOf(method as Method)).toBeLessThanOrEqual(most);
    });
  }
});
