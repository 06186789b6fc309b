import {
  type Batch,
  type Device,
  div,
  type EncodedTask,
  encodeTask,
  evalBatches,
  type GlueData,
  type GlueTaskName,
  jit,
  type JittedFunction,
  models,
  nn,
  optim,
  type Params,
  type peft,
  productChoices,
  random,
  readGlueFiles,
  readGlueTask,
  sub,
  type Tensor,
  train,
  trainBatches,
  treeDispose,
  wordPiece,
} from "../mod.ts";
import type { RunFunction, RunResult, RunSpec } from "../lib/experiment/mod.ts";
import { PACKAGE_VERSION, versions } from "./command/versions.ts";
import { type Encoder, loadEncoder, SUITE_ENCODER } from "./encoder.ts";
import { RECIPES } from "./methods.ts";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "./suite/mod.ts";
import { SCORES } from "./scores.ts";

/** Tasks that the suite has. */
export const TASKS = [
  "cola",
  "sst2",
  "mrpc",
  "stsb",
  "rte",
  "mnli",
  "qnli",
  "qqp",
  "wnli",
] as const satisfies readonly GlueTaskName[];
/** Tasks of the default run. */
export const DEFAULT_TASKS = ["cola", "rte", "sst2", "stsb"] as const;

/** Steps of the default run. */
export const DEFAULT_STEPS = 100;
const BATCH_SIZE = 16;
const EVAL_BATCH_SIZE = 64;
/** Longest text, in tokens: what the encoder has positions for. */
const MAX_LENGTH = 64;

/** What a grid is made of. */
export interface GridOptions {
  readonly tasks: readonly GlueTaskName[];
  readonly methods: readonly string[];
  /** How many seeds. */
  readonly seeds: number;
  /** The first of them, 0 by default. */
  readonly firstSeed?: number;
  readonly steps: number;
  /** Peak rate for all methods, in place of each one's own. */
  readonly learningRate?: number;
  /** A folder in GLUE's layout; the suite by default. */
  readonly data?: string;
}

/** The data and the specs of a grid. */
export class GlueGrid {
  private constructor(
    readonly specs: readonly RunSpec[],
    readonly tasks: ReadonlyMap<string, { readonly data: GlueData; readonly encoded: EncodedTask }>,
    readonly encoder: Encoder,
  ) {}

  /** Reads the data and lists the runs: by task, then method, then seed. Throws where a file or a row is wrong. */
  static async open(options: GridOptions): Promise<GlueGrid> {
    const vocabulary = suiteVocabulary();
    const encoder = await loadEncoder(SUITE_ENCODER, vocabulary.length);
    const tokenizer = wordPiece(vocabulary);
    const files = options.data === undefined ? generateSuite(SUITE_SEED) : undefined;
    const tasks = new Map<string, { data: GlueData; encoded: EncodedTask }>();
    const specs: RunSpec[] = [];
    const { firstSeed = 0 } = options;
    for (const task of options.tasks) {
      const data = files ? await readGlueFiles(files, task) : await readGlueTask(options.data!, task);
      const encoded = encodeTask(data, tokenizer, { maxLength: Math.min(MAX_LENGTH, encoder.config.maxLength) });
      tasks.set(task, { data, encoded });
      for (const name of options.methods) {
        for (let seed = firstSeed; seed < firstSeed + options.seeds; seed++) {
          specs.push({
            experiment: "glue",
            data: {
              source: files ? "suite" : "folder",
              hash: data.hash,
              examples: data.train.length,
            },
            task,
            metric: data.task.mainMetric,
            split: "dev",
            checkpoint: "last",
            model: { name: "suite-encoder", hash: encoder.hash, ...encoder.config, length: encoded.length },
            method: RECIPES[name].options(options.steps),
            optimizer: {
              name: "adamw",
              learningRate: options.learningRate ?? RECIPES[name].learningRate,
              weightDecay: 0.01,
              schedule: "linear",
              warmup: Math.min(Math.ceil(0.06 * options.steps), options.steps - 1),
              clip: 1,
            },
            steps: options.steps,
            batchSize: BATCH_SIZE,
            seed,
            packageVersion: PACKAGE_VERSION,
          });
        }
      }
    }
    return new GlueGrid(specs, tasks, encoder);
  }
}

/** What is compiled for one task and method; seeds share it. */
interface Prepared {
  readonly key: string;
  readonly step: JittedFunction<(state: train.TrainState, batch: Batch) => [train.TrainState, train.StepMetrics]>;
  readonly logits: JittedFunction<(state: train.TrainState, batch: Batch) => Tensor>;
  readonly begin: (seed: number) => train.TrainState;
  readonly method: peft.Method;
}

/** Trains and scores the runs of a grid on a device. */
export class GlueTrainer {
  #prepared: Prepared | undefined;

  constructor(readonly grid: GlueGrid, readonly device: Device) {}

  /** Compiles what a run needs, once for all seeds of a task and method; what was compiled before is given back. */
  prepare(spec: RunSpec): Prepared {
    const { seed: _, ...shared } = spec;
    const key = JSON.stringify(shared);
    if (this.#prepared?.key === key) return this.#prepared;
    this.close();
    const { data } = this.grid.tasks.get(spec.task)!;
    const isRegression = data.task.kind === "regression";
    const labels = isRegression ? 1 : data.task.labels.length;
    const { config, weights } = this.grid.encoder;
    const model = models.bert({ ...config, labels, dropout: 0 });
    // Only the head is drawn: what the encoder brings need not be.
    const head = models.bert({ ...config, vocabSize: 1, layers: 0, maxLength: 1, labels });
    const method = RECIPES[spec.method.name].make(spec.method, spec.steps);
    const { learningRate: peak, weightDecay, warmup, clip } = spec.optimizer;
    const learningRate = optim.linearSchedule({ peak, warmup, total: spec.steps });
    const optimizer = optim.adamw({ learningRate, weightDecay });
    // Scores are learned as shares of the range, so that a fresh head begins near them.
    const [least, greatest] = data.task.range ?? [0, 1];
    const range = greatest - least;
    const loss = (params: Params, batch: Batch): nn.LossTerm => {
      const logits = model.apply(params, batch);
      if (!isRegression) return nn.crossEntropy(logits, batch.labels, { weights: batch.weights });
      const shares = div(sub(batch.labels, least), range);
      return nn.meanSquaredError(logits, shares, { weights: batch.weights });
    };
    const step = jit(train.makeStep({ loss, method, optimizer, clip }), { donate: [0] });
    const logits = jit((state: train.TrainState, batch: Batch) =>
      model.apply(method.adapt(state.base, state.trainable, state.aux), batch)
    );
    const begin = (seed: number) => {
      const base = { ...head.init(random.foldIn(random.key(seed), 1)), ...weights };
      return train.init(random.key(seed), base, { method, optimizer });
    };
    return this.#prepared = { key, step, logits, begin, method };
  }

  /** Seconds that a run will take, measured on a few of its steps. */
  async estimate(spec: RunSpec): Promise<number> {
    const { step, logits, begin } = this.prepare(spec);
    const { encoded } = this.grid.tasks.get(spec.task)!;
    const batch = train.toBatch(trainBatches(encoded, { batchSize: spec.batchSize, seed: 0 }).at(0));
    const [evalBatch] = evalBatches(encoded, { batchSize: EVAL_BATCH_SIZE });
    let state = begin(spec.seed);
    const timed = async (times: number, call: () => Promise<unknown>) => {
      const began = performance.now();
      for (let i = 0; i < times; i++) await call();
      await this.device.done();
      return (performance.now() - began) / 1000 / times;
    };
    const advance = async () => [state] = await step(state, batch);
    const score = async () => (await logits(state, train.toBatch(evalBatch))).data();
    try {
      await timed(1, advance);
      const perStep = await timed(3, advance);
      await score();
      const perBatch = await timed(1, score);
      return spec.steps * perStep + Math.ceil(encoded.dev.length / EVAL_BATCH_SIZE) * perBatch;
    } finally {
      logits.dispose();
      this.#release(state);
    }
  }

  /** Trains one run and scores it on the dev split. */
  readonly run: RunFunction = async (spec, { onProgress, signal }): Promise<RunResult> => {
    const began = performance.now();
    const { step, logits, begin, method } = this.prepare(spec);
    const { data, encoded } = this.grid.tasks.get(spec.task)!;
    const batches = trainBatches(encoded, { batchSize: spec.batchSize, seed: spec.seed });
    // What was disposed before goes back once nothing runs on it: it is no part of this run's peak.
    await this.device.done();
    this.device.resetPeak();
    let state = begin(spec.seed);
    try {
      await step.compile(state, train.toBatch(batches.at(0)));
      const { logs } = await train.runSteps(step, state, (index) => train.toBatch(batches.at(index)), {
        steps: spec.steps,
        signal,
        onStep: ({ step: done, loss }) => onProgress({ step: done + 1, steps: spec.steps, loss }),
        onState: (_, next) => {
          state = next;
        },
      });
      const { peakBytes } = this.device.memory();
      const { predictions, labels } = await train.predict(
        (batch) => logits(state, batch),
        evalBatches(encoded, { batchSize: EVAL_BATCH_SIZE }),
      );
      const kernels = new Set(Array.from(step.explain().matchAll(/^ *\d+ {2}(matmul\S+)/gm), ([, name]) => name));
      return {
        metrics: Object.fromEntries(data.task.metrics.map((name) => [name, SCORES[name](predictions, labels)])),
        curve: logs,
        wallSeconds: (performance.now() - began) / 1000,
        stepsPerSecond: spec.steps / logs[logs.length - 1].elapsedSeconds,
        peakBytes,
        ...method.describe(state),
        writes: await method.writeCount?.(state).item() ?? 0,
        adapter: `${this.device.report.name} (${this.device.report.source})`,
        kernels: [...kernels].sort().join(" "),
        products: productChoices(),
        versions: versions(),
      };
    } finally {
      logits.dispose(); // its memory would be in the next run's peak
      this.#release(state);
    }
  };

  /** Gives back a state, but for the encoder's weights, which all runs share. */
  #release({ base, ...own }: train.TrainState): void {
    const { weights } = this.grid.encoder;
    treeDispose(own);
    for (const [name, tensor] of Object.entries(base)) if (tensor !== weights[name]) tensor.dispose();
  }

  /** Gives back what was compiled. */
  close(): void {
    this.#prepared?.step.dispose();
    this.#prepared?.logits.dispose();
    this.#prepared = undefined;
  }
}
