import { add, copy, full, reshape } from "../../lib/ops/mod.ts";
import { evaluate, inputsOf, type Tensor, type Tree, treeLeaves, type TypedArray } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { buildStep, firstOptimizerState, hostTensor, resultsOf, type StepResult, type Values } from "./build.ts";
import { fromPlain, type Leaf, type Program, stateLeaves } from "./program.ts";

/** What became of one result. */
export interface Found {
  readonly tensor: Tensor;
  readonly data: TypedArray;
}

/** The same elements as a node that nobody computed yet. */
function pending(host: Tensor): Tensor {
  return copy(host);
}

/** Tensors of leaves as they are handed over, and what must stay alive beside them. */
async function makeLeaves({ leaves }: Program): Promise<{ values: Record<string, Tensor>; beside: Tensor[] }> {
  const values: Record<string, Tensor> = {};
  const beside: Tensor[] = [];
  const make = async (leaf: Leaf): Promise<Tensor> => {
    // A number stands for a scalar: operations take either, and `jit` makes the one of the other.
    if (leaf.given === "number") return fromPlain(leaf.values[0]) as unknown as Tensor;
    const host = hostTensor(leaf);
    if (leaf.given === "host") return host;
    const node = pending(host);
    if (leaf.given === "pending") return node;
    await evaluate(node);
    if (leaf.given === "device") return node;
    beside.push(node);
    return await evaluate(reshape(reshape(node, [1, ...leaf.shape]), leaf.shape.length === 0 ? [] : leaf.shape));
  };
  for (const [i, leaf] of leaves.entries()) {
    values[`a${i}`] = leaf.same === undefined ? await make(leaf) : values[`a${leaf.same}`];
  }
  return { values, beside };
}

type Step = (given: Values, kept: Values, optimizer: Tree) => StepResult | Promise<StepResult>;

/** Runs a program, all steps of it, with a step that may be compiled. */
async function runSteps(program: Program, step: Step): Promise<{ results: Tensor[]; beside: Tensor[] }> {
  const { values, beside } = await makeLeaves(program);
  const isGiven = (name: string) => donatedLeaves(program).has(name);
  let leaves = values;
  let optimizer = firstOptimizerState(program, leaves);
  const steps = program.loop?.steps ?? 1;
  for (let i = 0;; i++) {
    const names = Object.keys(leaves);
    const pick = (chosen: (name: string) => boolean) =>
      Object.fromEntries(names.filter(chosen).map((name) => [name, leaves[name]]));
    if (steps > 1) separate(leaves, isGiven);
    const result = await step(pick(isGiven), pick((name) => !isGiven(name)), optimizer);
    const results = treeLeaves(resultsOf(result));
    if (!program.jit && program.disposes) {
      // What later steps start from again stays.
      const again = i + 1 < steps
        ? names.filter((name) => !stateLeaves(program).has(name)).map((name) => leaves[name])
        : [];
      disposeAllBut(new Set([...results, ...again]), [...Object.values(leaves), ...treeLeaves(optimizer)]);
    }
    if (i + 1 === steps) return { results, beside };
    leaves = { ...leaves, ...result.carried };
    optimizer = result.optimizer;
  }
}

/** Gives copies away in place of tensors that later steps need under another name. */
function separate(leaves: Record<string, Tensor>, isGiven: (name: string) => boolean): void {
  const names = Object.keys(leaves);
  const kept = new Set(names.filter((name) => !isGiven(name)).map((name) => leaves[name]));
  for (const name of names) if (isGiven(name) && kept.has(leaves[name])) leaves[name] = pending(leaves[name]);
}

/** Disposes of leaves, and of all nodes on the way to what is kept, which are still pending. */
function disposeAllBut(kept: ReadonlySet<Tensor>, leaves: readonly Tensor[]): void {
  const seen = new Set<Tensor>();
  // A leaf may be a number.
  const stack = [...kept, ...leaves].filter((leaf) => typeof leaf === "object");
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...inputsOf(node));
  }
  for (const node of seen) if (!kept.has(node)) node.dispose();
}

/** Leaves whose memory a compiled step may take. */
export function donatedLeaves(program: Program): ReadonlySet<string> {
  const state = stateLeaves(program);
  const names = program.leaves.flatMap((leaf, i) => leaf.donated ? [`a${i}`] : []);
  return new Set(program.loop ? names.filter((name) => state.has(name)) : names);
}

async function read(results: readonly Tensor[]): Promise<Found[]> {
  return await Promise.all(results.map(async (tensor) => ({ tensor, data: await tensor.data() })));
}

/** Computes things that want memory, so that what was given back wrongly is written over. */
async function disturb(results: readonly Tensor[]): Promise<void> {
  const others = results.filter(({ dtype, size }) => dtype !== "f16" && size > 0).slice(0, 4);
  await evaluate(others.map(({ shape }, i) => add(full(shape, 12345), i)));
}

/** What a program gave, run after run: all must have the same bits. */
export async function runProgram(program: Program): Promise<Found[][]> {
  const written: Step = (given, kept, optimizer) => buildStep(program, { ...given, ...kept }, optimizer, "written");
  if (!program.jit) {
    const { results } = await runSteps(program, written);
    return [await read(await evaluate(results))];
  }
  const runs: Found[][] = [];
  const donates = donatedLeaves(program).size > 0;
  for (const donate of donates ? [[0, 2], []] : [[]]) {
    const step = jit(written as (...args: Parameters<Step>) => StepResult, { donate });
    const { results, beside } = await runSteps(program, step);
    const found = await read(results);
    runs.push(found);
    // One of the results goes: those that remain keep what they have, and so does what shares memory with them.
    const [first, ...rest] = results;
    if (first && !rest.includes(first)) {
      first.dispose();
      await disturb(results);
      runs.push([found[0], ...await read(rest)]);
    }
    await read(beside);
    if (donate.length === 0) runs.push(await read((await runSteps(program, step)).results));
    step.dispose();
  }
  return runs;
}
