import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../lib/compile/open_device.ts";
import { Runtime } from "../../lib/compile/run/runtime.ts";
import { attention } from "../../lib/nn/mod.ts";
import { attentionByParts, type AttentionOptions } from "../../lib/ops/attention_by_parts.ts";
import { mul, random, reshape, square, sum, transpose, zeros } from "../../lib/ops/mod.ts";
import { setExecutor } from "../../lib/tensor/executor.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, vmap } from "../../lib/transform/mod.ts";
import { checkDerivative } from "../support/check_op.ts";
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

  it("can be differentiated twice, with ranges and shared heads", async () => {
    const numbers = new Numbers(11);
    const spans = tensor([[0, 2, 1, 1, 0, 5]], { dtype: "i32" }).reshape([1, 3, 2]);
    const q = numbers.tensor([1, 4, 3, 4], { min: -1, max: 1 });
    const [k, v] = [0, 1].map(() => numbers.tensor([1, 2, 5, 4], { min: -1, max: 1 }));
    const second = (f: typeof attention): Promise<ArrayLike<number>[]> => {
      const loss = ([q, k, v]: Tensor[]) => sum(square(f(q, k, v, { spans, causal: true })));
      const slopes = (inputs: Tensor[]): Tensor[] => grad(loss)(inputs) as Tensor[];
      const product = (inputs: Tensor[]) => slopes(inputs).map((x) => sum(square(x))).reduce((a, b) => mul(a, b));
      return Promise.all((grad(product)([q, k, v]) as Tensor[]).map((x) => x.data()));
    };
    const [got, wanted] = [await second(attention), await second(attentionByParts as typeof attention)];
    got.forEach((part, i) => expectClose(part, wanted[i], 2e-5));
  });

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

describe("attention with a mask for each query, and a bias", () => {
  beforeAll(async () => void await testDevice());

  const [B, H, T, S, d] = [2, 3, 5, 7, 4];
  const numbers = new Numbers(21);
  const inputs = () => [numbers.tensor([B, H, T, d]), numbers.tensor([B, H, S, d]), numbers.tensor([B, H, S, d])];

  /** Attention of one head by loops in float64; `scoreOf` changes a score. */
  async function byLoops([q, k, v]: Tensor[], scoreOf: (score: number, at: number[]) => number): Promise<number[]> {
    const [Q, K, V] = await Promise.all([q, k, v].map((x) => x.data()));
    const result: number[] = [];
    for (let z = 0; z < B * H; z++) {
      for (let t = 0; t < T; t++) {
        const scores = Array.from({ length: S }, (_, s) => {
          let product = 0;
          for (let i = 0; i < d; i++) product += Q[(z * T + t) * d + i] * K[(z * S + s) * d + i];
          return scoreOf(product / Math.sqrt(d), [Math.floor(z / H), z % H, t, s]);
        });
        const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const total = powers.reduce((a, b) => a + b, 0);
        for (let i = 0; i < d; i++) {
          result.push(powers.reduce((sum, power, s) => sum + power / total * V[(z * S + s) * d + i], 0));
        }
      }
    }
    return result;
  }

  const hides = (at: readonly number[]) => at.reduce((sum, place, i) => sum + place * (i + 2), 0) % 3 === 0;
  const maskOf = (shape: readonly number[]) => {
    const data = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => {
      const places = shape.map((_, a) => Math.floor(i / shape.slice(a + 1).reduce((x, y) => x * y, 1)) % shape[a]);
      return Number(!hides(places));
    });
    return tensor(data, { shape, dtype: "bool" });
  };

  it("hides from each query, and each head's, what its mask says", async () => {
    for (const shape of [[B, T, S], [1, T, S], [B, 1, S], [B, H, T, S], [B, 1, T, S], [1, H, 1, S]]) {
      const qkv = inputs();
      const mask = maskOf(shape);
      const wanted = await byLoops(qkv, (score, [b, h, t, s]) => {
        const at = shape.length === 3 ? [b, t, s] : [b, h, t, s];
        return hides(at.map((place, a) => shape[a] === 1 ? 0 : place)) ? -1e30 : score;
      });
      const [q, k, v] = qkv;
      for (const dtype of ["bool", "i32", "f32"] as const) {
        expectClose(await attention(q, k, v, { mask: mask.astype(dtype) }).data(), wanted);
      }
    }
  });

  it("adds a bias of any shape that stretches to the scores", async () => {
    for (const shape of [[B, H, T, S], [1, H, T, S], [B, 1, 1, S], [T, S], [1, H, 1, 1]]) {
      const [qkv, bias] = [inputs(), numbers.tensor(shape)];
      const added = await bias.broadcastTo([B, H, T, S]).data();
      const wanted = await byLoops(qkv, (score, [b, h, t, s]) => score + added[((b * H + h) * T + t) * S + s]);
      expectClose(await attention(qkv[0], qkv[1], qkv[2], { bias }).data(), wanted);
    }
  });

  it("is the fused one where all queries see the same keys", async () => {
    const [q, k, v] = inputs();
    const mask = maskOf([B, S]);
    for (const options of [{}, { causal: true }, { dropout: 0.25, key: random.key(5) }]) {
      const [wanted, each, biased] = [
        attention(q, k, v, { mask, ...options }),
        attention(q, k, v, { mask: mask.expandDims(1), ...options }),
        attention(q, k, v, { mask, bias: zeros([1, 1, T, S]), ...options }),
      ];
      for (const got of [each, biased]) expectClose(await got.data(), await wanted.data(), 2e-6);
    }
  });

  it("has derivatives by all inputs and the bias", async () => {
    const mask = maskOf([B, T, S]);
    const f = (q: Tensor, k: Tensor, v: Tensor, bias: Tensor) => attention(q, k, v, { mask, bias, causal: true });
    await checkDerivative(f, [...inputs(), numbers.tensor([1, H, T, S])]);
    await checkDerivative(f, [...inputs(), numbers.tensor([B, 1, 1, S])]);
  });

  /** First key and end of each query's range, one of them empty. */
  const spansOf = (rows: number, keys: number) => {
    const ends = Array.from({ length: B * rows }, (_, i) => {
      const first = (2 * i) % (keys - 1);
      return [first, i === 1 ? first : first + 1 + i % (keys - first)];
    });
    return { ends, spans: tensor(ends, { dtype: "i32" }).reshape([B, rows, 2]) };
  };

  it("lets each query see its range of keys alone, and gives zeros where that is empty", async () => {
    const qkv = inputs();
    const { ends, spans } = spansOf(T, S);
    const sees = ([b, , t, s]: readonly number[]) => s >= ends[b * T + t][0] && s < ends[b * T + t][1];
    const wanted = (await byLoops(qkv, (score, at) => sees(at) ? score : -1e30)).map((x, i) => {
      const row = Math.floor(i / d);
      const [first, end] = ends[Math.floor(row / (H * T)) * T + row % T];
      return first === end ? 0 : x;
    });
    expectClose(await attention(qkv[0], qkv[1], qkv[2], { spans }).data(), wanted);
  });

  it("keeps NaN in the rows that see it, with ranges", async () => {
    const rows = (...values: number[]) => values.flatMap((x) => [x, 1, 1, 1]);
    const q = tensor(rows(NaN, NaN, 1, 1), { shape: [1, 1, 4, 4] });
    const k = tensor(rows(NaN, 1, 1), { shape: [1, 1, 3, 4] });
    const spans = tensor([1, 1, 1, 3, 1, 3, 0, 3], { dtype: "i32", shape: [1, 4, 2] });
    const v = tensor(rows(2, 2, 2), { shape: [1, 1, 3, 4] });
    const seen = await attention(q, k, v, { spans }).data();
    const isBad = Array.from(seen, Number.isNaN);
    const wanted = [false, true, false, true].flatMap((bad) => Array(4).fill(bad));
    expect(isBad).toEqual(wanted);
    expect(Array.from(seen.subarray(0, 4))).toEqual([0, 0, 0, 0]);
    expectClose(seen.subarray(8, 12), [2, 1, 1, 1]);
  });

  for (const G of [1, 2]) {
    it(`shares ${G} heads of keys and values among 4 as if each had been there so often`, async () => {
      const q = numbers.tensor([B, 4, T, d], { min: -1, max: 1 });
      const [k, v] = [0, 1].map(() => numbers.tensor([B, G, S, d], { min: -1, max: 1 }));
      const { spans } = spansOf(T, S);
      const often = (x: Tensor) => x.expandDims(2).broadcastTo([B, G, 4 / G, S, d]).reshape([B, 4, S, d]);
      const probe = numbers.tensor([B, 4, T, d]);
      for (const options of [{}, { spans }, { causal: true, dropout: 0.25, key: random.key(5) }]) {
        const shared = (k: Tensor, v: Tensor) => [k, v] as const;
        const repeated = (k: Tensor, v: Tensor) => [often(k), often(v)] as const;
        const [got, wanted] = [shared, repeated].map((heads) => {
          const f = (q: Tensor, k: Tensor, v: Tensor) => attention(q, ...heads(k, v), options);
          return [f(q, k, v), ...grad(([q, k, v]: Tensor[]) => sum(mul(f(q, k, v), probe)))([q, k, v])];
        });
        for (const [i, x] of got.entries()) expectClose(await x.data(), await wanted[i].data(), 2e-6);
      }
    });
  }

  it("has derivatives of ranges and shared heads, and of many cells", async () => {
    const { spans } = spansOf(T, S);
    const q = numbers.tensor([B, 4, T, d]);
    const [k, v] = [0, 1].map(() => numbers.tensor([B, 2, S, d]));
    await checkDerivative((q: Tensor, k: Tensor, v: Tensor) => attention(q, k, v, { spans }), [q, k, v]);
    const others = numbers.tensor([3, B, 4, T, d]);
    const each = vmap((q: Tensor) => attention(q, k, v, { spans }))(others);
    for (const i of [0, 1, 2]) {
      expectClose(await each.at(i).data(), await attention(others.at(i), k, v, { spans }).data(), 2e-6);
    }
  });

  it("is one of many cells, each with a bias of its own", async () => {
    const [q, k, v] = inputs();
    const biases = numbers.tensor([2, H, T, S]);
    const each = vmap((bias: Tensor) => attention(q, k, v, { bias }))(biases);
    for (const i of [0, 1]) {
      expectClose(await each.at(i).data(), await attention(q, k, v, { bias: biases.at(i) }).data(), 2e-6);
    }
  });

  it("of nothing is empty, of no keys 0, and refuses what does not fit", async () => {
    const [q, none] = [zeros([1, 1, 2, 1]), zeros([1, 1, 0, 1])];
    expect(Array.from(await attention(q, none, none, { bias: zeros([2, 0]) }).data())).toEqual([0, 0]);
    const [a, b] = [zeros([2, 3, 4, 8]), zeros([2, 3, 5, 8])];
    const error = (options: AttentionOptions) => expect(() => attention(a, b, b, options));
    error({ mask: zeros([2, 3, 5]) }).toThrow("attention: a mask [2, 3, 5] does not fit keys [2, 3, 5, 8]");
    error({ mask: zeros([5]) }).toThrow("attention: a mask [5] does not fit");
    error({ spans: zeros([2, 4, 2]) }).toThrow("attention: needs spans i32 [2, 4, 2], and got");
    expect(() => attention(zeros([2, 4, 4, 8]), b, b)).toThrow("or a divisor of H heads there");
    error({ bias: zeros([2, 4, 5]) }).toThrow("attention: a bias [2, 4, 5] does not fit scores [2, 3, 4, 5]");
    error({ bias: zeros([2, 1, 3, 4, 5]) }).toThrow("does not fit scores");
    error({ bias: zeros([4, 5], { dtype: "i32" }) }).toThrow(TypeError);
  });
});
