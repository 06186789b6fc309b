import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** A model's own parameters under their names, all dense. */
export type BaseParams = Readonly<Record<string, Tensor>>;

/** What a method starts with. */
export interface MethodParts<Trainable = Tree, Aux = Tree> {
  /** What the optimizer steps: factors, heads. */
  readonly trainable: Trainable;
  /** What the method keeps for itself. */
  readonly aux: Aux;
}

/** What a step did, for the rule after it. */
export interface AfterStep<Trainable = Tree, Aux = Tree> {
  readonly base: BaseParams;
  /** Trainables before the step. */
  readonly before: Trainable;
  /** Trainables after it: `before` plus `updates`. */
  readonly trainable: Trainable;
  readonly updates: Trainable;
  readonly grads: Trainable;
  readonly aux: Aux;
  /** i32 scalar: steps count from 0. */
  readonly step: Tensor;
}

/** What the rule after a step gives. */
export interface AfterResult<Trainable = Tree, Aux = Tree> extends MethodParts<Trainable, Aux> {
  readonly base: BaseParams;
  /** Bool scalar: whether the optimizer's moments start anew. */
  readonly restart?: Tensor;
}

/** The parts of a training state that a method knows. */
export interface MethodState<Trainable = Tree, Aux = Tree> extends MethodParts<Trainable, Aux> {
  readonly base: BaseParams;
}

/** An adapter in the form in which Hugging Face PEFT keeps it. */
export interface Adapter {
  /** `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `adapter_model.safetensors`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** What a method costs. */
export interface MethodReport {
  readonly trainableParameters: number;
  /** Of the model and what the method adds. */
  readonly totalParameters: number;
  /** Delta-LoRA's λ, or that it varies by step. */
  readonly lambda?: number | "by step";
}

/**
 * A way to fine-tune, as data and pure functions. A trainer knows none by name: it calls `adapt` for the forward pass
 * and `after` behind every optimizer step.
 */
export interface Method<Trainable = Tree, Aux = Tree> {
  readonly name: string;
  /** Chooses targets and makes what is trained. Throws where a pattern matches nothing, and names the nearest paths. */
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
   * What the model is applied to. A key makes it that of a training step, in which branches drop out and DyLoRA uses the
   * components that it drew; without one it is what the method gives at test time.
   */
  adapt(base: BaseParams, trainable: Trainable, aux: Aux, key?: Key): Params;
  /** A term added to the loss. */
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
  rates?(trainable: Trainable): Trainable;
  /** The rule after each optimizer step. */
  after(step: AfterStep<Trainable, Aux>): AfterResult<Trainable, Aux>;
  /** Dense weights that give the same logits. */
  merge(state: MethodState<Trainable, Aux>): BaseParams;
  /** Whether no adapter can hold what it trains: `export` throws then, and `merge` gives the whole model. */
  readonly isWhole?: boolean;
  /** The adapter for Hugging Face PEFT. Throws where PEFT has no such adapter. */
  export(state: MethodState<Trainable, Aux>): Adapter;
  /** Parameter counts. */
  describe(state: MethodState<Trainable, Aux>): MethodReport;
  /** How often W was written so far, or would have been in the form that writes it; an i32 scalar. */
  writeCount?(state: MethodState<Trainable, Aux>): Tensor;
}
