import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

type Binary<T> = (a: T | number, b: T | number) => T;
type Unary<T> = (x: T) => T;

/** Arithmetic on tensors, or on numbers. */
interface Arithmetic<T> {
  readonly add: Binary<T>;
  readonly sub: Binary<T>;
  readonly mul: Binary<T>;
  readonly div: Binary<T>;
  readonly maximum: Binary<T>;
  readonly minimum: Binary<T>;
  readonly neg: Unary<T>;
  readonly abs: Unary<T>;
  readonly sqrt: Unary<T>;
  readonly square: Unary<T>;
}

type Expression = <T>(of: Arithmetic<T>, x: T, y: T, z: T) => T;

/** Each step rounded to f32, as infinities come of it. */
const NUMBERS: Arithmetic<number> = {
  add: (a, b) => Math.fround(a + b),
  sub: (a, b) => Math.fround(a - b),
  mul: (a, b) => Math.fround(a * b),
  div: (a, b) => Math.fround(a / b),
  maximum: Math.max,
  minimum: Math.min,
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: (x) => Math.fround(Math.sqrt(x)),
  square: (x) => Math.fround(x * x),
};

/** What algebra makes shorter, where NaN, infinities and zeros forbid it. */
const EXPRESSIONS: Record<string, Expression> = {
  "x / x": ({ div }, x) => div(x, x),
  "0 / x": ({ div }, x) => div(0, x),
  "x * 0": ({ mul }, x) => mul(x, 0),
  "x - x": ({ sub }, x) => sub(x, x),
  "x + -x": ({ add, neg }, x) => add(x, neg(x)),
  "(x * 3) / x": ({ mul, div }, x) => div(mul(x, 3), x),
  "(3 * x) / x": ({ mul, div }, x) => div(mul(3, x), x),
  "(x * 3) / 3": ({ mul, div }, x) => div(mul(x, 3), 3),
  "(x * x) / x": ({ mul, div }, x) => div(mul(x, x), x),
  "x² / x": ({ square, div }, x) => div(square(x), x),
  "x / x²": ({ square, div }, x) => div(x, square(x)),
  "(x * y) / x": ({ mul, div }, x, y) => div(mul(x, y), x),
  "(x * y) / y": ({ mul, div }, x, y) => div(mul(x, y), y),
  "x / (x * y)": ({ mul, div }, x, y) => div(x, mul(x, y)),
  "(x * y) / (x * z)": ({ mul, div }, x, y, z) => div(mul(x, y), mul(x, z)),
  "(x / y) * y": ({ mul, div }, x, y) => mul(div(x, y), y),
  "y * (x / y)": ({ mul, div }, x, y) => mul(y, div(x, y)),
  "(x / y) / x": ({ div }, x, y) => div(div(x, y), x),
  "(x / y) * (y / x)": ({ mul, div }, x, y) => mul(div(x, y), div(y, x)),
  "x / (x / y)": ({ div }, x, y) => div(x, div(x, y)),
  "x * (1 / x)": ({ mul, div }, x) => mul(x, div(1, x)),
  "1 / (1 / x)": ({ div }, x) => div(1, div(1, x)),
  "-(x * y) / y": ({ mul, div, neg }, x, y) => div(neg(mul(x, y)), y),
  "-(x / y) * y": ({ mul, div, neg }, x, y) => mul(neg(div(x, y)), y),
  "(x + y) - y": ({ add, sub }, x, y) => sub(add(x, y), y),
  "(x - y) + y": ({ add, sub }, x, y) => add(sub(x, y), y),
  "x - (x - y)": ({ sub }, x, y) => sub(x, sub(x, y)),
  "x * y - x * z": ({ sub, mul }, x, y, z) => sub(mul(x, y), mul(x, z)),
  "x / y + z / y": ({ add, div }, x, y, z) => add(div(x, y), div(z, y)),
  "x * y - y * x": ({ sub, mul }, x, y) => sub(mul(x, y), mul(y, x)),
  "x * 2 - x": ({ sub, mul }, x) => sub(mul(x, 2), x),
  "max(x, x)": ({ maximum }, x) => maximum(x, x),
  "max(x, -x)": ({ maximum, neg }, x) => maximum(x, neg(x)),
  "max(x, y) - max(y, x)": ({ maximum, sub }, x, y) => sub(maximum(x, y), maximum(y, x)),
  "min(x, max(x, y))": ({ maximum, minimum }, x, y) => minimum(x, maximum(x, y)),
  "max(x, y) + min(x, y)": ({ maximum, minimum, add }, x, y) => add(maximum(x, y), minimum(x, y)),
  "|x| * |x|": ({ abs, mul }, x) => mul(abs(x), abs(x)),
  "√(x²)": ({ sqrt, square }, x) => sqrt(square(x)),
  "√x * √x / x": ({ sqrt, mul, div }, x) => div(mul(sqrt(x), sqrt(x)), x),
};

/**
 * Drivers compute these as x * (y + z). With special values that may be infinite where the steps give NaN, or the other way
 * around, but is never finite where the steps are not.
 */
const FACTORED: Record<string, Expression> = {
  "x * y + x * z": ({ add, mul }, x, y, z) => add(mul(x, y), mul(x, z)),
  "x² + y * x": ({ add, mul, square }, x, y) => add(square(x), mul(y, x)),
};

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -2, 4, 2 ** 100];
const triples = SPECIAL.flatMap((x) => SPECIAL.flatMap((y) => SPECIAL.map((z) => [x, y, z] as const)));

/** What differs by more than the rounding of a quotient, in words. */
function differences(got: ArrayLike<number>, expression: Expression): string[] {
  expect(got.length).toBe(triples.length);
  return triples.flatMap(([x, y, z], i) => {
    const wanted = expression(NUMBERS, x, y, z);
    const isSame = Object.is(got[i], wanted) || Math.abs(got[i] - wanted) <= 1e-6 * Math.abs(wanted);
    return isSame ? [] : [`of ${x}, ${y}, ${z} it is ${got[i]} and not ${wanted}`];
  });
}

describe("special values in expressions of one kernel", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const columns = [0, 1, 2].map((k) => Float32Array.from(triples, (triple) => triple[k]));
  for (const [name, expression] of Object.entries(EXPRESSIONS)) {
    it(`${name} is what its steps give, in fours and alone`, async () => {
      const f = (x: Tensor, y: Tensor, z: Tensor) => expression(ops, x, y, z);
      const [x, y, z] = columns.map((data) => tensor(data));
      expect(differences(await f(x, y, z).data(), expression)).toEqual([]);
      const compiled = jit(f);
      expect(differences(await (await compiled(x, y, z)).data(), expression)).toEqual([]);
      compiled.dispose();
      // One thread a row: the kernel works on single elements.
      const [left, middle, right] = columns.map((data) => tensor(data, { shape: [data.length, 1] }));
      expect(differences(await ops.max(f(left, middle, right), { axis: 1 }).data(), expression)).toEqual([]);
    });
  }

  for (const [name, expression] of Object.entries(FACTORED)) {
    it(`${name} is finite just where its steps are`, async () => {
      const [x, y, z] = columns.map((data) => tensor(data));
      const got = await expression<Tensor>(ops, x, y, z).data();
      const isFinite = triples.map(([x, y, z]) => Number.isFinite(expression(NUMBERS, x, y, z)));
      expect(Array.from(got, Number.isFinite)).toEqual(isFinite);
    });
  }
});
