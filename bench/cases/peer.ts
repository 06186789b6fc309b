import type { Device } from "../../lib/device/mod.ts";
import type { BenchModel, PlainBatch } from "./models.ts";
import type { KernelCase, KernelContender, KernelInputs } from "./kernel_case.ts";
import type { Contender } from "../measure/turns.ts";

/** Parameters under Hugging Face's names, with their shapes. */
export type PlainParams = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/** What a training step starts with; the same for every contender. */
export interface StepInputs {
  readonly model: BenchModel;
  readonly params: PlainParams;
  readonly batch: PlainBatch;
}

/** AdamW of every contender's step: PyTorch's defaults but for the rate. */
export const ADAMW = { learningRate: 1e-3, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Steps between two waits: as in training, the next one is prepared while the device works on the last. */
export const STEPS_PER_RUN = 2;

/** Added to the variance in the model's layer norms, as in BERT. */
export const MODEL_EPSILON = 1e-12;

/** A training step of full fine-tuning; a call takes {@linkcode STEPS_PER_RUN} of them. */
export interface StepContender extends Contender {
  /** Loss, and gradients of all parameters before the first step. */
  gradients(): Promise<{ readonly loss: number; readonly gradients: Readonly<Record<string, ArrayLike<number>>> }>;
  /** Loss of the last step taken. */
  loss(): Promise<number>;
  /** Frees what it holds. */
  close(): void | Promise<void>;
}

/** A library that computes the same as this one. */
export interface Peer {
  readonly name: string;
  /** A kernel, ready to run. */
  kernel(work: KernelCase, inputs: KernelInputs): Promise<KernelContender>;
  /** The training step, where the library can train. */
  step?(inputs: StepInputs): Promise<StepContender>;
}

/** The peers that run here. */
export interface StartedPeers {
  readonly peers: readonly Peer[];
  /** Which cannot, and why. */
  readonly leftOut: readonly string[];
  /** Names and versions of their packages. */
  readonly versions: readonly string[];
}

/** Starts every peer that can start here, on the device that `device` names. */
export type StartPeers = (device: Device, options: { readonly device?: string }) => Promise<StartedPeers>;
