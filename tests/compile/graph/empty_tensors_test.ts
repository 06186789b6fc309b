import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import {
  add,
  broadcastTo,
  cast,
  concat,
  div,
  expandDims,
  matmul,
  mul,
  neg,
  reshape,
  silu,
  slice,
  softmax,
  square,
  sub,
  sum,
  transpose,
  zeros,
} from "../../../lib/ops/mod.ts";
import { adamw, applyUpdates, type Optimizer, sgd } from "../../../lib/optim/mod.ts";
import { evaluate, type Tensor, tensor, type Tree, treeLeaves } from "../../../lib/tensor/mod.ts";
import { grad, jit } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";

const numbers = async (x: Tensor) => Array.from(await x.data());
const all = async (tree: Tree) => await Promise.all(treeLeaves(tree).map(numbers));

/** Tensors without elements, as they come: from the host, of a constant, of a view, computed, of each dtype. */
const EMPTIES: Readonly<Record<string, () => Tensor>> = {
  "the host": () => tensor([]),
  "a constant": () => zeros([0]),
  "a slice": () => slice(tensor([1, 2]), { start: [1], size: [0] }),
  "an operation": () => add(mul(zeros([0]), 2), tensor([1])),
  "a product": () => reshape(matmul(zeros([0, 3]), zeros([3, 4])), [-1, 1]),
  "halves": () => cast(zeros([0]), "f16"),
  "integers": () => tensor(new Int32Array(0)),
};

describe("empty tensors", () => {
  beforeAll(async () => void await testDevice());

  for (const [source, make] of Object.entries(EMPTIES)) {
    it(`of ${source} go through jitted functions, donated or not, changed or as they are`, async () => {
      for (const donate of [[], [0]]) {
        const f = jit(({ w, none }: { w: Tensor; none: Tensor }) => {
          const wide = none.dtype === "f16" ? cast(none, "f32") : none;
          return { w: add(w, 1), none, twice: none, flat: reshape(none, [0, 7]), next: mul(wide, 2), more: add(w, 1) };
        }, { donate });
        for (let call = 0; call < 2; call++) {
          const out = await f({ w: tensor([1, 2]), none: make() });
          expect(await all([out.w, out.none, out.twice, out.flat, out.next, out.more])).toEqual(
            [[2, 3], [], [], [], [], [2, 3]],
          );
          expect(out.flat.shape).toEqual([0, 7]);
          const again = await f({ w: out.w, none: out.twice });
          expect(await all([again.w, again.none])).toEqual([[3, 4], []]);
        }
        f.dispose();
      }
    });
  }

  it("are parts of what has elements: concatenated, multiplied with nothing between", async () => {
    const f = (x: Tensor, none: Tensor) => [
      concat([none, x, mul(none, 2)]),
      matmul(reshape(none, [2, 0]), reshape(none, [0, 3])),
      add(sum(x), sum(concat([none, x, none]))),
    ];
    const wanted = [[1, 2], [0, 0, 0, 0, 0, 0], [6]];
    expect(await all(f(tensor([1, 2]), zeros([0])))).toEqual(wanted);
    for (const donate of [[], [0, 1]]) {
      expect(await all(await jit(f, { donate })(tensor([1, 2]), zeros([0])))).toEqual(wanted);
    }
  });

  it("are computed beside full ones by operations that are the same but for their tensors", async () => {
    const f = (x: Tensor, y: Tensor, none: Tensor) => {
      const column = expandDims(none, -1);
      const wide = concat([column, column, column, column], { axis: 2 });
      const turned = transpose(wide, [2, 3, 0, 1]);
      return [
        broadcastTo(y, [2, 7]),
        mul(x, 1),
        mul(y, 1),
        mul(column, 1),
        mul(wide, -1),
        silu(turned),
        silu(x),
        matmul(turned, turned, { transposeA: true }),
        matmul(reshape(x, [1, 7]), reshape(y, [7, 1])),
        softmax(wide),
        softmax(x),
        reshape(turned, [0, 5]),
      ];
    };
    const make = () => [1, 2].map((value) => tensor(new Float32Array(7).fill(value)));
    const [x, y] = make();
    const found = await evaluate(f(x, y, zeros([2, 3, 0])));
    const values = await all(found);
    expect(values[0]).toEqual(new Array(14).fill(2));
    expect(values[8]).toEqual([14]);
    for (const i of [3, 4, 5, 7, 9, 11]) expect(values[i]).toEqual([]);
    for (const donate of [[], [0, 1, 2]]) {
      const [x, y] = make();
      expect(await all(await jit(f, { donate })(x, y, zeros([2, 3, 0])))).toEqual(values);
    }
  });

  it("have empty derivatives, and what they are made of has zeros", async () => {
    const loss = ({ w, none }: { w: Tensor; none: Tensor }) =>
      add(sum(square(w)), sum(concat([mul(none, 2), slice(neg(w), { start: [0], size: [0] })])));
    const slope = grad(loss);
    for (const f of [slope, jit(slope)]) {
      const found = await f({ w: tensor([1, 2]), none: zeros([0]) });
      expect(await all([found.w, found.none])).toEqual([[2, 4], []]);
    }
  });

  const optimizers: Readonly<Record<string, Optimizer>> = {
    "SGD": sgd({ learningRate: 0.5 }),
    "SGD with momentum": sgd({ learningRate: 0.5, momentum: 0.9 }),
    "AdamW": adamw({ learningRate: 0.5, weightDecay: 0.1 }),
  };
  for (const [name, optimizer] of Object.entries(optimizers)) {
    it(`may stand among the parameters of ${name}, which moves the others as without them`, async () => {
      const target = tensor([1, 2, 3]);
      const loss = (params: Record<string, Tensor>) =>
        Object.values(params).map((w) => sum(square(w.size === 3 ? sub(w, target) : w))).reduce((a, b) => add(a, b));
      const makeStep = () => (params: Record<string, Tensor>, state: Tree) => {
        const { updates, state: next } = optimizer.update(grad(loss)(params), state, params);
        return { params: applyUpdates(params, updates), state: next };
      };
      const train = async (names: readonly string[], donate?: readonly number[]) => {
        const step = donate ? jit(makeStep(), { donate }) : makeStep();
        let params: Record<string, Tensor> = Object.fromEntries(
          names.map((key) => [key, key.startsWith("none") ? zeros([0, 4]) : tensor([4, 5, 7])]),
        );
        let state: Tree = optimizer.init(params);
        for (let i = 0; i < 3; i++) ({ params, state } = await evaluate(await step(params, state)));
        return Object.fromEntries(await Promise.all(names.map(async (key) => [key, await numbers(params[key])])));
      };
      const wanted = await train(["a", "b"]);
      for (const donate of [undefined, [], [0, 1]]) {
        const found = await train(["none1", "a", "none2", "b"], donate);
        expect(found.none1).toEqual([]);
        expect(found.a.map((x: number) => Math.fround(x))).toEqual(wanted.a.map((x: number) => expect.closeTo(x, 5)));
        expect(found.b).toEqual(found.a);
      }
    });
  }

  it("are read without a device's help, and not once they are disposed of", async () => {
    const none = mul(zeros([0]), 2);
    expect(await numbers(none)).toEqual([]);
    none.dispose();
    await expect(none.data()).rejects.toThrow("it was disposed");
    expect(() => div(none, 2)).toThrow("was disposed");
  });
});
