import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../lib/compile/open_device.ts";
import { Runtime } from "../../lib/compile/run/runtime.ts";
import { attention } from "../../lib/nn/mod.ts";
import { attentionByParts, type AttentionOptions } from "../../lib/ops/attention_by_parts.ts";
import { mul, random, reshape, square, sum, transpose, zeros } from "../../lib/ops/mod.ts";
import { setExecutor } from "../../lib/tensor/executor.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

/** B, H, T, S, d. */
const SHAPES: readonly (readonly [number, number, number, number, number])[] = [
  [2, 3, 1, 64, 8],
  [2, 2, 7, 7, 12],
  [1, 2, 65, 65, 64],
  [2, 1, 33, 40, 128],
  [1, 2, 300, 300, 16],
  [2, 2, 5, 9, 3],
  [2, 3, 300, 5, 8],
  [2, 3, 65, 70, 16],
];
const KINDS: readonly (readonly [name: string, options: (mask: Tensor) => AttentionOptions])[] = [
  ["with nothing hidden", () => ({})],
  ["padded", (mask) => ({ mask })],
  ["causal", () => ({ causal: true })],
  ["padded and causal", (mask) => ({ mask, causal: true })],
  ["padded, with dropout", (mask) => ({ mask, dropout: 0.25, key: random.key(5) })],
  ["padded and causal, with dropout", (mask) => ({ mask, causal: true, dropout: 0.2, key: random.key(3) })],
];

describe("fused attention", () => {
  beforeAll(async () => void await testDevice());

  /** Value and derivatives of attention of heads that lie as projections leave them. */
  async function compute(f: typeof attention, shape: readonly number[], options: AttentionOptions) {
    const [B, H, T, S, d] = shape;
    const numbers = new Numbers(T + d);
    const [q, k, v, probe] = [T, S, S, T].map((rows) => numbers.tensor([B * rows, H * d], { min: -1, max: 1 }));
    const split = (x: Tensor) => transpose(reshape(x, [B, -1, H, d]), [0, 2, 1, 3]);
    const mixed = (q: Tensor, k: Tensor, v: Tensor) => f(split(q), split(k), split(v), options);
    const loss = ([q, k, v]: Tensor[]) => sum(mul(mixed(q, k, v), split(probe)));
    return await Promise.all([mixed(q, k, v), ...grad(loss)([q, k, v])].map((x) => x.data()));
  }

  for (const shape of SHAPES) {
    const [B, H, T, S, d] = shape;
    for (const [name, optionsWith] of KINDS) {
      it(`of [${B}, ${H}] ${T} and ${S} rows of ${d} is what its parts give, ${name}`, async () => {
        const device = await testDevice();
        // The first of two texts is padding alone.
        const mask = tensor(
          Int32Array.from({ length: B * S }, (_, i) => B > 1 && i < S ? 0 : Number(i % 5 !== 2)),
          { shape: [B, S] },
        );
        const options = optionsWith(mask);
        const wanted = await compute(attentionByParts as typeof attention, shape, options);
        const isClose = async () => {
          const got = await compute(attention, shape, options);
          got.forEach((part, i) => expectClose(part, wanted[i], 2e-6));
        };
        await isClose();
        setExecutor(new Runtime(device, { target: { subgroupSize: 0 } }));
        try {
          await isClose();
        } finally {
          useDevice(device);
        }
      });
    }
  }

  it("can be differentiated twice", async () => {
    const numbers = new Numbers(9);
    const mask = tensor([[1, 1, 0, 1, 1]], { dtype: "i32" });
    const [q, k, v] = [3, 5, 5].map((rows) => numbers.tensor([1, 2, rows, 4], { min: -1, max: 1 }));
    const second = (f: typeof attention): Promise<ArrayLike<number>[]> => {
      const options = { mask, causal: true, dropout: 0.2, key: random.key(3) };
      const loss = ([q, k, v]: Tensor[]) => sum(square(f(q, k, v, options)));
      const slopes = (inputs: Tensor[]): Tensor[] => grad(loss)(inputs) as Tensor[];
      const product = (inputs: Tensor[]) => slopes(inputs).map((x) => sum(square(x))).reduce((a, b) => mul(a, b));
      const derivatives = grad(product)([q, k, v]) as Tensor[];
      return Promise.all(derivatives.map((x) => x.data()));
    };
    const [got, wanted] = [await second(attention), await second(attentionByParts as typeof attention)];
    got.forEach((part, i) => expectClose(part, wanted[i], 2e-5));
  });

  it("says which shapes, masks, rates and keys do not fit", () => {
    const [q, k] = [zeros([2, 3, 4, 8]), zeros([2, 3, 5, 8])];
    expect(() => attention(q, k, zeros([2, 3, 6, 8]))).toThrow(
      "attention: q [2, 3, 4, 8], k [2, 3, 5, 8] and v [2, 3, 6, 8] do not fit: needs [B, H, T, d] and twice [B, H, S, d]",
    );
    expect(() => attention(q, k, k, { mask: zeros([2, 4], { dtype: "i32" }) })).toThrow(
      "attention: a mask [2, 4] does not fit keys [2, 3, 5, 8]",
    );
    expect(() => attention(q, k, k, { dropout: 1, key: random.key(1) })).toThrow("lies in [0, 1), not 1");
    expect(() => attention(q, k, k, { dropout: 0.5, key: zeros([2]) })).toThrow(TypeError);
  });
});
