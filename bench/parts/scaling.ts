import { cpuUsage } from "node:process";
import { type Device, evaluate, random } from "../../mod.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import type { ScalingResult } from "../report/document.ts";
import { type BenchModel, describeModel, lossOf, QUICK, SMALL } from "../cases/models.ts";
import { type PreparedStep, prepareStep, STEPS_PER_RUN } from "./steps.ts";
import { takeTurns } from "../measure/turns.ts";

const METHOD = "lora";
/** Batches of 1 to 16 times as many tokens. */
const BATCHES = [[4, 32], [4, 64], [8, 64], [8, 128], [16, 128]] as const;
const QUICK_BATCHES = [[1, 8], [2, 8], [4, 32]] as const;

/** Measures one step on batches that grow, in turns. */
export async function measureScaling(
  device: Device,
  options: {
    readonly isQuick: boolean;
    readonly rounds: number;
    readonly onBatch: (batch: readonly [number, number]) => void;
  },
): Promise<ScalingResult> {
  const batches = options.isQuick ? QUICK_BATCHES : BATCHES;
  const model: BenchModel = { ...options.isQuick ? QUICK : SMALL, maxLength: 128 };
  const base = lossOf(model, { dropout: 0 }).encoder.init(random.key(0));
  await evaluate(base);
  const baseBytes = Object.values(base).reduce((sum, { size }) => sum + 4 * size, 0);
  const prepared: PreparedStep[] = [];
  for (const batch of batches) {
    options.onBatch(batch);
    prepared.push(await prepareStep(device, { name: METHOD, model: { ...model, batch }, base }));
  }
  const processor = batches.map(() => Infinity);
  const contenders = prepared.map((step, i) => ({
    name: batches[i].join(" × "),
    perRun: STEPS_PER_RUN,
    async run() {
      const before = cpuUsage();
      await step.run();
      const { user, system } = cpuUsage(before);
      processor[i] = Math.min(processor[i], (user + system) / 1000 / STEPS_PER_RUN);
    },
  }));
  const timings = await takeTurns(contenders, options);
  for (const step of prepared) step.close();
  treeDispose(base);
  return {
    description: `${METHOD}, ${describeModel({ ...model, batch: batches[0] })} and more`,
    baseBytes,
    batches: prepared.map(({ report }, i) => ({
      batch: batches[i],
      timing: timings[i],
      processorMilliseconds: processor[i],
      peakBytes: report.peakBytes,
    })),
  };
}
