import type { Device } from "../../lib/device/mod.ts";
import * as ops from "../../lib/ops/mod.ts";
import { evaluate, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { callNode, hostTensor } from "./build.ts";
import type { Draft } from "./draft.ts";
import type { Leaf, ProgramNode } from "./program.ts";
import { unnoticed } from "./unnoticed.ts";

/** What is tried beside a program: what must be refused, and what must stay within bounds. */
export type Trial =
  /** A call that cannot be done throws at once, and says why. */
  | { readonly kind: "call"; readonly leaf: Leaf; readonly node: ProgramNode }
  /** A number among a jitted function's arguments is no JavaScript number inside. */
  | { readonly kind: "number"; readonly factor: number }
  /** Tensors inside of objects that are no trees are not taken for constants. */
  | { readonly kind: "object"; readonly of: "class" | "Map" }
  /** A jitted function inside of another one can be caught. */
  | { readonly kind: "nested" }
  /** Static texts are told apart. */
  | { readonly kind: "texts"; readonly first: readonly string[]; readonly second: readonly string[] }
  /** A loop over large tensors holds few of them at a time. */
  | { readonly kind: "memory"; readonly jit: boolean; readonly steps: number }
  /** A long chain of element-wise operations is cut into kernels of bounded length. */
  | { readonly kind: "chain"; readonly length: number };

/** Elements of a tensor in a loop that must not hold many: 16 MiB. */
const LARGE = 2 ** 22;
/** Tensors of that size that a loop may hold at a time, where the collector is as late as it may be. */
const HELD = 24;
/** Operations that one kernel computes at most. */
const KERNEL_LENGTH = 256;

/** Fractions, negative and missing numbers: what no size, axis or position can be. */
const NO_SIZE = [0.5, 2.5, -2, "NaN", "Infinity"] as const;

/** Calls that cannot be done, on a leaf `a0` of two axes and f32. */
const IMPOSSIBLE: readonly ((draft: Draft) => Omit<ProgramNode, "part">)[] = [
  (draft) => ({ op: draft.one(["zeros", "ones"]), args: [[2, draft.one(NO_SIZE), 3]] }),
  (draft) => ({ op: "full", args: [[draft.one(NO_SIZE)], 1] }),
  () => ({ op: "zeros", args: [[1, 5, -2, -1]] }),
  (draft) => ({ op: "slice", args: ["a0", { start: [draft.one(NO_SIZE), 0], size: [1, 1] }] }),
  (draft) => ({ op: "slice", args: ["a0", { start: [0, 0], size: [1, draft.one(NO_SIZE)] }] }),
  (draft) => ({ op: "reshape", args: ["a0", [draft.one(NO_SIZE), -1, -1]] }),
  (draft) => ({ op: "broadcastTo", args: ["a0", [draft.one(NO_SIZE), 2, 3]] }),
  (draft) => ({ op: "arange", args: [draft.one(NO_SIZE)] }),
  (draft) => ({ op: draft.one(["sum", "mean", "max"]), args: ["a0", { axis: draft.one([2, -3, 0.5, "NaN"]) }] }),
  (draft) => ({ op: "select", args: ["a0", { axis: 0, index: draft.one([2, -3, 0.5, "NaN"]) }] }),
  (draft) => ({ op: "split", args: ["a0", { sections: draft.one([2, 1.5, -1]), axis: 1 }] }),
  (draft) => ({ op: "transpose", args: ["a0", draft.one([[0, 0], [0], [0, 0.5], [1, 2]])] }),
  (draft) => ({ op: "expandDims", args: ["a0", draft.one([3, -4, 0.5])] }),
  () => ({ op: "squeeze", args: ["a0", 1] }),
  () => ({ op: "matmul", args: ["a0", "a0"] }),
  () => ({ op: "concat", args: [[]] }),
  (draft) => ({ op: "random.key", args: [draft.one([-1, 0.5, "NaN", 2 ** 53])] }),
  (draft) => ({ op: draft.one(["logicalNot", "oneHot", "logicalAnd"]), args: ["a0", "a0"] }),
];

/** A trial by chance. */
export function drawTrial(draft: Draft): Trial {
  switch (draft.numbers.below(16)) {
    case 0:
      return { kind: "number", factor: draft.between(1, 5) };
    case 1:
      return { kind: "object", of: draft.one(["class", "Map"]) };
    case 2:
      return { kind: "nested" };
    case 3:
      return { kind: "texts", first: ["a,string b"], second: ["a", "b"] };
    case 4:
      return { kind: "memory", jit: draft.chance(0.5), steps: 40 };
    case 5:
      return { kind: "chain", length: draft.between(600, 900) };
    default: {
      const values = [1, 2, 3, 4, 5, 6];
      const leaf: Leaf = { dtype: "f32", shape: [2, 3], values, given: draft.one(["host", "pending"]) };
      return { kind: "call", leaf, node: draft.one(IMPOSSIBLE)(draft) };
    }
  }
}

/** What an attempt throws, or rejects with; `undefined` where it does neither. */
async function refusal(attempt: () => unknown): Promise<Error | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const isClear = (error: Error | undefined) =>
  (error instanceof RangeError || error instanceof TypeError) && !error.message.startsWith("internal:");

/** What is wrong with a trial, in words; `undefined` where nothing is. */
export async function trialFault(device: Device, trial: Trial): Promise<string | undefined> {
  switch (trial.kind) {
    case "call": {
      const { leaf, node } = trial;
      const error = await refusal(() => callNode(node, { a0: hostTensor(leaf) }));
      const call = `${node.op}(${JSON.stringify(node.args)})`;
      return isClear(error)
        ? undefined
        : `${call} should be refused by a RangeError or TypeError: ${error ?? "it is not"}`;
    }
    case "number": {
      const scaled = (x: Tensor, n: Tensor) => ops.mul(x, (n as unknown as number) * trial.factor);
      const error = await refusal(() => jit(scaled)(tensor([1]), 3));
      return isClear(error)
        ? undefined
        : `a tensor used as a JavaScript number should be refused: ${error ?? "it is not"}`;
    }
    case "object":
      return await objectFault(trial.of);
    case "nested": {
      const inner = jit((x: Tensor) => ops.mul(x, 2));
      const error = await refusal(() => jit((x: Tensor) => ops.add(inner(x) as unknown as Tensor, 1))(tensor([1])));
      return isClear(error) ? undefined : `jit inside of jit should be refused: ${error ?? "it is not"}`;
    }
    case "texts": {
      const count = jit((x: Tensor, words: readonly string[]) => ops.mul(x, words.length));
      const [first, second] = [await count(tensor([1]), trial.first), await count(tensor([1]), trial.second)];
      const found = [await first.item(), await second.item()];
      const wanted = [trial.first.length, trial.second.length];
      return found.join() === wanted.join() ? undefined : `static texts of ${wanted} words are taken for ${found}`;
    }
    case "memory":
      return await memoryFault(device, trial);
    case "chain":
      return await chainFault(device, trial.length);
  }
}

/** An object around a tensor is refused, or its present tensor is seen. */
async function objectFault(of: "class" | "Map"): Promise<string | undefined> {
  class Model {
    constructor(public weight: Tensor) {}
  }
  const [model, map] = [new Model(tensor([1])), new Map([["weight", tensor([1])]])];
  const scaled = jit((owner: Model | Map<string, Tensor>) =>
    ops.mul(owner instanceof Map ? owner.get("weight")! : owner.weight, 2)
  );
  const owner = of === "Map" ? map : model;
  const error = await refusal(() => scaled(owner));
  if (error) return isClear(error) ? undefined : `a ${of} in a jitted function's arguments: ${error}`;
  model.weight = tensor([50]);
  map.set("weight", tensor([50]));
  const result = await (await scaled(owner)).item();
  return result === 100 ? undefined : `the new tensor inside of a ${of} is not seen: ${result} in place of 100`;
}

async function memoryFault(
  device: Device,
  { jit: compiles, steps }: { readonly jit: boolean; readonly steps: number },
): Promise<string | undefined> {
  const body = (w: Tensor) => {
    const next = ops.sub(w, ops.mul(ops.tanh(w), 0.01));
    return { next, mean: ops.mean(next) };
  };
  const step = compiles ? jit(body) : body;
  device.resetPeak();
  const before = device.memory().liveBytes;
  let weights = ops.full([LARGE], 1);
  for (let i = 0; i < steps; i++) {
    const { next, mean } = await step(weights);
    weights = next;
    await mean.item();
  }
  weights.dispose();
  const held = (device.memory().peakBytes - before) / (4 * LARGE);
  return held <= HELD
    ? undefined
    : `a loop over one tensor, ${compiles ? "jitted" : "eager"}, holds ${held.toFixed(0)} of its size`;
}

async function chainFault(device: Device, length: number): Promise<string | undefined> {
  const chain = unnoticed(() => {
    let x = tensor([0.5, 1, 1.5]);
    for (let i = 0; i < length; i++) x = i % 2 === 0 ? ops.mul(x, 0.875) : ops.add(x, 0.0625);
    return x;
  });
  const before = device.counters().dispatches;
  await evaluate(chain);
  const dispatches = device.counters().dispatches - before;
  return dispatches >= length / KERNEL_LENGTH
    ? undefined
    : `a chain of ${length} operations runs in ${dispatches} kernels`;
}
