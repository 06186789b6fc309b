import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { Numbers } from "../support/numbers.ts";
import { compare, type Expected } from "./compare.ts";
import { inOrder, interpret } from "./interpret.ts";
import { unnoticed } from "./unnoticed.ts";

/** What a graph may give. */
function expected(make: () => Tensor): Expected {
  const result = unnoticed(make);
  const order = inOrder([result]);
  const noise = new Numbers(5);
  return {
    dtype: result.dtype,
    exact: interpret(order).get(result)!.data,
    rounded: Array.from({ length: 8 }, () => interpret(order, { noise }).get(result)!.data),
  };
}

describe("compare", () => {
  it("lets pass what sums in f32 give in any order", () => {
    const terms = Float32Array.from({ length: 1025 }, (_, i) => Math.sin(i) * 100);
    const wanted = expected(() => ops.sum(tensor(terms)));
    const forwards = terms.reduce((sum, x) => Math.fround(sum + x), 0);
    const backwards = terms.reduceRight((sum, x) => Math.fround(sum + x), 0);
    expect(forwards).not.toBe(backwards);
    for (const sum of [forwards, backwards]) expect(compare([sum], wanted).fault).toBeUndefined();
  });

  it("finds one term that is missing or twice, and a result that is off in its fifth digit", () => {
    const terms = Float32Array.from({ length: 1025 }, (_, i) => 1 + Math.sin(i));
    const wanted = expected(() => ops.sum(tensor(terms)));
    const sum = terms.reduce((total, x) => total + x, 0);
    for (const wrong of [sum - terms[7], sum + terms[7], sum * 1.00005]) {
      expect(compare([wrong], wanted).fault).toBeDefined();
    }
  });

  it("finds NaN in place of a number, a number in place of NaN, and an infinity of the other sign", () => {
    const wanted = expected(() => ops.log(tensor([2, -1, 0])));
    expect(compare([Math.log(2), NaN, -Infinity], wanted)).toEqual({ held: 3, loose: 0 });
    expect(compare([NaN, NaN, -Infinity], wanted).fault?.position).toBe(0);
    expect(compare([Math.log(2), 0, -Infinity], wanted).fault?.position).toBe(1);
    expect(compare([Math.log(2), NaN, Infinity], wanted).fault?.position).toBe(2);
  });

  it("holds exact integers exactly", () => {
    const wanted = expected(() => ops.add(tensor([1, 2 ** 24], { dtype: "i32" }), 1));
    expect(compare([2, 2 ** 24 + 1], wanted)).toEqual({ held: 2, loose: 0 });
    expect(compare([2, 2 ** 24], wanted).fault?.position).toBe(1);
  });

  it("does not hold a comparison whose side rounding decides, and holds its neighbours", () => {
    const wanted = expected(() => ops.greater(ops.mul(tensor([0.1, 0.5, 3]), 10), 1));
    expect(compare([0, 1, 1], wanted)).toEqual({ held: 2, loose: 1 });
    expect(compare([1, 1, 1], wanted)).toEqual({ held: 2, loose: 1 });
    expect(compare([1, 0, 1], wanted).fault?.position).toBe(1);
  });
});
