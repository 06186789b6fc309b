import type { CurvePoint, RunRecord, RunResult, RunSpec } from "../../lib/experiment/mod.ts";

/** A spec that is right; parts of it may be others. */
export function sampleSpec(parts: Partial<RunSpec> = {}): RunSpec {
  return {
    version: 1,
    experiment: "glue",
    data: { source: "suite", hash: "d".repeat(64), examples: 100 },
    task: "cola",
    kind: "classification",
    metric: "matthewsCorrelation",
    split: "dev",
    checkpoint: "last",
    model: {
      name: "suite-encoder",
      hash: "e".repeat(64),
      hiddenSize: 64,
      layers: 2,
      heads: 4,
      maxLength: 64,
      length: 16,
      vocabSize: 200,
    },
    method: { name: "lora", rank: 8, alpha: 16 },
    optimizer: { name: "adamw", learningRate: 1e-3, weightDecay: 0.01, schedule: "linear", warmup: 1, clip: 1 },
    steps: 4,
    batchSize: 16,
    seed: 0,
    packageVersion: "0.1.0",
    ...parts,
  };
}

/** A curve whose numbers have no short decimal form. */
export function sampleCurve(length: number): CurvePoint[] {
  return Array.from({ length }, (_, step) => ({
    step,
    loss: 1 / (step + 3),
    learningRate: 1e-3 / (step + 1),
    gradNorm: Math.sqrt(step + 2),
    elapsedSeconds: step / 7,
  }));
}

/** A result; parts of it may be others. */
export function sampleResult(parts: Partial<RunResult> = {}): RunResult {
  return {
    metrics: { matthewsCorrelation: 0.5, accuracy: 2 / 3 },
    curve: sampleCurve(4),
    wallSeconds: 1.25,
    stepsPerSecond: 40.5,
    parallel: 2,
    cells: 3,
    peakBytes: 3 * 2 ** 31,
    trainableParameters: 15650,
    totalParameters: 283490,
    writes: 0,
    device: "some device (loader)",
    kernels: "matmul_a matmul_b",
    products: "heuristic",
    versions: "delta-lora 0.1.0",
    ...parts,
  };
}

/** A record of a finished run. */
export function finished(spec: RunSpec, result: Partial<RunResult> = {}): RunRecord {
  return { hash: "0123456789abcdef", spec, status: "finished", result: sampleResult(result), isModified: false };
}

/** A record of a run that failed. */
export function failed(spec: RunSpec, error = "the loss is NaN at step 2"): RunRecord {
  return { hash: "fedcba9876543210", spec, status: "failed", error, isModified: true };
}

/** Runs a test with a folder that is gone afterwards. */
export async function withFolder<T>(test: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-" });
  try {
    return await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of all files under a folder, sorted. */
export function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${folder}/${name}`).map((inner) => `${name}/${inner}`) : [name]
  ).sort();
}
