import { type Batch, type Device, evaluate, jit, random, stack, type Tensor, train, vmap } from "../../mod.ts";
import type { DispatchTime } from "../../lib/compile/inspect_mod.ts";
import { CellStates } from "../../experiments/runner/train/cells.ts";
import { treeDispose, treeMap } from "../../lib/tensor/mod.ts";
import type { CellsResult, TimeRatio } from "../report/document.ts";
import { benchStep } from "../cases/bench_step.ts";
import { type BenchModel, describeModel, lossOf, SUITE, tensorBatch } from "../cases/models.ts";
import { collectGarbage } from "../measure/collect_garbage.ts";
import { ratioOf, takeTurns, type Timing } from "../measure/turns.ts";
import { productsOf, type ProfiledStep } from "./products.ts";
import { PythonTurns } from "./python_turns.ts";
import { PYTORCH, pytorchContender } from "./pytorch_turns.ts";

/** Rows of the benchmark whose steps are trained in cells. */
const METHODS = ["delta-lora, in place", "lora", "full"] as const;
const CELLS = [1, 2, 4, 8, 16, 32, 64] as const;
const QUICK_CELLS = [1, 2] as const;
/** How many cells have their products timed apart, too. */
const PRODUCTS = 16;
const QUICK_PRODUCTS = 2;
/** A turn lasts at least so long. */
const TURN_MILLISECONDS = 200;
/** The suite's encoder has none. */
const DROPOUT = 0;

/** A step of one plain run, or of several in cells, that is compiled and ran. */
interface PreparedCells {
  readonly dispatches: number;
  /** Bytes that are held at most at once, beside the base that all share. */
  readonly ownBytes: number;
  run(): Promise<void>;
  /** Takes two more steps: dispatches as they run in one, and each repeated alone. */
  profile(): Promise<ProfiledStep>;
  close(): Promise<void>;
}

/** Compiles a step of `cells` runs, or a plain one, and takes three, while nothing else allocates. */
async function prepareCells(
  device: Device,
  { name, model, base, cells }: {
    readonly name: string;
    readonly model: BenchModel;
    readonly base: Readonly<Record<string, Tensor>>;
    readonly cells?: number;
  },
): Promise<PreparedCells> {
  const { method, optimizer, step: one } = benchStep(model, name, { learningRate: 1e-3, dropout: DROPOUT });
  const laid = new CellStates(new Set(method.writes(base)), new Set(Object.values(base)));
  // What others dropped is no part of it.
  await collectGarbage();
  const before = device.memory().liveBytes;
  const seeds = Array.from({ length: cells ?? 1 }, (_, seed) => seed);
  const states = seeds.map((seed) => train.init(random.key(seed), base, { method, optimizer }));
  const batch = tensorBatch(model);
  const isPlain = cells === undefined;
  let state = isPlain ? states[0] : await laid.stack(states);
  const batches: readonly Batch[] = [isPlain ? batch : treeMap((x) => stack(seeds.map(() => x)), batch)];
  await evaluate([state, batches]);
  const axes = laid.axes(base);
  const stepOf = isPlain ? one : vmap(one, { in: [axes, 0], out: [axes, 0] });
  const step = jit(stepOf, { donate: [0], names: ["state", "batch"] });
  let metrics: train.StepMetrics;
  let dispatches = 0;
  for (let i = 0; i < 3; i++) {
    // What began the runs is no part of their steps.
    if (i === 2) device.resetPeak();
    const counted = device.counters().dispatches;
    [state, metrics] = await step(state, batches);
    dispatches = device.counters().dispatches - counted;
  }
  await device.done();
  const losses = await metrics!.loss.data();
  if (!losses.every(Number.isFinite)) throw new Error(`internal: losses of ${name} are ${losses} after three steps`);
  return {
    dispatches,
    ownBytes: device.memory().peakBytes - before,
    async run() {
      [state, metrics] = await step(state, batches);
      await device.done();
    },
    async profile() {
      const inStep = await step.profile(state, batches);
      const apart = await step.profileApart(inStep.value[0], batches);
      state = apart.value[0];
      return { inStep: inStep.dispatches, apart: apart.dispatches };
    },
    async close() {
      step.dispose();
      laid.release(state);
      treeDispose(batches);
      // Memory goes back once nothing runs on it.
      await device.done();
    },
  };
}

type MethodResult = CellsResult["methods"][number];

/** Options of {@linkcode measureCells}. */
interface CellsOptions {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** The Python whose PyTorch trains beside. */
  readonly python: string;
  readonly onCells: (name: string) => void;
}

async function measureMethod(
  device: Device,
  { name, base, pytorch, isQuick, rounds, onCells }: Omit<CellsOptions, "python"> & {
    readonly name: string;
    readonly base: Readonly<Record<string, Tensor>>;
    readonly pytorch?: PythonTurns;
  },
): Promise<MethodResult> {
  const counts: readonly (number | undefined)[] = [undefined, ...isQuick ? QUICK_CELLS : CELLS];
  const prepared: PreparedCells[] = [];
  for (const cells of counts) {
    onCells(`${name}, ${cells === undefined ? "one plain run" : `cells ${cells}`}`);
    prepared.push(await prepareCells(device, { name, model: SUITE, base, cells }));
  }
  const ours = prepared.map(({ run }, i) => ({ name: String(counts[i] ?? "plain"), perRun: 1, run }));
  const turnMilliseconds = isQuick ? 0 : TURN_MILLISECONDS;
  const timings = await takeTurns([...ours, ...pytorch ? [pytorchContender(pytorch, name)] : []], {
    rounds,
    turnMilliseconds,
  });
  const theirs = timings.at(counts.length);
  const products: MethodResult["products"][number][] = [];
  if (device.report.features.includes("timestamp-query")) {
    onCells(`${name}, products`);
    for (const cells of [undefined, isQuick ? QUICK_PRODUCTS : PRODUCTS]) {
      const { profile } = prepared[counts.indexOf(cells)];
      // Attention counts as what it is made of.
      const isProduct = ({ operations }: DispatchTime) => operations > 0;
      products.push({ cells, ...await productsOf(profile, { rounds, isProduct }) });
    }
  }
  for (const one of prepared) await one.close();
  const rows = prepared.map(({ dispatches, ownBytes }, i) => ({
    cells: counts[i],
    timing: timings[i],
    ratio: ratioOf(timings[i], timings[0]),
    speed: theirs && speedOf(timings[i], theirs, counts[i] ?? 1),
    dispatches,
    ownBytes,
  }));
  return { method: name, rows, pytorch: theirs, products };
}

/** Steps of all cells in a second, divided by those of one run that takes another time. */
function speedOf(timing: Timing, other: Timing, cells: number): TimeRatio {
  const { best, median } = ratioOf(other, timing);
  return { best: cells * best, median: cells * median };
}

/** Measures the steps of many runs in one program beside that of one plain run and PyTorch's, in turns. */
export async function measureCells(device: Device, { python, ...options }: CellsOptions): Promise<CellsResult> {
  const base = lossOf(SUITE, { dropout: DROPOUT }).encoder.init(random.key(0));
  await evaluate(base);
  const started = await PythonTurns.start(python, PYTORCH);
  const pytorch = typeof started === "string" ? undefined : started;
  if (typeof started === "string") options.onCells(`without PyTorch: ${started}`);
  const methods: MethodResult[] = [];
  for (const name of METHODS) methods.push(await measureMethod(device, { ...options, name, base, pytorch }));
  await pytorch?.close();
  const baseBytes = Object.values(base).reduce((sum, { size }) => sum + 4 * size, 0);
  treeDispose(base);
  return {
    description: describeModel(SUITE),
    baseBytes,
    pytorch: typeof started === "string" ? started : started.report,
    methods,
  };
}
