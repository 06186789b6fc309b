import { type Batch, type Tensor, train, type Tree } from "../../../mod.ts";
import { runtimeOf } from "../../../lib/compile/run/compiled.ts";
import { makePlan } from "../../../lib/compile/plan/make_plan.ts";
import type { Plan } from "../../../lib/compile/plan/plan.ts";
import { countRuns } from "../../../lib/compile/plan/repeat.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { GLUE_TASKS, type GlueTaskName } from "../../../lib/data/mod.ts";
import { currentExecutor, idOf, nextId, stateOf, treeLeaves } from "../../../lib/tensor/mod.ts";
import { isTextKind } from "../data/text_names.ts";
import type { Beginning } from "../model/adapted.ts";
import { kindShares } from "./kind_shares.ts";
import { makeMethod } from "./make_method.ts";
import { makeOptimizer } from "./optimizer.ts";
import { methodKey } from "./program.ts";
import { type AnyPreparedTask, runFunctions, type StepBatch } from "./prepare.ts";
import { SCORE_BATCH_SIZE } from "./score.ts";
import type { RunModel } from "../model/run_model.ts";

/** Multiplications and additions in products and factorizations. */
export interface Work {
  /** Of a step of training. */
  readonly step: number;
  /** Of scoring a batch. */
  readonly score: number;
}

/** Share of a text's tokens that is learned, in plans: of E2E's texts of GPT-2's tokens a little more than half. */
const LEARNED = 0.5;

/** A batch of texts of a length, of which a decoder's are as long as they may be. */
function textBatchOf(rows: number, length: number, { kind, model }: RunSpec): StepBatch {
  const tokens = (length: number) => new Int32Array(rows * length);
  const read = { inputIds: tokens(length), attentionMask: tokens(length).fill(1) };
  if (kind === "language-modelling") {
    const asked = Math.ceil(LEARNED * length);
    return train.toTextBatch({
      ...read,
      positionIds: tokens(length),
      positions: tokens(asked),
      labels: tokens(asked),
      shape: [rows, length],
    });
  }
  const target = model.targetLength ?? length;
  return train.toPairBatch({
    ...read,
    decoderInputIds: tokens(target),
    decoderAttentionMask: tokens(target).fill(1),
    labels: tokens(target),
    shape: { rows, source: length, target },
  });
}

function batchOf(rows: number, length: number, isRegression: boolean): Batch {
  const tokens = () => new Int32Array(rows * length);
  return train.toBatch({
    inputIds: tokens(),
    attentionMask: tokens().fill(1),
    tokenTypeIds: tokens(),
    labels: isRegression ? new Float32Array(rows) : new Int32Array(rows),
    weights: new Float32Array(rows).fill(1),
    shape: [rows, length],
  });
}

/** A run as far as its plans need it. */
export interface PlannedRun {
  readonly spec: RunSpec;
  readonly model: RunModel;
  /** What the spec's task is; one of GLUE's when absent. */
  readonly task?: AnyPreparedTask;
  readonly beginning?: Beginning;
}

/** What a spec's task is by its kind, or as one of GLUE's. */
function taskNamed({ kind, task }: RunSpec): AnyPreparedTask {
  return isTextKind(kind) ? { kind } : GLUE_TASKS[task as GlueTaskName];
}

/**
 * The plans of a run's steps, one for each kind with its share of them, and of scoring a batch at a length: traced, laid out,
 * neither compiled nor run.
 */
function plansAt(length: number, run: PlannedRun) {
  const { spec, model, task = taskNamed(spec), beginning } = run;
  const isRegression = task.kind === "regression";
  const runtime = runtimeOf(currentExecutor());
  return runtime.tracing(() => {
    const { step, kindAt, logits, begin } = runFunctions(spec, { model, task, beginning });
    const state = begin(0);
    const planOf = (rows: number, run: (batch: StepBatch) => Tree) => {
      const batch = isTextKind(task.kind) ? textBatchOf(rows, length, spec) : batchOf(rows, length, isRegression);
      // What is older than this stands for what a call is given.
      const firstId = nextId();
      const outputs = treeLeaves(run(batch));
      const isLeaf = (tensor: Tensor) => stateOf(tensor).kind !== "node" || idOf(tensor) < firstId;
      return makePlan(outputs, { target: runtime.target, isKept: true, isLeaf });
    };
    return {
      state,
      steps: Array.from(kindShares(kindAt, spec.steps), ([kind, share]) => ({
        plan: planOf(spec.batchSize, (batch) => step(state, [batch], kind)),
        share,
      })),
      score: planOf(SCORE_BATCH_SIZE, (batch) => logits(state, batch)),
    };
  });
}

/**
 * The work of a run's step and of scoring a batch at a length, in floating-point operations, from their plans: so that no
 * weights are needed.
 */
export function workAt(length: number, run: PlannedRun): Work {
  const { steps, score } = plansAt(length, run);
  const operationsOf = (plan: Plan) => {
    const runs = countRuns(plan);
    return plan.steps.reduce((sum, { operations }, i) => sum + runs[i] * operations, 0);
  };
  const perStep = steps.reduce((sum, { plan, share }) => sum + share * operationsOf(plan), 0);
  return { step: perStep, score: operationsOf(score) };
}

/** Bytes that a run needs beside the model's weights. */
export interface RunBytes {
  /** Of its state, and of what its step or scoring holds at once. */
  readonly all: number;
  /** Of the largest tensor. */
  readonly largest: number;
}

/** The memory of a run at a length, from its plans. */
export function bytesAt(length: number, run: PlannedRun): RunBytes {
  const { state: { base, trainable, aux, optimizer }, steps, score } = plansAt(length, run);
  const weights = new Set(Object.values(run.model.weights ?? {}));
  const own = treeLeaves([trainable, aux, optimizer, ...Object.values(base).filter((one) => !weights.has(one))]);
  const plans = [...steps.map(({ plan }) => plan), score];
  const slots = plans.map(({ slots }) => slots.reduce((sum, bytes) => sum + bytes, 0));
  const state = own.reduce((sum, { size }) => sum + 4 * size, 0);
  // A step writes the next state beside what it has.
  return { all: 2 * state + Math.max(...slots), largest: Math.max(...plans.flatMap(({ slots }) => slots)) };
}

/** Lengths at which work is counted where models take that many tokens. */
const LENGTHS = [16, 64, 128] as const;

/** Three lengths at which work is counted, as it is a polynomial of the second degree of them: attention is. */
function countedLengths(maxLength: number): readonly number[] {
  if (maxLength >= LENGTHS[2]) return LENGTHS;
  // A model of one or two tokens has no three.
  return [...new Set([1, 2, 4].map((parts) => Math.ceil(maxLength / parts)))];
}

/** The polynomial through all points (Lagrange). */
function interpolate(x: number, xs: readonly number[], ys: readonly number[]): number {
  const basis = (i: number) =>
    xs.reduce((product, other, j) => j === i ? product : product * (x - other) / (xs[i] - other), 1);
  return ys.reduce((sum, y, i) => sum + y * basis(i), 0);
}

/** The work at a length, of a deep model from two shallow ones: layers between the first and the last are alike. */
function workOfDepth(length: number, { model, ...run }: PlannedRun): Work {
  const { layers } = model.reference;
  if (layers <= 3) return workAt(length, { ...run, model });
  const [two, three] = [2, 3].map((depth) => workAt(length, { ...run, model: model.withLayers(depth) }));
  const deepen = (name: keyof Work) => two[name] + (layers - 2) * (three[name] - two[name]);
  return { step: deepen("step"), score: deepen("score") };
}

/** What a run's mean step is made of: its kinds of steps, where there are several, and their shares. */
function mixOf(spec: RunSpec): readonly unknown[] {
  const kindAt = train.stepKinds({ method: makeMethod(spec), optimizer: makeOptimizer(spec) });
  return [...kindShares(kindAt, spec.steps)];
}

/** Work of runs by the length of their batches, from a few plans for each method. */
export class WorkByLength {
  readonly #known = new Map<string, readonly Work[]>();

  constructor(readonly model: RunModel) {}

  /**
   * The work of a run's step, and of scoring a batch, at any length; `task` is what its task is, one of GLUE's when absent.
   * What a step does to weights does not go with its examples, so that sizes of batches are counted apart.
   */
  at(length: number, spec: RunSpec, task?: AnyPreparedTask): Work {
    const lengths = countedLengths(this.model.reference.maxLength);
    const key = JSON.stringify([methodKey(spec), mixOf(spec), spec.batchSize, ...task ? [spec.task] : []]);
    const works = this.#known.get(key) ?? lengths.map((at) => workOfDepth(at, { spec, model: this.model, task }));
    this.#known.set(key, works);
    const of = (part: keyof Work) => interpolate(length, lengths, works.map((work) => work[part]));
    return { step: of("step"), score: of("score") };
  }
}
