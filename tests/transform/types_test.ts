// Types as the compiler sees them: most of these checks are made by `deno check`, which fails where a type is another one
// or a line marked to be refused compiles.
import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, matmul, mul, random, square, sum } from "../../lib/ops/mod.ts";
import {
  adamw,
  type AdamWState,
  chain,
  clipByGlobalNorm,
  type CountState,
  type Optimizer,
  scaleByLearningRate,
  trace,
} from "../../lib/optim/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { deltaLora, lora, type LowRankTrainable, type Method } from "../../lib/peft/mod.ts";
import {
  type MapLeaves,
  type Tensor,
  tensor,
  type Tree,
  treeFlatten,
  treeLeaves,
  treeMap,
  treeUnflatten,
} from "../../lib/tensor/mod.ts";
import { init, makeStep, type StepMetrics, type TrainState } from "../../lib/train/mod.ts";
import {
  checkpoint,
  customVjp,
  grad,
  jit,
  type JittedFunction,
  type ValueAndGrad,
  valueAndGrad,
  vjp,
} from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS } from "../support/tiny.ts";

/** Whether two types are one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Compiles where `value` has exactly the type `Wanted`. */
function expectType<Wanted>(): <Given>(value: Given, same: Same<Given, Wanted>) => void {
  return () => {};
}

interface Layer {
  readonly W: Tensor;
  readonly b: Tensor;
}
interface Model {
  readonly layers: readonly Layer[];
  readonly name: string;
}

const layer = (): Layer => ({ W: tensor([[1, 2], [3, 4]]), b: tensor([1, -1]) });
const model = (): Model => ({ layers: [layer()], name: "linear" });
const loss = ({ layers }: Model, x: Tensor): Tensor =>
  sum(square(layers.reduce((y, { W, b }) => add(matmul(y, W), b), x)));

describe("types of trees", () => {
  it("come back from treeMap, flattened and put together again", () => {
    expectType<Model>()(treeMap((leaf) => mul(leaf, 2), model()), true);
    expectType<MapLeaves<Model, number>>()(treeMap(({ size }) => size, model()), true);
    const sizes: { readonly layers: readonly { readonly W: number; readonly b: number }[]; readonly name: string } =
      treeMap(({ size }) => size, model());
    expect(sizes).toEqual({ layers: [{ W: 4, b: 2 }], name: "linear" });
    const { leaves, structure } = treeFlatten(model());
    expectType<Model>()(treeUnflatten(structure, leaves), true);
    const { structure: counts } = treeFlatten(
      { a: 1, b: [2] },
      (value): value is number => typeof value === "number",
    );
    expectType<{ a: number; b: number[] }>()(treeUnflatten(counts, [3, 4]), true);
  });

  it("refuse what holds no tensors that could be seen", () => {
    for (
      const use of [
        // @ts-expect-error -- a Map is no tree
        () => treeLeaves(new Map([["W", tensor(1)]])),
        // @ts-expect-error -- a promise must be awaited first
        () => treeLeaves(Promise.resolve({ W: tensor(1) })),
        // @ts-expect-error -- a typed array is no tensor
        () => treeMap((leaf) => leaf, { W: new Float32Array(2) }.W),
      ]
    ) expect(use).toThrow(TypeError);
  });

  it("of unknown trees must be looked at before they are used", () => {
    const tree = ((): Tree => model())();
    // @ts-expect-error -- nothing is known of it
    expect(tree.layers).toHaveLength(1);
    expectType<Tree<string>>()(treeMap(({ dtype }): string => dtype, tree), true);
  });
});

describe("types of derivatives", () => {
  beforeAll(async () => void await testDevice());

  it("are those of the argument that they are taken by", async () => {
    const x = tensor([[1, 2]]);
    const slope = grad(loss)(model(), x);
    expectType<Model>()(slope, true);
    expect(slope.name).toBe("linear");
    expectType<Tensor>()(grad(loss, { argument: 1 })(model(), x), true);
    expectType<ValueAndGrad<Model>>()(valueAndGrad(loss)(model(), x), true);
    const { grad: byX, aux } = valueAndGrad(
      (x: Tensor) => ({ value: loss(model(), x), aux: { note: "text", x } }),
      { hasAux: true },
    )(x);
    expectType<Tensor>()(byX, true);
    expectType<{ note: string; x: Tensor }>()(aux, true);
    expect(await byX.data()).toHaveLength(2);
  });

  it("are those of what is given where the function takes more", () => {
    const ofWeights = (params: Params) => sum(params.W.constructor === Object ? tensor(1) : mul(tensor(1), 2));
    const both = grad((params: Params & { readonly x: Tensor }) => add(ofWeights(params), params.x));
    expectType<{ W: Tensor; x: Tensor }>()(both({ W: tensor(1), x: tensor(2) }), true);
  });

  it("refuse functions that give no scalar tensor, and arguments that they do not have", () => {
    const x = tensor([1, 2]);
    // @ts-expect-error -- a function of a list of tensors
    expect(() => grad((y: Tensor) => [y])(x)).toThrow(TypeError);
    // @ts-expect-error -- there is an aux, and nothing says so
    expect(() => valueAndGrad((y: Tensor) => ({ value: sum(y), aux: 1 }))(x)).toThrow(TypeError);
    // @ts-expect-error -- there is none, and hasAux says that there is
    expect(() => valueAndGrad((y: Tensor) => sum(y), { hasAux: true })(x)).toThrow(TypeError);
    // @ts-expect-error -- the argument is a tensor
    expect(() => grad((y: Tensor) => sum(y))({ y: x })).toThrow();
    // @ts-expect-error -- without hasAux there is no aux
    expect(valueAndGrad((y: Tensor) => sum(y))(x).aux).toBeUndefined();
  });

  it("go through vjp, checkpoint and customVjp", () => {
    const f = (a: Tensor, { b }: { readonly b: Tensor }) => ({ product: mul(a, b), text: "kept" });
    const { value, pullback } = vjp(f, tensor([1]), { b: tensor([2]) });
    expectType<{ product: Tensor; text: string }>()(value, true);
    const [byA, byB] = pullback({ product: tensor([1]), text: "kept" });
    expectType<Tensor>()(byA, true);
    expectType<Tensor>()(byB.b, true);
    // @ts-expect-error -- a cotangent is like the value
    expect(() => pullback({ other: tensor([1]) })).toThrow(RangeError);
    expectType<{ product: Tensor; text: string }>()(checkpoint(f)(tensor([1]), { b: tensor([2]) }), true);
    const cube = customVjp((x: Tensor) => mul(square(x), x), {
      forward: (x) => ({ value: mul(square(x), x), residuals: { x } }),
      backward: ({ x }, cotangent) => [mul(cotangent, mul(square(x), 3))],
    });
    expectType<(x: Tensor) => Tensor>()(cube, true);
    customVjp((x: Tensor, y: Layer) => mul(x, y.b), {
      forward: (x, y) => ({ value: mul(x, y.b), residuals: { x, y } }),
      // @ts-expect-error -- a tree for each argument
      backward: ({ y }, cotangent) => [mul(cotangent, y.b)],
    });
  });
});

describe("types of jitted functions", () => {
  it("are those of the functions, with promises of results and numbers for tensors", () => {
    const step = jit((params: Model, rate: Tensor) => treeMap((leaf) => mul(leaf, rate), params));
    expectType<JittedFunction<(params: Model, rate: Tensor) => Model>>()(step, true);
    const use = () => {
      expectType<Promise<Model>>()(step(model(), 0.5), true);
      // @ts-expect-error -- a model is no tensor
      step(tensor(1), 0.5);
      // @ts-expect-error -- an argument is missing
      step(model());
      // @ts-expect-error -- its result must be awaited first
      treeLeaves(step(model(), 0.5));
      expectType<Promise<Model>>()(jit(grad(loss))(model(), tensor([[1, 2]])), true);
    };
    expect(use).toBeInstanceOf(Function); // it is for the compiler alone
  });
});

describe("types of training", () => {
  beforeAll(async () => void await testDevice());

  it("of optimizers are what their states hold", () => {
    const both = chain(clipByGlobalNorm(1), trace(0.9), scaleByLearningRate(0.1));
    const params = model();
    const [, { velocity }, rate] = both.init(params);
    expectType<Tree>()(velocity, true);
    expectType<CountState>()(rate, true);
    const optimizer = adamw({ learningRate: 0.1 });
    expectType<Optimizer<AdamWState>>()(optimizer, true);
    const { updates, state } = optimizer.update(params, optimizer.init(params), params);
    expectType<Model>()(updates, true);
    expectType<AdamWState>()(state, true);
    // @ts-expect-error -- the state of another optimizer
    expect(() => optimizer.update(params, both.init(params), params)).toThrow();
    // @ts-expect-error -- gradients of other parameters
    expect(() => optimizer.update({ other: tensor(1) }, optimizer.init(params), params)).toThrow(RangeError);
  });

  it("of a step are made of its method's, its optimizer's and its batch's", () => {
    const { base, points } = oneLayer();
    const method = lora({ rank: 2, alpha: 4, targets: TARGETS });
    const optimizer = adamw({ learningRate: 0.1 });
    const step = makeStep({ loss: layerLoss, method, optimizer });
    const state = init(random.key(0), base, { method, optimizer });
    expectType<TrainState<LowRankTrainable, Record<string, never>, AdamWState>>()(state, true);
    const [next, metrics] = step(state, points);
    expectType<typeof state>()(next, true);
    expectType<StepMetrics>()(metrics, true);
    expectType<Tensor>()(next.trainable.factors[QUERY].A, true);
    const methods: readonly Method[] = [
      method,
      deltaLora({ rank: 2, alpha: 4, lambda: 1, startStep: 0, targets: TARGETS }),
    ];
    expect(methods.map(({ name }) => name)).toEqual(["lora", "delta-lora"]);
    // @ts-expect-error -- the state of another method
    const wrong = () => makeStep({ loss: layerLoss, method: methods[1], optimizer })(base, points);
    expect(wrong).toThrow();
  });
});
