import { expect } from "expect";
import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../lib/ops/mod.ts";
import { Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, Numbers } from "../support/numbers.ts";

/** What a method is tried on. */
interface Operands {
  /** `[rows, columns]`, in [−2, 2). */
  readonly x: Tensor;
  /** Of the same shape. */
  readonly y: Tensor;
  /** Of the same shape, as bool. */
  readonly flags: Tensor;
  readonly rows: number;
  readonly columns: number;
}

type Outcome = Tensor | Tensor[];
/** The method and its function on the same operands. */
type Pair = readonly [method: (operands: Operands) => Outcome, fn: (operands: Operands) => Outcome];

const BINARY = ["add", "sub", "mul", "div", "pow", "mod", "maximum", "minimum"] as const;
const COMPARISONS = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"] as const;
const UNARY = [
  ...["neg", "abs", "sign", "square", "sqrt", "rsqrt", "exp", "log", "sin", "cos", "tanh", "sigmoid", "erf"] as const,
  ...["relu", "gelu", "silu", "isNaN", "isFinite", "stopGradient"] as const,
  ...["floor", "ceil", "round", "log1p", "expm1"] as const,
];
const REDUCTIONS = ["sum", "mean", "max", "min", "prod", "variance", "logSumExp", "any", "all"] as const;
const ROW_WISE = ["softmax", "logSoftmax", "argmax", "argmin"] as const;

const start = () => [0, tensor(0, { dtype: "i32" })];

const PAIRS: Readonly<Record<string, readonly Pair[]>> = {
  ...Object.fromEntries([...BINARY, ...COMPARISONS].map((name) => [name, [
    [({ x, y }: Operands) => x[name](y), ({ x, y }: Operands) => ops[name](x, y)],
    [({ x }: Operands) => x[name](0.5), ({ x }: Operands) => ops[name](x, 0.5)],
  ]])),
  ...Object.fromEntries(
    UNARY.map((name) => [name, [[({ x }: Operands) => x[name](), ({ x }: Operands) => ops[name](x)]]]),
  ),
  ...Object.fromEntries(REDUCTIONS.map((name) => [name, [
    [({ x }: Operands) => x[name](), ({ x }: Operands) => ops[name](x)],
    [
      ({ x }: Operands) => x[name]({ axis: 0, keepDims: true }),
      ({ x }: Operands) => ops[name](x, { axis: 0, keepDims: true }),
    ],
  ]])),
  ...Object.fromEntries(ROW_WISE.map((name) => [name, [
    [({ x }: Operands) => x[name](), ({ x }: Operands) => ops[name](x)],
    [({ x }: Operands) => x[name]({ axis: 0 }), ({ x }: Operands) => ops[name](x, { axis: 0 })],
  ]])),
  gelu: [
    [({ x }) => x.gelu(), ({ x }) => ops.gelu(x)],
    [({ x }) => x.gelu({ approximate: "tanh" }), ({ x }) => ops.gelu(x, { approximate: "tanh" })],
  ],
  clip: [[({ x, y }) => x.clip({ min: -1, max: y }), ({ x, y }) => ops.clip(x, { min: -1, max: y })]],
  argsort: [[({ x }) => x.argsort({ axis: 0 }), ({ x }) => ops.argsort(x, { axis: 0 })]],
  sort: [[({ x }) => x.sort({ descending: true }), ({ x }) => ops.sort(x, { descending: true })]],
  topK: [[({ x }) => x.topK(1, { axis: 0 }), ({ x }) => ops.topK(x, 1, { axis: 0 })]],
  takeAlong: [[
    ({ x, y }) => x.takeAlong(y.argsort({ axis: 0 }), { axis: 0 }),
    ({ x, y }) => ops.takeAlong(x, ops.argsort(y, { axis: 0 }), { axis: 0 }),
  ]],
  scatterAdd: [[
    ({ x, y }) => x.scatterAdd(y.argsort(), y, { axis: 1 }),
    ({ x, y }) => ops.scatterAdd(x, ops.argsort(y), y, { axis: 1 }),
  ]],
  dynamicSlice: [[
    ({ x }) => x.dynamicSlice({ start: start(), size: [1, 1] }),
    ({ x }) => ops.dynamicSlice(x, { start: start(), size: [1, 1] }),
  ]],
  dynamicUpdateSlice: [[
    ({ x, y }) => x.dynamicUpdateSlice(y, { start: start() }),
    ({ x, y }) => ops.dynamicUpdateSlice(x, y, { start: start() }),
  ]],
  logicalAnd: [[
    ({ flags, x }) => flags.logicalAnd(x.less(0)),
    ({ flags, x }) => ops.logicalAnd(flags, ops.less(x, 0)),
  ]],
  logicalOr: [[({ flags, x }) => flags.logicalOr(x.less(0)), ({ flags, x }) => ops.logicalOr(flags, ops.less(x, 0))]],
  logicalNot: [[({ flags }) => flags.logicalNot(), ({ flags }) => ops.logicalNot(flags)]],
  normalize: [[({ x }) => x.normalize({ epsilon: 0.1 }), ({ x }) => ops.normalize(x, { epsilon: 0.1 })]],
  matmul: [[
    ({ x, y }) => x.matmul(y, { transposeB: true }),
    ({ x, y }) => ops.matmul(x, y, { transposeB: true }),
  ]],
  reshape: [[({ x }) => x.reshape([-1, 1]), ({ x }) => ops.reshape(x, [-1, 1])]],
  transpose: [
    [({ x }) => x.transpose(), ({ x }) => ops.transpose(x)],
    [({ x }) => x.transpose([1, 0]), ({ x }) => ops.transpose(x, [1, 0])],
  ],
  cumulativeSum: [
    [({ x }) => x.cumulativeSum(), ({ x }) => ops.cumulativeSum(x)],
    [
      ({ x }) => x.cumulativeSum({ axis: 0, reverse: true }),
      ({ x }) => ops.cumulativeSum(x, { axis: 0, reverse: true }),
    ],
  ],
  roll: [[({ x }) => x.roll({ shift: 2, axis: 0 }), ({ x }) => ops.roll(x, { shift: 2, axis: 0 })]],
  tile: [[({ x }) => x.tile([2, 1]), ({ x }) => ops.tile(x, [2, 1])]],
  pad: [[({ x }) => x.pad({ width: 1, value: 0.5 }), ({ x }) => ops.pad(x, { width: 1, value: 0.5 })]],
  tril: [[({ x }) => x.tril({ diagonal: 1 }), ({ x }) => ops.tril(x, { diagonal: 1 })]],
  triu: [[({ x }) => x.triu(), ({ x }) => ops.triu(x)]],
  flip: [
    [({ x }) => x.flip(), ({ x }) => ops.flip(x)],
    [({ x }) => x.flip({ axis: -1 }), ({ x }) => ops.flip(x, { axis: -1 })],
  ],
  expandDims: [[({ x }) => x.expandDims(1), ({ x }) => ops.expandDims(x, 1)]],
  squeeze: [
    [({ x }) => x.expandDims(1).squeeze(1), ({ x }) => ops.squeeze(ops.expandDims(x, 1), 1)],
    [({ x }) => x.expandDims(1).squeeze(), ({ x }) => ops.squeeze(ops.expandDims(x, 1))],
  ],
  broadcastTo: [[
    ({ x, rows, columns }) => x.broadcastTo([2, rows, columns]),
    ({ x, rows, columns }) => ops.broadcastTo(x, [2, rows, columns]),
  ]],
  at: [
    [({ x }) => x.at(-1), ({ x }) => ops.select(x, { axis: 0, index: -1 })],
    [({ x }) => x.at(0, { axis: 1 }), ({ x }) => ops.select(x, { axis: 1, index: 0 })],
  ],
  slice: [[
    ({ x, columns }) => x.slice({ start: [0, columns - 1], size: [-1, 1] }),
    ({ x, columns }) => ops.slice(x, { start: [0, columns - 1], size: [-1, 1] }),
  ]],
  split: [[
    ({ x, rows }) => x.split({ sections: rows, axis: 0 }),
    ({ x, rows }) => ops.split(x, { sections: rows, axis: 0 }),
  ]],
  copy: [
    [({ x }) => x.copy(), ({ x }) => ops.copy(x)],
    [({ x }) => x.copy({ dtype: "f16" }), ({ x }) => ops.copy(x, { dtype: "f16" })],
  ],
  astype: [[({ x }) => x.astype("i32"), ({ x }) => ops.cast(x, "i32")]],
};

/** What a tensor has beside its operations. */
const OTHERS = ["constructor", "rank", "data", "item", "dispose", "toString"];

describe("the methods of a tensor", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("are all held against their functions here", () => {
    const methods = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => !OTHERS.includes(name));
    expect(Object.keys(PAIRS).sort()).toEqual(methods.sort());
  });

  it("give the shape, the dtype and the bits of their functions, whatever the operands", async () => {
    const drawn = fc.record({
      rows: fc.integer({ min: 1, max: 9 }),
      columns: fc.integer({ min: 1, max: 9 }),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ rows, columns, seed }) => {
        const numbers = new Numbers(seed);
        const [x, y] = [numbers.tensor([rows, columns]), numbers.tensor([rows, columns])];
        const operands = { x, y, flags: ops.greater(y, 0), rows, columns };
        const describeAll = async (outcome: Outcome) => {
          const parts = outcome instanceof Tensor ? [outcome] : outcome;
          return await Promise.all(parts.map(async (part) => [String(part), bits(await part.data())]));
        };
        for (const [name, pairs] of Object.entries(PAIRS)) {
          for (const [method, fn] of pairs) {
            expect({ name, is: await describeAll(method(operands)) }).toEqual({
              name,
              is: await describeAll(fn(operands)),
            });
          }
        }
      }),
      { numRuns: 4, seed: 1 },
    );
  });

  it("chain, in derivatives and jitted functions, too", async () => {
    const [x, y, z] = [tensor([[1, 2], [3, 4]]), tensor([[5, 6], [7, 8]]), tensor([10, 20])];
    const chain = (x: Tensor) => x.mul(y).add(z).sum({ axis: 1 });
    expect([...await chain(x).data()]).toEqual([47, 83]);
    expect([...await (await jit(chain)(x)).data()]).toEqual([47, 83]);
    const slope = grad((x: Tensor) => x.square().sum())(x) as Tensor;
    expect([...await slope.data()]).toEqual([2, 4, 6, 8]);
  });

  it("say what to import where no operation was loaded", async () => {
    const url = new URL("../../lib/tensor/mod.ts", import.meta.url);
    const code =
      `import { tensor } from "${url}"; try { tensor([1]).add(1) } catch (error) { console.log(error.message) }`;
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
    expect(new TextDecoder().decode(stdout)).toBe(
      "Cannot call a tensor's methods as no operations are loaded: import mod.ts, or lib/ops/mod.ts\n",
    );
  });
});
