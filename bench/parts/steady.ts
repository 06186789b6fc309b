import { linearRegression, median } from "simple-statistics";
import type { Device } from "../../mod.ts";
import { bucketLengths } from "../../lib/data/mod.ts";
import { collectGarbage } from "../measure/collect_garbage.ts";
import type { EnduranceResult, EnduranceSample, SteadyResult } from "../report/document.ts";
import { type BenchModel, describeModel, QUICK, SMALL } from "../cases/models.ts";
import { PassClock } from "../measure/pass_clock.ts";
import { lazyTexts } from "../cases/texts.ts";
import { Trainee } from "../cases/trainee.ts";

/** As one trains: random numbers are a part of a step. */
const DROPOUT = 0.1;
/** Texts, none of which comes twice in a run here but in the long one. */
const TEXTS = 4096;
/** Batches of which all buckets come in a few. */
const WINDOW = 8;
/** Samples of the long run, after each of as many parts of it. */
const SAMPLES = 20;
/** A step that takes little: what leaks a little a step must not hide behind few of them. */
const ENDURANCE: BenchModel = { ...QUICK, name: "tiny", hiddenSize: 32, layers: 1, heads: 2, batch: [2, 32] };

/** What is measured in steady state. */
const CASES = [
  { method: "lora", padding: "longest", window: 1 },
  { method: "lora", padding: "bucket", window: WINDOW },
  { method: "delta-lora, in place", padding: "longest", window: 1 },
] as const;

/** Trains, with texts that are tokenised and batched meanwhile, until everything is made, and then measures steps. */
async function measureCase(
  device: Device,
  { method, padding, window }: typeof CASES[number],
  { model, steps }: { readonly model: BenchModel; readonly steps: number },
): Promise<SteadyResult> {
  const [batchSize, length] = model.batch;
  const texts = lazyTexts(model, { count: TEXTS, length });
  const batches = { batchSize, seed: 0, padding, window };
  using trainee = new Trainee(device, model, { method, dropout: DROPOUT, texts, batches });
  // Each shape's third call is the first that makes nothing: windows bring all shapes about equally often.
  const shapes = padding === "longest" ? 1 : bucketLengths(length).length;
  await trainee.advance(4 * window);
  const before = device.counters();
  using clock = PassClock.isThere(device) ? new PassClock(device, steps) : undefined;
  const began = performance.now();
  await trainee.advance(steps);
  const milliseconds = performance.now() - began;
  const after = device.counters();
  const since = (name: keyof typeof after) => after[name] - before[name];
  const spans = await clock?.spans();
  const gaps = spans?.slice(1).map((span, i) => span.began - spans[i].ended);
  return {
    name: `${method}${padding === "bucket" ? `, ${shapes} buckets` : ""}`,
    steps,
    milliseconds: milliseconds / steps,
    submissions: since("submissions") / steps,
    created: { buffers: since("buffers"), pipelines: since("pipelines"), bindGroups: since("bindGroups") },
    kernelMilliseconds: spans && spans.reduce((sum, { began, ended }) => sum + ended - began, 0) / steps,
    gaps: gaps && { median: median(gaps), longest: Math.max(...gaps) },
  };
}

/** Measures what a step takes outside of its kernels, and what it makes, once everything runs. */
export async function measureSteady(
  device: Device,
  options: { readonly isQuick: boolean; readonly onCase: (name: string) => void },
): Promise<{ readonly description: string; readonly cases: SteadyResult[] }> {
  const [model, steps] = options.isQuick ? [QUICK, 16] : [SMALL, 48];
  const cases: SteadyResult[] = [];
  for (const one of CASES) {
    options.onCase(`${one.method}, ${one.padding}`);
    cases.push(await measureCase(device, one, { model, steps }));
  }
  return { description: describeModel(model), cases };
}

/** Bytes by which a quantity grows a step. */
function slopeOf(samples: readonly EnduranceSample[], name: "liveBytes" | "heapBytes" | "processBytes"): number {
  return linearRegression(samples.map((sample) => [sample.step, sample[name]])).m;
}

/** Trains a tiny model for long, and looks at the memory, garbage collected, after each part of the run. */
export async function measureEndurance(
  device: Device,
  { isQuick, onSample }: { readonly isQuick: boolean; readonly onSample: (sample: EnduranceSample) => void },
): Promise<EnduranceResult> {
  const steps = isQuick ? 300 : 10_000;
  const [batchSize, length] = ENDURANCE.batch;
  const method = "delta-lora, in place";
  const texts = lazyTexts(ENDURANCE, { count: TEXTS / 8, length });
  using trainee = new Trainee(device, ENDURANCE, { method, dropout: DROPOUT, texts, batches: { batchSize, seed: 0 } });
  const samples: EnduranceSample[] = [];
  while (trainee.done < steps) {
    await trainee.advance(steps / SAMPLES);
    await collectGarbage();
    const { rss, heapUsed } = Deno.memoryUsage();
    const sample = {
      step: trainee.done,
      liveBytes: device.memory().liveBytes,
      heapBytes: heapUsed,
      processBytes: rss,
    };
    samples.push(sample);
    onSample(sample);
  }
  // Programs are compiled and caches filled in the first half.
  const settled = samples.slice(SAMPLES / 2);
  return {
    description: `${method}, ${describeModel(ENDURANCE)}`,
    samples,
    bytesPerStep: {
      live: slopeOf(settled, "liveBytes"),
      heap: slopeOf(settled, "heapBytes"),
      process: slopeOf(settled, "processBytes"),
    },
  };
}
