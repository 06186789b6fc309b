import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { disentangledAttention, rowOfDistance, skew } from "../../lib/models/disentangled_attention.ts";
import { slice } from "../../lib/ops/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { checkDerivative, checkValue } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { described } from "../support/pretrained.ts";

describe("rowOfDistance()", () => {
  for (const [name, wanted] of Object.entries(described.buckets)) {
    it(`has transformers' buckets for sizes ${name}, from -600 to 600`, () => {
      const [buckets, longest] = name.split(" ").map(Number);
      const positions = { span: 1000, buckets, longest }; // a span beyond all buckets cuts none
      expect(wanted.map((_, i) => rowOfDistance(i - 600, positions) - 1000)).toEqual(wanted);
    });
  }

  it("stays inside the table", () => {
    const positions = { span: 4, buckets: 0, longest: 4 };
    expect([-9, -4, -1, 0, 3, 4, 9].map((x) => rowOfDistance(x, positions))).toEqual([0, 0, 3, 4, 7, 7, 7]);
  });
});

describe("skew()", () => {
  beforeAll(async () => void await testDevice());

  for (const [m, n] of [[1, 1], [1, 7], [7, 1], [5, 3], [3, 5], [64, 65]]) {
    it(`moves rows of [2, ${m}, ${m + n}] so that diagonals become columns`, async () => {
      const x = new Numbers(m + 100 * n).tensor([2, m, m + n]);
      const data = await x.data();
      const wanted = Array.from({ length: 2 * m * n }, (_, at) => {
        const [b, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
        return data[(b * m + i) * (m + n) + j - i + m - 1];
      });
      const skewed = skew(x, n);
      expect(skewed.shape).toEqual([2, m, n]);
      expect(Array.from(await skewed.data())).toEqual(wanted);
    });
  }
});

describe("disentangledAttention()", () => {
  beforeAll(async () => void await testDevice());

  const [B, H, T, d] = [2, 3, 7, 5];
  const numbers = new Numbers(4);
  const [q, k, v] = [0, 1, 2].map(() => numbers.tensor([B, H, T, d]));
  const [positionKeys, positionQueries] = [0, 1].map(() => numbers.tensor([1, H, 2 * T, d]));
  const mask = tensor(Int32Array.from({ length: B * T }, (_, i) => Number(i < T || i % T < 4)), { shape: [B, T] });
  const options = { mask, positionKeys, positionQueries, dropout: 0 };

  it("is what its graph gives in float64, with derivatives by all inputs", async () => {
    await checkValue(() => disentangledAttention(q, k, v, options));
    await checkDerivative(
      (...[q, k, v, positionKeys, positionQueries]) =>
        disentangledAttention(q, k, v, { mask, positionKeys, positionQueries, dropout: 0 }),
      [q, k, v, positionKeys, positionQueries],
    );
  });

  it("scores each pair by contents and by its distance", async () => {
    const hosts = await Promise.all([q, k, v, positionKeys, positionQueries].map((x) => x.data()));
    const [Q, K, V, PK, PQ] = hosts;
    const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += a[i * d + c] * b[j * d + c];
      return sum;
    };
    const wanted = new Float64Array(B * H * T * d);
    for (let head = 0; head < B * H; head++) {
      const [b, h] = [Math.floor(head / H), head % H];
      const allowed = (t: number) => b === 0 || t < 4;
      for (let i = 0; i < T; i++) {
        const weights = Array.from({ length: T }, (_, j) => {
          if (!allowed(i)) return 1; // padding attends to all alike
          if (!allowed(j)) return 0;
          const distance = i - j;
          const score = dot(Q, head * T + i, K, head * T + j) +
            dot(Q, head * T + i, PK, h * 2 * T + T - 1 - distance) +
            dot(K, head * T + j, PQ, h * 2 * T + T - 1 + distance);
          return Math.exp(score / Math.sqrt(3 * d));
        });
        const total = weights.reduce((sum, x) => sum + x, 0);
        for (let j = 0; j < T; j++) {
          for (let c = 0; c < d; c++) {
            wanted[(head * T + i) * d + c] += weights[j] / total * V[(head * T + j) * d + c];
          }
        }
      }
    }
    expectClose(await disentangledAttention(q, k, v, options).data(), wanted);
  });

  it("gives the first tokens alone what they get among all", async () => {
    const whole = slice(disentangledAttention(q, k, v, options), { start: [0, 0, 0, 0], size: [B, H, 2, d] });
    const rowsFrom = (x: typeof positionKeys, start: number) =>
      slice(x, { start: [0, 0, start, 0], size: [1, H, T + 2, d] });
    const few = disentangledAttention(slice(q, { start: [0, 0, 0, 0], size: [B, H, 2, d] }), k, v, {
      ...options,
      positionKeys: rowsFrom(positionKeys, T - 2), // distances from 1 down
      positionQueries: rowsFrom(positionQueries, 0), // distances from 1 − T up
    });
    expectClose(await few.data(), await whole.data(), 1e-6);
  });
});
