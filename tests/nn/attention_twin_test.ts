import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Runtime } from "../../lib/compile/runtime.ts";
import type { Device } from "../../lib/device/mod.ts";
import { attention } from "../../lib/nn/mod.ts";
import { mul, random, sum } from "../../lib/ops/mod.ts";
import { attentionByParts, type AttentionOptions } from "../../lib/ops/attention_by_parts.ts";
import { currentExecutor, setExecutor } from "../../lib/tensor/executor.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { valueAndGrad } from "../../lib/transform/mod.ts";
import { everyDevice } from "../support/adapters.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

/** Queries, keys, head size, and what else: odd ones, and those that go in fours. */
const CASES: readonly {
  readonly sizes: readonly [number, number, number];
  readonly causal?: boolean;
  rate?: number;
}[] = [
  { sizes: [1, 64, 32] },
  { sizes: [7, 7, 9] },
  { sizes: [64, 64, 32], rate: 0.1 },
  { sizes: [65, 70, 16], causal: true, rate: 0.2 },
  { sizes: [5, 300, 64], causal: true },
  { sizes: [300, 5, 8], rate: 0.1 },
  { sizes: [4, 12, 128] },
];
const [B, H] = [2, 3];

describe("fused attention", () => {
  let devices: readonly Device[];
  beforeAll(async () => {
    await testDevice();
    devices = await everyDevice();
  });
  afterAll(() => devices.forEach((device) => device.destroy()));

  /** Output and derivatives by q, k and v as numbers. */
  async function outcome(
    f: typeof attention,
    inputs: readonly Tensor[],
    { slope, ...options }: AttentionOptions & { readonly slope: Tensor },
  ): Promise<number[]> {
    const objective = ({ q, k, v }: { q: Tensor; k: Tensor; v: Tensor }) => {
      const output = f(q, k, v, options);
      return { value: sum(mul(output, slope)), aux: output };
    };
    const [q, k, v] = inputs;
    const { aux, grad } = valueAndGrad(objective, { hasAux: true })({ q, k, v });
    const { q: dq, k: dk, v: dv } = grad as Record<string, Tensor>;
    const parts = await Promise.all([aux as Tensor, dq, dk, dv].map((part) => part.data()));
    return parts.flatMap((part) => [...part]);
  }

  for (const { sizes: [T, S, d], causal, rate = 0 } of CASES) {
    const name = `[${T} × ${S}] of ${d}${causal ? ", causal" : ""}${rate ? ", with dropout" : ""}`;
    it(`${name} equals its parts, with a row of padding alone too, forward and back, on every adapter`, async () => {
      const numbers = new Numbers(T + S);
      const host = await Promise.all(
        [[B, H, T, d], [B, H, S, d], [B, H, S, d], [B, H, T, d]].map(async (shape) => ({
          shape,
          data: await numbers.tensor(shape).data() as Float32Array,
        })),
      );
      // The first text has a short tail of padding, the second is padding alone.
      const seen = Int32Array.from({ length: B * S }, (_, i) => Number(i < S - Math.floor(S / 4)));
      const before = currentExecutor();
      try {
        for (const device of devices) {
          for (const subgroupSize of new Set([device.report.subgroupSize, 0])) {
            setExecutor(new Runtime(device, { target: { subgroupSize } }));
            const [q, k, v, slope] = host.map(({ shape, data }) => tensor(data, { shape }));
            const key = rate > 0 ? random.key(3) : undefined;
            const options = { mask: tensor(seen, { shape: [B, S] }), causal, dropout: rate, key, slope };
            const wanted = await outcome(attentionByParts, [q, k, v], options);
            expectClose(await outcome(attention, [q, k, v], options), wanted, 1e-5);
          }
        }
      } finally {
        setExecutor(before);
      }
    });
  }
});
