import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/**
 * A model's own parameters under their names, all of them dense tensors: `[out, in]` for the weight of a linear layer.
 */
export type BaseParams = Readonly<Record<string, Tensor>>;

/** What a method makes before the first step: what is trained, and what it keeps for itself. */
export interface MethodParts<Trainable = Tree, Aux = Tree> {
  /** What the optimizer steps: mostly factors and heads. */
  readonly trainable: Trainable;
  /** What the method keeps for itself from step to step, a tree of tensors: `{}` where that is nothing. */
  readonly aux: Aux;
}

/** What a step did, for the method's rule after it. */
export interface AfterStep<Trainable = Tree, Aux = Tree> {
  /** The model's parameters before the step. */
  readonly base: BaseParams;
  /** Trainables before the step. */
  readonly before: Trainable;
  /** Trainables after it: `before` plus `updates`. */
  readonly trainable: Trainable;
  /** What the optimizer added to the trainables. */
  readonly updates: Trainable;
  /** The gradients of the step, clipped. */
  readonly grads: Trainable;
  /** What the method kept from the step before. */
  readonly aux: Aux;
  /** The number of the step from 0, an i32 scalar. */
  readonly step: Tensor;
  /** Whether the method's {@linkcode Method.period} ends behind this step; no period does by default. */
  readonly endsPeriod?: boolean;
}

/** What the method's rule after a step gives: what the next step begins with. */
export interface AfterResult<Trainable = Tree, Aux = Tree> extends MethodParts<Trainable, Aux> {
  /** The model's parameters, with what the method wrote of them. */
  readonly base: BaseParams;
  /**
   * Whether the optimizer begins anew, its moments and their counts, but for how far a schedule of the rate has come: true or
   * false, or a bool scalar where data decide. It goes on by default.
   */
  readonly restart?: boolean | Tensor;
  /**
   * What becomes of the optimizer's moments, trees like the trainables in the order of its state: of Adam the first and the
   * second moment. Counts go on. They stay as they are by default.
   */
  moments?(moments: readonly Trainable[]): readonly Trainable[];
}

/** The parts of a training state that a method knows: what it merges, exports and counts. */
export interface MethodState<Trainable = Tree, Aux = Tree> extends MethodParts<Trainable, Aux> {
  /** The model's parameters, with what the method wrote of them. */
  readonly base: BaseParams;
}

/**
 * An adapter in the form in which Hugging Face PEFT keeps it, as two files of one folder. `io.saveAdapter` writes them.
 */
export interface Adapter {
  /** The fields of `adapter_config.json`, such as `peft_type`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors of `adapter_model.safetensors` under PEFT's names. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** What a method costs in parameters, which are counted one by one. */
export interface MethodReport {
  /** How many the optimizer steps. */
  readonly trainableParameters: number;
  /** How many the model has with what the method adds. */
  readonly totalParameters: number;
  /** Delta-LoRA's λ, or that it varies by step. */
  readonly lambda?: number | "by step";
}

/**
 * A way to fine-tune, as data and pure functions. A trainer knows none by name: it calls `adapt` for the forward pass
 * and `after` behind every optimizer step. {@linkcode lora} and its kin make them; `adaptWith`, `mergeWith`,
 * `takeHeads` and `countParameters` help to write one.
 */
export interface Method<Trainable = Tree, Aux = Tree> {
  /** The method's name in messages and records, such as `delta-lora`. */
  readonly name: string;
  /**
   * Chooses targets and makes what is trained: the key is what fresh factors are drawn from. Throws a RangeError where
   * a pattern matches nothing, which names the nearest paths.
   */
  init(key: Key, base: BaseParams): MethodParts<Trainable, Aux>;
  /**
   * What the method keeps for itself where a run begins from trainables of another, in place of those that `init` drew; by
   * default what `init` gave. `train.beginFrom` asks for it.
   */
  begin?(trainable: Trainable, aux: Aux): Aux;
  /**
   * Whether part of the change of the weights is in `aux` alone, so that what `after` wrote and the trainables do not say all
   * of it, and no other run can begin from them.
   */
  readonly hasHiddenChange?: boolean;
  /** Names of base parameters that `after` writes: a trainer must own them. */
  writes(base: BaseParams): readonly string[];
  /**
   * The parameters that the model is applied to. A key makes them those of a training step, in which branches drop out
   * and DyLoRA uses the components that it drew; without one they are what the method gives at test time.
   */
  adapt(base: BaseParams, trainable: Trainable, aux: Aux, key?: Key): Params;
  /** A term that is added to the mean loss of a step, an f32 scalar; none by default. */
  penalty?(trainable: Trainable): Tensor;
  /**
   * Which elements the coming step moves: a tree like the trainables of bools that broadcast to them. The others keep
   * their bits and those of their moments, and their gradients count in no norm. All of them by default.
   */
  mask?(trainable: Trainable, aux: Aux): Trainable;
  /**
   * How many times the optimizer's rate each trainable has: a tree like the trainables of f32 scalars. Decay goes with the
   * rate, as in PyTorch's parameter groups. 1 by default.
   */
  rates?(trainable: Trainable, aux: Aux): Trainable;
  /**
   * Behind every so many steps, counted from the first, `after` is told that a period ends: its step is compiled as a program
   * of its own, for work that is too much for each step, such as merging factors. So this is no data. None by default.
   */
  readonly period?: number;
  /** The method's rule after each optimizer step, which may change all that the run carries. */
  after(step: AfterStep<Trainable, Aux>): AfterResult<Trainable, Aux>;
  /**
   * Dense weights that give the same logits. Throws an Error where there are none, as for adapters with an activation
   * inside.
   */
  merge(state: MethodState<Trainable, Aux>): BaseParams;
  /**
   * Whether no adapter can hold what it trains: `export` throws then, and `merge` gives the whole model; false by
   * default.
   */
  readonly isWhole?: boolean;
  /**
   * The adapter for Hugging Face PEFT, or one of our own kind where PEFT has none. Throws where no adapter can hold the
   * change.
   */
  export(state: MethodState<Trainable, Aux>): Adapter;
  /**
   * An adapter of the whole change that needs nothing else of the base, where that of `export` does, as PiSSA's: what
   * `deno task convert` writes. By default that is what `export` gives.
   */
  convert?(state: MethodState<Trainable, Aux>): Adapter;
  /** Counts of parameters, and Delta-LoRA's λ. */
  describe(state: MethodState<Trainable, Aux>): MethodReport;
  /** How often W was written so far, or would have been in the form that writes it; an i32 scalar. */
  writeCount?(state: MethodState<Trainable, Aux>): Tensor;
}
