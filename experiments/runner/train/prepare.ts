import {
  type Batch,
  copy,
  type generate,
  jit,
  type JittedFunction,
  type Key,
  nn,
  type optim,
  type Params,
  type peft,
  random,
  type Tensor,
  train,
  vmap,
} from "../../../mod.ts";
import { treeMap } from "../../../lib/tensor/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { outputsOf, type TuningTask } from "../data/read_task.ts";
import type { Beginning } from "../model/adapted.ts";
import type { RunModel } from "../model/run_model.ts";
import { CellStates } from "./cells.ts";
import type { Program } from "./program.ts";
import { makeMethod, type RunSettings } from "./make_method.ts";
import { makeOptimizer } from "./optimizer.ts";
import { generatorOf, type PreparedTexts, textLearner } from "./text_functions.ts";

/** What a run's functions are made for: as much of a task as a plan needs, too. */
export type PreparedTask =
  & Pick<TuningTask, "kind" | "labels" | "range">
  & Partial<Pick<TuningTask, "usesHead" | "readout">>;

/** What a step takes in: examples with labels, texts of a causal model, or pairs of an encoder with a decoder. */
export type StepBatch = Batch | train.TextBatch | train.PairBatch;

/** What is prepared for: a task with labels, or one whose answers are texts. */
export type AnyPreparedTask = PreparedTask | PreparedTexts;

/** A run's functions, not compiled. */
export interface RunFunctions {
  readonly method: peft.Method;
  readonly optimizer: optim.Optimizer;
  readonly step: train.Step<readonly StepBatch[]>;
  /** The kind of a step by its number, where steps are of several. */
  readonly kindAt: (step: number) => train.StepKind | undefined;
  /** What a batch is scored by: logits, or of texts their likelihood as {@linkcode textLearner} has it. */
  readonly logits: (state: peft.MethodState, batch: StepBatch) => Tensor;
  /** The state before the first step, from the model and the seed alone, or from the adapter that it begins from. */
  readonly begin: (seed: number) => train.TrainState;
  /** The model's parameters before anything is trained; what the seed draws of them is its own. */
  readonly params: (seed: number) => peft.BaseParams;
  /** Parameters that the seed draws. */
  readonly fresh: () => readonly string[];
}

/** What of a run's spec decides its functions. */
export type StepSpec = Pick<RunSpec, "method" | "optimizer" | "steps" | "scores" | "labelSmoothing"> & {
  readonly model: Pick<RunSpec["model"], "weights" | "dropout" | "freshHead">;
};

/** What a run's functions are made of beside its spec. */
export interface RunParts {
  readonly model: Pick<RunModel, "classifier" | "writer">;
  readonly task: AnyPreparedTask;
  readonly beginning?: Beginning;
}

/** What a run learns, as functions of parameters. */
export interface Learner {
  loss(params: Params, batch: StepBatch, key: Key): nn.LossTerm;
  answers(params: Params, batch: StepBatch): Tensor;
  params(seed: number): peft.BaseParams;
  readonly fresh: readonly string[];
}

/** A classifier or a regression. */
function labelLearner(
  { scores, model: { dropout, freshHead } }: StepSpec,
  model: Pick<RunModel, "classifier">,
  task: PreparedTask,
): Learner {
  const isRegression = task.kind === "regression";
  const isFresh = freshHead || task.usesHead === false;
  const classifier = model.classifier({ labels: outputsOf(task), isFresh, dropout, readout: task.readout });
  // As shares of the range, so that a fresh head begins near them; the papers' scripts take scores as they are.
  const [least, greatest] = scores === "raw" ? [0, 1] : task.range ?? [0, 1];
  const ofLabels = (batch: StepBatch): Batch => {
    if ("tokenTypeIds" in batch) return batch;
    throw new TypeError("internal: a batch of texts is given to a classifier");
  };
  return {
    loss(params, given, key) {
      const batch = ofLabels(given);
      const { labels, weights } = batch;
      const logits = classifier.apply(params, batch, key);
      if (!isRegression) return nn.crossEntropy(logits, labels, { weights });
      const target = scores === "raw" ? labels : labels.sub(least).div(greatest - least);
      return nn.meanSquaredError(logits, target, { weights });
    },
    answers: (params, batch) => classifier.apply(params, ofLabels(batch)),
    params: (seed) => classifier.params(seed),
    get fresh() {
      return classifier.fresh;
    },
  };
}

function learnerOf(spec: StepSpec, { model, task }: Pick<RunParts, "model" | "task">): Learner {
  return "labels" in task ? labelLearner(spec, model, task) : textLearner(spec, model.writer);
}

/**
 * What a run does, from its spec: the method by its name, all else by what the spec says, with data in the place of its
 * numbers where they are given.
 */
export function runFunctions(spec: StepSpec, { model, task, beginning }: RunParts, data?: RunSettings): RunFunctions {
  const learner = learnerOf(spec, { model, task });
  const method = makeMethod(spec, { beginning, settings: data });
  const optimizer = makeOptimizer(spec, data);
  return {
    method,
    optimizer,
    step: train.makeAccumulatedStep({ loss: learner.loss, method, optimizer, clip: spec.optimizer.clip }),
    kindAt: train.stepKinds({ method, optimizer }),
    logits: ({ base, trainable, aux }, batch) => learner.answers(method.adapt(base, trainable, aux), batch),
    begin(seed) {
      const fresh = train.init(random.key(seed), learner.params(seed), { method, optimizer });
      if (!beginning) return fresh;
      return train.beginFrom(fresh, treeMap((x) => copy(x), beginning.trainable), { method, optimizer });
    },
    params: (seed) => learner.params(seed),
    fresh: () => learner.fresh,
  };
}

/** A step of a run whose numbers are data. */
export type CellStep = (
  state: train.TrainState,
  batches: readonly StepBatch[],
  numbers: RunSettings,
  kind?: train.StepKind,
) => ReturnType<RunFunctions["step"]>;

/** Logits of a run whose numbers are data. */
export type CellLogits = (state: peft.MethodState, batch: StepBatch, numbers: RunSettings) => Tensor;

/** What trains and scores so many runs of a program, compiled. */
export interface Compiled {
  readonly step: JittedFunction<CellStep>;
  readonly logits: JittedFunction<CellLogits>;
}

/** What a program is made of beside a spec: also the tensors that all runs of the model share. */
export interface ProgramParts extends RunParts {
  readonly model: Pick<RunModel, "classifier" | "writer" | "weights">;
}

/** The program of runs: what trains and scores one alone, or several with an axis of cells in front. */
export class Prepared {
  readonly #compiled = new Map<number, Compiled>();
  readonly #spec: RunSpec;
  #generator: generate.TokenGenerator | undefined;
  /** Their states. */
  readonly states: CellStates;
  /** The kind of each of their steps by its number: a part of the program, so that all runs have the same. */
  readonly kindAt: RunFunctions["kindAt"];

  /** @param decay What all its runs have; data where they differ. */
  constructor(
    readonly key: string,
    { spec }: Program<RunSpec>,
    readonly decay: number | undefined,
    readonly parts: ProgramParts,
  ) {
    this.#spec = spec;
    const begun = runFunctions(this.#spec, parts);
    const { method, fresh, begin, kindAt } = begun;
    const own = [...fresh(), ...method.writes(begin(0).base)];
    const weights = "labels" in parts.task ? parts.model.weights ?? {} : begun.params(0);
    this.states = new CellStates(new Set(own), new Set(Object.values(weights)));
    this.kindAt = kindAt;
  }

  /** What trains and scores so many runs; it compiles at its first call. */
  of(cells: number): Compiled {
    const compiled = this.#compiled.get(cells) ?? this.#compile(cells);
    this.#compiled.set(cells, compiled);
    return compiled;
  }

  #compile(cells: number): Compiled {
    const withData = (data: RunSettings) => runFunctions(this.#spec, this.parts, data);
    const step: CellStep = (state, batches, data, kind) => withData(data).step(state, batches, kind);
    const logits: CellLogits = (state, batch, data) => withData(data).logits(state, batch);
    const names = ["state", "batch", "numbers"];
    if (cells === 1) return { step: jit(step, { donate: [0], names }), logits: jit(logits, { names }) };
    const steps: CellStep = (state, batches, data, kind) => {
      const axes = this.states.axes(state.base);
      const one = (...own: [train.TrainState, readonly StepBatch[], RunSettings]) => step(...own, kind);
      return vmap(one, { in: [axes, 0, 0], out: [axes, 0] })(state, batches, data);
    };
    const answers: CellLogits = ({ base, trainable, aux }, ...rest) => {
      const axes = this.states.axes(base);
      const own = { base: axes.base, trainable: 0, aux: 0 };
      return vmap(logits, { in: [own, 0, 0] })({ base, trainable, aux }, ...rest);
    };
    return { step: jit(steps, { donate: [0], names }), logits: jit(answers, { names }) };
  }

  /** What writes the texts that runs are scored by; it compiles at its first call. */
  get generator(): generate.TokenGenerator {
    return this.#generator ??= generatorOf(this.#spec, this.parts.model.writer);
  }

  /** Gives back what was compiled. */
  close(): void {
    this.#generator?.dispose();
    this.#generator = undefined;
    for (const { step, logits } of this.#compiled.values()) {
      step.dispose();
      logits.dispose();
    }
    this.#compiled.clear();
  }
}
