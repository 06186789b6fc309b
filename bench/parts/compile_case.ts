// What one case takes before its first step, in a process of its own; compile.ts starts it and reads its line.
//   deno run -A bench/parts/compile_case.ts CASE [DEVICE]
import { full, jit, mul, openDevice, optim, peft, random, sin, sub, type Tensor, tensor, train } from "../../mod.ts";
import { compileCases } from "./compile.ts";
import { type BenchModel, lossOf, tensorBatch } from "../cases/models.ts";

const DEEP: BenchModel = {
  name: "deep",
  vocabSize: 512,
  hiddenSize: 32,
  layers: 12,
  heads: 2,
  maxLength: 16,
  labels: 2,
  batch: [4, 16],
};

/** Element-wise steps, one after the other. */
function chain(x: Tensor, steps: number): Tensor {
  let w = x;
  for (let i = 0; i < steps; i++) w = sub(w, mul(sin(w), 0.01));
  return w;
}

/** Compiles a training step and gives one that runs it. */
async function training(model: BenchModel, parts: number): Promise<() => Promise<unknown>> {
  const { encoder, loss } = lossOf(model, { dropout: 0.1 });
  const method = peft.lora({ rank: 8, alpha: 16, targets: ["query", "value"] });
  const optimizer = optim.adamw({ learningRate: 1e-3, weightDecay: 0.01 });
  const step = jit(train.makeAccumulatedStep({ loss, method, optimizer, clip: 1 }), { donate: [0] });
  const state = train.init(random.key(1), encoder.init(random.key(0)), { method, optimizer });
  const batches = Array.from({ length: parts }, () => tensorBatch(model));
  await step.compile(state, batches);
  return () => step(state, batches);
}

/** Compiles the update of so many parameters. */
async function update(count: number): Promise<() => Promise<unknown>> {
  const optimizer = optim.adamw({ learningRate: 1e-3, weightDecay: 0.01 });
  const params = Array.from({ length: count }, (_, i) => tensor(new Float32Array(8 + i % 3).fill(1)));
  const step = jit(({ params, moments }: { params: Tensor[]; moments: optim.AdamWState }) => {
    const { updates, state } = optimizer.update(params.map((one) => mul(one, 2)), moments, params);
    return { params: optim.applyUpdates(params, updates), moments: state };
  }, { donate: [0] });
  const state = { params, moments: optimizer.init(params) };
  await step.compile(state);
  return () => step(state);
}

/** Compiles a chain, or has its first run compile it. */
async function chained(shape: readonly number[], steps: number, isJitted: boolean): Promise<() => Promise<unknown>> {
  const x = full(shape, 1);
  if (!isJitted) {
    await chain(x, steps).data();
    return () => chain(x, steps).data();
  }
  const compiled = jit((start: Tensor) => chain(start, steps));
  await compiled.compile(x);
  return () => compiled(x);
}

const found = compileCases(false).find(({ name }) => name === Deno.args[0]);
if (!found) throw new Error(`internal: no case of compiling is called ${Deno.args[0]}`);
using device = await openDevice({ device: Deno.args[1] });
const { work } = found;
const began = performance.now();
const run =
  await (work.kind === "chain"
    ? chained(work.shape, work.steps, work.isJitted)
    : work.kind === "update"
    ? update(work.parameters)
    : training({ ...DEEP, layers: work.layers }, work.parts));
const seconds = (performance.now() - began) / 1000;
const { dispatches: before, pipelines } = device.counters();
await run();
await device.done();
console.log(JSON.stringify({ seconds, pipelines, dispatches: device.counters().dispatches - before }));
