import { type Device, evaluate, jit, type JittedFunction, random, type Tensor, train } from "../../mod.ts";
import type { RunFunctions } from "../../experiments/runner/train/prepare.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import type { KernelShare, ModelResult, StepResult } from "../report/document.ts";
import { benchStep } from "../cases/bench_step.ts";
import { METHODS, RATIOS } from "../cases/methods.ts";
import { asStored, type BenchModel, describeModel, lossOf, tensorBatch } from "../cases/models.ts";
import { ratioOf, takeTurns } from "../measure/turns.ts";

/** Steps between two waits: as in training, the next one is prepared while the device works on the last. */
export const STEPS_PER_RUN = 2;
/** As one trains: random numbers are a part of a step. */
const DROPOUT = 0.1;

/** A step that is compiled and ran, and what it costs. */
export interface PreparedStep {
  readonly method: string;
  readonly report: Omit<StepResult, "method" | "timing">;
  run(): Promise<void>;
  close(): void;
}

type Step = RunFunctions["step"];

/** Times of one step's dispatches, added up by kernel; none where the device has no clock. */
async function sharesOf(
  device: Device,
  step: JittedFunction<Step>,
  args: Parameters<Step>,
): Promise<{ result: ReturnType<Step>; dispatches: number; kernels: KernelShare[] }> {
  const before = device.counters().dispatches;
  if (!device.report.features.includes("timestamp-query")) {
    const result = await step(...args);
    return { result, dispatches: device.counters().dispatches - before, kernels: [] };
  }
  const { value, dispatches } = await step.profile(...args);
  const shares = new Map<string, { dispatches: number; seconds: number }>();
  for (const { kernel, seconds } of dispatches) {
    const share = shares.get(kernel) ?? { dispatches: 0, seconds: 0 };
    shares.set(kernel, { dispatches: share.dispatches + 1, seconds: share.seconds + seconds });
  }
  const kernels = Array.from(shares, ([kernel, share]) => ({ kernel, ...share })).sort((a, b) => b.seconds - a.seconds);
  return { result: value, dispatches: dispatches.length, kernels };
}

/**
 * Compiles a method's step and takes three, while nothing else allocates: what is live at most then, less what was live
 * before, is what the method needs beside the model.
 */
export async function prepareStep(
  device: Device,
  options: {
    readonly name: string;
    readonly model: BenchModel;
    readonly base: Readonly<Record<string, Tensor>>;
  },
): Promise<PreparedStep> {
  const { name, model } = options;
  // Each method has weights of its own: textures that hold copies of them are a part of what it needs.
  const base = asStored(options.base, METHODS[name].weights);
  await evaluate(base);
  const baseBytes = Object.values(base).reduce((sum, { dtype, size }) => sum + (dtype === "f16" ? 2 : 4) * size, 0);
  const { method, optimizer, step: one } = benchStep(model, name, { learningRate: 1e-3, dropout: DROPOUT });
  const before = device.memory().liveBytes;
  device.resetPeak();
  const batches = [tensorBatch(model)];
  const step = jit(one, { donate: [0] });
  let state = train.init(random.key(1), base, { method, optimizer });
  const { trainableParameters } = method.describe(state);
  let metrics: train.StepMetrics;
  for (let i = 0; i < 2; i++) [state, metrics] = await step(state, batches);
  const { result, dispatches, kernels } = await sharesOf(device, step, [state, batches]);
  [state, metrics] = result;
  await device.done();
  const value = await metrics.loss.item();
  if (!Number.isFinite(value)) throw new Error(`internal: the loss of ${name} is ${value} after three steps`);
  const peakBytes = baseBytes + device.memory().peakBytes - before;
  return {
    method: name,
    report: { peakBytes, trainableParameters, dispatches, kernels },
    async run() {
      for (let i = 0; i < STEPS_PER_RUN; i++) [state, metrics] = await step(state, batches);
      await device.done();
    },
    close() {
      step.dispose();
      treeDispose(state);
      for (const [name, tensor] of Object.entries(base)) if (state.base[name] !== tensor) tensor.dispose();
    },
  };
}

/** Measures a training step of every method on a model, in turns. */
export async function measureSteps(
  device: Device,
  model: BenchModel,
  options: { readonly rounds: number; readonly onMethod: (name: string) => void },
): Promise<ModelResult> {
  const base = lossOf(model, { dropout: DROPOUT }).encoder.init(random.key(0));
  await evaluate(base);
  const prepared: PreparedStep[] = [];
  for (const name of Object.keys(METHODS)) {
    options.onMethod(name);
    prepared.push(await prepareStep(device, { name, model, base }));
  }
  const timings = await takeTurns(
    prepared.map(({ method, run }) => ({ name: method, perRun: STEPS_PER_RUN, run })),
    options,
  );
  for (const step of prepared) step.close();
  treeDispose(base);
  const steps = prepared.map(({ method, report }, i): StepResult => ({ method, timing: timings[i], ...report }));
  const timingOf = (name: string) => steps.find(({ method }) => method === name)!.timing;
  return {
    model: model.name,
    description: describeModel(model),
    steps,
    ratios: RATIOS.map(([first, second]) => (
      { name: `${first} / ${second}`, ...ratioOf(timingOf(first), timingOf(second)) }
    )),
  };
}
