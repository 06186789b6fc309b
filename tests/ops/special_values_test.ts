import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { attention, crossEntropy, layerNorm } from "../../lib/nn/mod.ts";
import * as ops from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { type DType, evaluate, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad } from "../../lib/transform/mod.ts";
import fixture from "../fixtures/special_values.json" with { type: "json" };
import { deviceIdle, testDevice } from "../support/device.ts";

/** Below 2⁻¹²⁶ numbers are subnormal: devices may take them, or give them on the way, as zero. */
const LEAST = 1e-36;
/** What f32 may lose of a result; of a power as much as its exponent is rounded. */
const TOLERANCE = 2e-6;
const POWER_TOLERANCE = 2 ** -17;

/** Operations that promise the sign of a zero. */
const SIGNED = [
  ...["neg", "abs", "sqrt", "sin", "tanh", "erf", "add", "sub", "mul", "div", "pow", "where", "f16"],
  ...["floor", "ceil", "round", "log1p", "expm1", "sign", "maximum", "minimum", "mod", "relu", "silu", "gelu"],
];

const floats = (bits: readonly number[]) => new Float32Array(Uint32Array.from(bits).buffer);
const print = (value: number) => Object.is(value, -0) ? "-0" : String(value);

/** Whether a result is what is wanted, as far as f32 can tell. */
function isSame(got: number, wanted: number, { name }: { readonly name: string }): boolean {
  if (Number.isNaN(wanted) || Number.isNaN(got)) return Number.isNaN(wanted) && Number.isNaN(got);
  if (!Number.isFinite(wanted)) return got === wanted;
  if (wanted === 0 && got === 0) return !SIGNED.includes(name) || Object.is(got, wanted);
  const tolerance = name === "pow" ? POWER_TOLERANCE : TOLERANCE;
  return Math.abs(got - wanted) <= tolerance * Math.abs(wanted) + LEAST;
}

/** What differs, in words. `others` are results that are right as well. */
function differences(
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  { name, of, others = wanted }: { name: string; of: (i: number) => string; others?: ArrayLike<number> },
): string[] {
  expect(got.length).toBe(wanted.length);
  return Array.from(wanted).flatMap((value, i) => {
    const isRight = isSame(got[i], value, { name }) || isSame(got[i], others[i], { name });
    return isRight ? [] : [`${name}(${of(i)}) is ${print(got[i])} and not ${print(value)}`];
  });
}

const UNARY: Record<string, (x: Tensor) => Tensor> = {
  neg: ops.neg,
  abs: ops.abs,
  sign: ops.sign,
  exp: ops.exp,
  log: ops.log,
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  square: ops.square,
  floor: ops.floor,
  ceil: ops.ceil,
  round: ops.round,
  log1p: ops.log1p,
  expm1: ops.expm1,
  sin: ops.sin,
  cos: ops.cos,
  tanh: ops.tanh,
  sigmoid: ops.sigmoid,
  erf: ops.erf,
  relu: ops.relu,
  silu: ops.silu,
  gelu: ops.gelu,
};

const BINARY: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  mod: ops.mod,
  maximum: ops.maximum,
  minimum: ops.minimum,
  where: (a, b) => ops.where(ops.less(a, b), a, b),
};

const COMPARED: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  equal: ops.equal,
  notEqual: ops.notEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
};

const ROWS: Record<string, (x: Tensor, labels: Tensor) => Tensor> = {
  sum: (x) => ops.sum(x, { axis: -1 }),
  mean: (x) => ops.mean(x, { axis: -1 }),
  max: (x) => ops.max(x, { axis: -1 }),
  min: (x) => ops.min(x, { axis: -1 }),
  // Partial products of large numbers overflow in one order and not in another.
  prod: (x) => ops.prod(ops.where(ops.isFinite(x), ops.clip(x, { min: -1e5, max: 1e5 }), x), { axis: -1 }),
  variance: (x) => ops.variance(x, { axis: -1 }),
  logSumExp: (x) => ops.logSumExp(x, { axis: -1 }),
  cumulativeSum: (x) => ops.cumulativeSum(x, { axis: -1 }),
  argmax: (x) => ops.argmax(x),
  argmin: (x) => ops.argmin(x),
  softmax: (x) => ops.softmax(x),
  logSoftmax: (x) => ops.logSoftmax(x),
  crossEntropy: (x, labels) => ops.neg(ops.logProbability(x, labels)),
  smoothed: (x, labels) => {
    // Row by row, as PyTorch's are not summed.
    const rows = ops.split(x, { sections: x.shape[0], axis: 0 });
    const parts = ops.split(labels, { sections: x.shape[0] });
    return ops.stack(rows.map((row, i) => crossEntropy(row, parts[i], { labelSmoothing: 0.2 }).sum));
  },
};

describe("special values", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const [ones, small] = [floats(fixture.ones.inputs), floats(fixture.small.inputs)];
  for (const [name, f] of Object.entries(UNARY)) {
    it(`${name} is PyTorch's, in fours, alone and by the reference`, async () => {
      const wanted = floats(fixture.ones.values[name as keyof typeof fixture.ones.values]);
      const make = () => f(tensor(ones));
      const of = (i: number) => print(ones[i]);
      // One thread a row: the kernel works on single elements.
      const alone = ops.max(f(tensor(ones, { shape: [ones.length, 1] })), { axis: 1 });
      const found = differences(await make().data(), wanted, { name, of });
      found.push(...differences(await alone.data(), wanted, { name, of }));
      found.push(...differences(Float32Array.from(reference(make()).data), wanted, { name, of }));
      expect(found).toEqual([]);
    });

    it(`${name} takes a subnormal number as what it is, or as zero`, async () => {
      const values = (x: Float32Array) =>
        floats(fixture.ones.values[name as keyof typeof fixture.ones.values])
          .filter((_, i) => Object.is(ones[i], x[0]));
      const zeros = Float32Array.of(values(Float32Array.of(0))[0], values(Float32Array.of(-0))[0]);
      const wanted = floats(fixture.small.values[name as keyof typeof fixture.small.values]);
      const of = (i: number) => print(small[i]);
      const got = await f(tensor(small)).data();
      expect(differences(got, wanted, { name, of, others: zeros })).toEqual([]);
    });
  }

  const [a, b] = [floats(fixture.pairs.a), floats(fixture.pairs.b)];
  const ofPair = (i: number) => `${print(a[i])}, ${print(b[i])}`;
  for (const [name, f] of Object.entries(BINARY)) {
    it(`${name} of pairs is PyTorch's, in fours, alone and by the reference`, async () => {
      const wanted = floats(fixture.pairs.values[name as keyof typeof fixture.pairs.values]);
      const make = () => f(tensor(a), tensor(b));
      const [left, right] = [a, b].map((side) => tensor(side, { shape: [side.length, 1] }));
      const found = differences(await make().data(), wanted, { name, of: ofPair });
      found.push(...differences(await ops.max(f(left, right), { axis: 1 }).data(), wanted, { name, of: ofPair }));
      found.push(...differences(Float32Array.from(reference(make()).data), wanted, { name, of: ofPair }));
      expect(found).toEqual([]);
    });
  }

  for (const [name, f] of Object.entries(COMPARED)) {
    it(`${name} of pairs is PyTorch's, and so by the reference and with a number on either side`, async () => {
      const wanted = fixture.compared[name as keyof typeof fixture.compared];
      const make = () => f(tensor(a), tensor(b));
      expect(differences(await make().data(), wanted, { name, of: ofPair })).toEqual([]);
      expect(differences(reference(make()).data, wanted, { name, of: ofPair })).toEqual([]);
    });
  }

  it("isNaN and isFinite are PyTorch's", async () => {
    expect(Array.from(await ops.isNaN(tensor(ones)).data())).toEqual(fixture.tests.isNaN);
    expect(Array.from(await ops.isFinite(tensor(ones)).data())).toEqual(fixture.tests.isFinite);
  });

  for (const dtype of ["i32", "u32", "bool", "f16"] as const satisfies readonly DType[]) {
    it(`cast to ${dtype} cuts, stops at the ends of its range and says 0 or NaN of NaN`, async () => {
      const wanted = dtype === "f16" ? floats(fixture.casts.f16) : fixture.casts[dtype];
      const of = (i: number) => print(ones[i]);
      expect(differences(await ops.cast(tensor(ones), dtype).data(), wanted, { name: dtype, of })).toEqual([]);
      const inFloat64 = reference(ops.cast(tensor(ones), dtype)).data;
      expect(differences(inFloat64, wanted, { name: dtype, of })).toEqual([]);
    });
  }

  for (const { inputs, columns, labels, values } of fixture.rows) {
    for (const [name, f] of Object.entries(ROWS)) {
      it(`${name} of rows of ${columns} is PyTorch's, also by the reference`, async () => {
        const wanted = floats(values[name as keyof typeof values]);
        const shape = [labels.length, columns];
        const make = () => f(tensor(floats(inputs), { shape }), tensor(Int32Array.from(labels)));
        const per = wanted.length / labels.length;
        const of = (i: number) => `row ${Math.floor(i / per)}`;
        const found = differences(await make().data(), wanted, { name, of });
        found.push(...differences(Float32Array.from(reference(make()).data), wanted, { name, of }));
        expect(found).toEqual([]);
      });
    }
  }

  it("layer norm of rows is PyTorch's, also by the reference", async () => {
    const { inputs, columns, values } = fixture.normalized;
    const x = () => tensor(floats(inputs), { shape: [inputs.length / columns, columns] });
    const make = () => layerNorm(x(), ops.full([columns], 2), ops.ones([columns]));
    const of = (i: number) => `row ${Math.floor(i / columns)}`;
    const wanted = floats(values.layerNorm);
    expect(differences(await make().data(), wanted, { name: "layerNorm", of })).toEqual([]);
    const inFloat64 = Float32Array.from(reference(make()).data);
    expect(differences(inFloat64, wanted, { name: "layerNorm", of })).toEqual([]);
  });

  it("attention of a query that is NaN is NaN, and so are derivatives by what it met; others stay numbers", async () => {
    const [T, d] = [5, 8];
    const q = tensor(Float32Array.from({ length: T * d }, (_, i) => i === 3 ? NaN : Math.sin(i)), {
      shape: [1, 1, T, d],
    });
    const k = tensor(Float32Array.from({ length: T * d }, (_, i) => Math.cos(i)), { shape: [1, 1, T, d] });
    const output = Array.from(await attention(q, k, k).data());
    expect(output.map(Number.isNaN)).toEqual(output.map((_, i) => i < d));
    const derivative = await (grad((v: Tensor) => ops.sum(attention(q, k, v)))(k) as Tensor).data();
    expect(Array.from(derivative).every(Number.isNaN)).toBe(true);
  });

  it("attention to infinite values is infinite, whatever the number of keys", async () => {
    for (const S of [5, 6, 7, 8]) {
      const make = (f: (i: number) => number) =>
        tensor(Float32Array.from({ length: S * 4 }, (_, i) => f(i)), { shape: [1, 1, S, 4] });
      const v = make((i) => i === S * 4 - 1 ? Infinity : 1);
      const output = await attention(make(Math.sin), make(Math.cos), v).data();
      expect(Array.from(output, (x) => Math.round(x))).toEqual(
        Array.from(output, (_, i) => i % 4 === 3 ? Infinity : 1),
      );
    }
  });

  it("the loss of a model that diverged is NaN, and so is its derivative", async () => {
    const loss = (w: Tensor) => ops.mean(ops.square(ops.sub(ops.sigmoid(ops.mul(w, 1)), 0.25)));
    const w = tensor([NaN]);
    const [value, slope] = await evaluate([loss(w), grad(loss)(w) as Tensor]);
    expect([await value.item(), await slope.item()]).toEqual([NaN, NaN]);
  });

  it("roots of negative numbers are NaN also in what follows in the same kernel", async () => {
    const x = tensor([NaN, -1, -88, -Infinity, 4]);
    for (const root of [ops.sqrt, ops.rsqrt]) {
      const whole = root === ops.sqrt ? 4 : 0.25;
      for (const y of [ops.square(root(x)), ops.mul(root(x), root(x)), ops.div(root(x), ops.div(1, root(x)))]) {
        expect(Array.from(await y.data())).toEqual([NaN, NaN, NaN, NaN, whole]);
      }
    }
    expect(Array.from(await ops.sqrt(tensor([-0, 0])).data())).toEqual([-0, 0]);
  });

  it("relu carries the derivative through NaN and infinity, as PyTorch does", async () => {
    const slope = grad((x: Tensor) => ops.sum(ops.relu(x)))(tensor([NaN, Infinity, -Infinity, 0, -0, 1])) as Tensor;
    expect(Array.from(await slope.data())).toEqual([1, 1, 0, 0, 0, 1]);
  });

  it("powers have PyTorch's derivatives at a base or an exponent of 0", async () => {
    const [x, y] = [tensor([0, 0, 0, 2, -2]), tensor([0, 1, 2, 0, 0])];
    const by = (argument: number) =>
      grad((x: Tensor, y: Tensor) => ops.sum(ops.pow(x, y)), { argument })(x, y) as Tensor;
    expect(Array.from(await by(0).data())).toEqual([0, 1, 0, 0, 0]);
    const slopes = await by(1).data();
    expect(Array.from(slopes)).toEqual([0, 0, 0, expect.closeTo(Math.log(2), 5), NaN]);
  });

  it("sine and cosine are right to f32's last digits, however large the angle", async () => {
    const draw = Array.from({ length: 4000 }, (_, i) => {
      const bits = 0x800000 + (Math.imul(i, 2654435761) >>> 0) % 0x7f000000;
      return new Float32Array(Uint32Array.of(bits).buffer)[0] * (i % 2 === 0 ? 1 : -1);
    });
    // The f32 that are nearest to multiples of π/2, and both sides of where the ways to compute part.
    const near = [16367173 * 2 ** 72, 11872039 * 2 ** 20, 710, 355, 103993 / 2, Math.PI / 4, Math.PI / 2, Math.PI];
    const angles = Float32Array.from([...draw, ...near, ...near.map((x) => x * (1 + 2 ** -23)), 1e10, 3e38]);
    for (const [f, exact] of [[ops.sin, Math.sin], [ops.cos, Math.cos]] as const) {
      const got = await f(tensor(angles)).data();
      let worst = 0;
      angles.forEach((angle, i) => {
        const wanted = exact(angle);
        worst = Math.max(worst, Math.abs(got[i] - wanted) / Math.max(Math.abs(wanted), LEAST));
      });
      expect(worst).toBeLessThan(3 * 2 ** -23);
    }
  });
});
