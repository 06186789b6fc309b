import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { worstDifference, worstGradientDifference } from "../../../bench/measure/difference.ts";
import { inputsOf, type KernelCase, nameOf } from "../../../bench/cases/kernel_case.ts";
import { QUICK } from "../../../bench/cases/models.ts";
import { ours } from "../../../bench/parts/ours.ts";
import { stepInputs } from "../../../bench/parts/peer_step.ts";
import { loadPeer } from "../../../bench/peers/load.ts";
import { startPeers } from "../../../bench/peers/mod.ts";
import { PEER_PACKAGES } from "../../../bench/peers/packages.ts";
import type { Peer } from "../../../bench/cases/peer.ts";
import { erfReference } from "../../../lib/ops/activation.ts";
import { TEST_DEVICE } from "../../support/devices.ts";
import { testDevice } from "../../support/device.ts";

const layouts = ["nn", "tn", "nt"] as const;
const CASES: readonly KernelCase[] = [
  ...layouts.map((layout) => ({ kind: "product", layout, batch: 1, m: 5, n: 7, k: 9 } as const)),
  ...layouts.map((layout) => ({ kind: "product", layout, batch: 3, m: 4, n: 8, k: 6 } as const)),
  { kind: "rows", operation: "softmax", rows: 3, n: 10 },
  { kind: "rows", operation: "layer norm", rows: 3, n: 10 },
  { kind: "rows", operation: "GELU", rows: 3, n: 10 },
];

/** What a case is, in float64 and in the plainest way. */
function expected(work: KernelCase): Float64Array {
  const { left, right, weight, bias } = inputsOf(work);
  if (work.kind === "product") {
    const { layout, batch, m, n, k } = work;
    return Float64Array.from({ length: batch * m * n }, (_, i) => {
      const [z, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      let sum = 0;
      for (let j = 0; j < k; j++) {
        const a = layout === "tn" ? (z * k + j) * m + row : (z * m + row) * k + j;
        const b = layout === "nt" ? (z * n + column) * k + j : (z * k + j) * n + column;
        sum += left[a] * right[b];
      }
      return sum;
    });
  }
  const { n, operation } = work;
  if (operation === "GELU") return Float64Array.from(left, (x) => x * 0.5 * (1 + erfReference(x / Math.SQRT2)));
  return Float64Array.from(left, (x, i) => {
    const row = Array.from(left.subarray(i - i % n, i - i % n + n));
    if (operation === "softmax") return Math.exp(x) / row.reduce((sum, y) => sum + Math.exp(y), 0);
    const mean = row.reduce((sum, y) => sum + y, 0) / n;
    const variance = row.reduce((sum, y) => sum + (y - mean) ** 2, 0) / n;
    return (x - mean) / Math.sqrt(variance + 1e-5) * weight[i % n] + bias[i % n];
  });
}

describe("the peers", () => {
  let contenders: readonly Peer[];
  let isForeign: boolean;

  beforeAll(async () => {
    const device = await testDevice();
    const { peers, leftOut } = await startPeers(device, { device: TEST_DEVICE });
    // An adapter that onnxruntime, which has a Dawn of its own, does not find first.
    isForeign = ["swiftshader", "browser"].includes(device.report.source);
    expect(leftOut).toEqual(isForeign ? [expect.stringMatching(/^onnxruntime webgpu: /)] : []);
    contenders = [ours(device), ...peers];
  });

  it("are five beside us", () => {
    expect(contenders.map(({ name }) => name)).toEqual([
      "delta-dawn",
      "jax-js webgpu",
      "jax-js wasm",
      "tfjs webgpu",
      ...isForeign ? [] : ["onnxruntime webgpu"],
      "onnxruntime cpu",
    ]);
  });

  for (const work of CASES) {
    it(`agree on ${nameOf(work)} with the plainest loop in float64`, async () => {
      const wanted = expected(work);
      for (const peer of contenders) {
        const contender = await peer.kernel(work, inputsOf(work));
        expect(contender.name).toBe(peer.name);
        expect(worstDifference(await contender.result(), wanted)).toBeLessThan(1e-5);
        await contender.run();
        expect(worstDifference(await contender.result(), wanted)).toBeLessThan(1e-5);
        await contender.close();
      }
    });
  }

  it("train the same encoder: loss and gradients at first, and the loss two steps later", async () => {
    const model = {
      ...QUICK,
      vocabSize: 40,
      hiddenSize: 16,
      heads: 2,
      layers: 2,
      maxLength: 8,
      batch: [4, 8] as const,
    };
    const inputs = await stepInputs(model);
    const [own, ...others] = contenders;
    const step = await own.step!(inputs);
    const wanted = await step.gradients();
    await step.run();
    const loss = await step.loss();
    expect(loss).toBeLessThan(wanted.loss);
    // On WebGPU jax-js compiles some hundred kernels for this: its other backend computes the same program.
    for (const peer of others.filter(({ step, name }) => step && name !== "jax-js webgpu")) {
      const contender = await peer.step!(inputs);
      const got = await contender.gradients();
      expect(Math.abs(got.loss - wanted.loss)).toBeLessThan(1e-4);
      expect(worstGradientDifference(got.gradients, wanted.gradients)).toBeLessThan(1e-3);
      await contender.run();
      expect(Math.abs(await contender.loss() - loss)).toBeLessThan(1e-3);
      await contender.close();
    }
    await step.close();
  });

  it("give their memory back: TensorFlow.js finds the class of its buffers", async () => {
    const tf = await loadPeer<{ memory(): { numBytesInGPU: number } }>(PEER_PACKAGES.tfjs);
    const peer = contenders.find(({ name }) => name === "tfjs webgpu")!;
    const contender = await peer.kernel(CASES[0], inputsOf(CASES[0]));
    await contender.run();
    const before = tf.memory().numBytesInGPU;
    for (let i = 0; i < 3; i++) await contender.run();
    expect(tf.memory().numBytesInGPU).toBe(before);
    await contender.close();
  });

  it("say how to go on without a package that cannot be loaded", async () => {
    await expect(loadPeer("npm:@delta-dawn/no-such-package@1.0.0")).rejects.toThrow(
      /cannot load npm:@delta-dawn\/no-such-package@1\.0\.0: .*leave --peers out/,
    );
  });
});
