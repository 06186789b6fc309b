import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../../lib/compile/open_device.ts";
import { Runtime } from "../../../lib/compile/run/runtime.ts";
import * as ops from "../../../lib/ops/mod.ts";
import { reference } from "../../../lib/ops/reference.ts";
import { holdNodes } from "../../../lib/ops/primitive.ts";
import { evaluate, setExecutor, stateOf, type Tensor, tensor } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";
import { Numbers, worstError } from "../../support/numbers.ts";

const GRAPHS = 40;
const STEPS = 14;
/** Few sizes, so that tensors often fit each other. */
const SIZES = [1, 4, 6];

/** Functions that keep values small, so that errors stay comparable. */
const UNARY: readonly ((x: Tensor) => Tensor)[] = [
  ops.tanh,
  ops.sin,
  ops.sigmoid,
  ops.neg,
  ops.relu,
  (x) => ops.mul(x, 0.5),
];
const BINARY: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
  (x, y) => ops.mul(ops.add(x, y), 0.5),
  (x, y) => ops.sub(x, ops.mul(y, 0.25)),
  (x, y) => ops.tanh(ops.mul(x, y)),
  (x, y) => ops.where(ops.greater(ops.sin(x), 0.01), x, y),
];

/** A tensor made of others, by a choice that the numbers make. */
function grow(numbers: Numbers, nodes: readonly Tensor[]): Tensor | undefined {
  const pick = <T>(list: readonly T[]) => list[numbers.below(list.length)];
  const x = pick(nodes);
  const y = pick(nodes);
  const axis = x.rank > 0 ? numbers.below(x.rank) : 0;
  switch (numbers.below(10)) {
    case 0:
    case 1:
      return pick(UNARY)(x);
    case 2:
    case 3: {
      const fits = x.rank <= 3 && y.rank <= 3 &&
        [...x.shape].reverse().every((size, i) => {
          const other = y.shape[y.rank - 1 - i] ?? 1;
          return size === other || size === 1 || other === 1;
        });
      return fits ? pick(BINARY)(x, y) : undefined;
    }
    case 4:
      return x.rank > 0 ? ops.mean(x, { axis, keepDims: numbers.below(2) === 1 }) : undefined;
    case 5:
      return x.rank > 1 ? ops.transpose(x) : undefined;
    case 6:
      return ops.reshape(x, x.rank === 1 ? [-1, 1] : [-1]);
    case 7:
      return x.rank > 0 && x.shape[axis] > 1
        ? ops.slice(x, {
          start: x.shape.map((_, a) => Number(a === axis)),
          size: x.shape.map((n, a) => n - Number(a === axis)),
        })
        : undefined;
    case 8:
      return x.rank === 2 && y.rank === 2 && x.shape[1] === y.shape[1]
        ? ops.mul(ops.matmul(x, y, { transposeB: true }), 1 / x.shape[1])
        : undefined;
    default:
      return x.rank > 0 ? ops.softmax(x) : undefined;
  }
}

/** A graph by its number: the same operations whatever tensors stand at its leaves. */
function graph(number: number, leaves: readonly Tensor[]): Tensor[] {
  const numbers = new Numbers(number);
  const nodes = [...leaves];
  for (let step = 0; step < STEPS; step++) {
    const made = grow(numbers, nodes);
    if (made) nodes.push(made);
  }
  return [nodes[nodes.length - 1], nodes[leaves.length + numbers.below(nodes.length - leaves.length)]];
}

function leavesOf(number: number): Tensor[] {
  const numbers = new Numbers(1000 + number);
  const size = () => SIZES[numbers.below(SIZES.length)];
  return [[size(), size()], [size(), size()], [size()]].map((shape) => numbers.tensor(shape));
}

/** Evaluates a graph and compares it with itself in float64. */
async function check(number: number, run: (leaves: Tensor[]) => Promise<Tensor[]>): Promise<void> {
  const wanted = holdNodes(() => graph(number, leavesOf(number)).map((output) => reference(output)));
  const found = await run(leavesOf(number));
  for (const [i, { shape, data }] of wanted.entries()) {
    expect(found[i].shape).toEqual(shape);
    const error = worstError(await found[i].data(), data);
    if (!(error < 1e-4)) throw new Error(`graph ${number}, output ${i}: off by ${error}`);
  }
}

describe("random graphs", () => {
  beforeAll(async () => void await testDevice());

  it("are what float64 gives, computed at once", async () => {
    await testDevice();
    for (let number = 0; number < GRAPHS; number++) {
      await check(number, (leaves) => evaluate(graph(number, leaves)));
    }
  });

  it("are what float64 gives, compiled, at the first call and at later ones", async () => {
    for (let number = 0; number < GRAPHS; number++) {
      const compiled = jit((leaves: Tensor[]) => graph(number, leaves));
      for (let call = 0; call < 2; call++) await check(number, compiled);
      compiled.dispose();
    }
  });

  it("are what float64 gives where results take over the memory of what they are made of", async () => {
    for (let number = 0; number < GRAPHS; number++) {
      // Every leaf has a successor of its shape, so that each buffer is written while others may still read it.
      const advance = (leaves: readonly Tensor[], outputs: readonly Tensor[]) => [
        ...leaves.map((leaf, i) => ops.mul(ops.add(leaf, ops.mean(outputs[i % 2])), 0.5)),
        ...outputs,
      ];
      const step = jit((leaves: Tensor[]) => advance(leaves, graph(number, leaves)), { donate: [0] });
      const start = leavesOf(number);
      const wanted = holdNodes(() => advance(start, graph(number, start)).map((output) => reference(output).data));
      const found = await step(leavesOf(number).map((leaf) => ops.mul(leaf, 1)));
      for (const [i, data] of wanted.entries()) {
        const error = worstError(await found[i].data(), data);
        if (!(error < 1e-4)) throw new Error(`graph ${number}, result ${i}: off by ${error}\n${step.explain()}`);
      }
      step.dispose();
    }
  });

  it("are what float64 gives, as with f32, where leaves are kept in f16", async () => {
    const widened = (leaves: Tensor[]) => leaves.map((leaf) => ops.cast(leaf, "f32"));
    for (let number = 0; number < GRAPHS / 2; number++) {
      const halves = () =>
        leavesOf(number).map((leaf) =>
          tensor(new Float16Array((stateOf(leaf) as { readonly data: Float32Array }).data), { shape: leaf.shape })
        );
      const wanted = holdNodes(() => graph(number, widened(halves())).map((output) => reference(output).data));
      const compiled = jit((leaves: Tensor[]) => graph(number, widened(leaves)));
      const found = await compiled(halves());
      const full = await Promise.all(
        halves().map(async (leaf) => tensor(Float32Array.from(await leaf.data()), { shape: leaf.shape })),
      );
      const same = await evaluate(graph(number, full));
      for (const [i, data] of wanted.entries()) {
        const error = worstError(await found[i].data(), data);
        if (!(error < 1e-4)) throw new Error(`graph ${number}, output ${i}: off by ${error}\n${compiled.explain()}`);
        expect(worstError(await found[i].data(), await same[i].data())).toBeLessThan(1e-6);
      }
      compiled.dispose();
    }
  });

  it("are what float64 gives without subgroups", async () => {
    const device = await testDevice();
    setExecutor(new Runtime(device, { target: { subgroupSize: 0 } }));
    try {
      for (let number = 0; number < GRAPHS / 2; number++) {
        await check(number, (leaves) => evaluate(graph(number, leaves)));
      }
    } finally {
      useDevice(device);
    }
  });

  it("have the same bits every time", async () => {
    for (let number = 0; number < 10; number++) {
      const compiled = jit((leaves: Tensor[]) => graph(number, leaves));
      const [first, second] = [await compiled(leavesOf(number)), await compiled(leavesOf(number))];
      for (const [i, output] of first.entries()) expect(await second[i].data()).toEqual(await output.data());
      compiled.dispose();
    }
  });
});
