import type { Timing } from "./turns.ts";

/** The machine and the versions that figures belong to. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly adapter: string;
  readonly driver: string;
  readonly isSoftware: boolean;
  readonly subgroupSize: number;
  /** Names and versions, such as `deno 2.9.6`. */
  readonly versions: readonly string[];
  /** Whether the working tree differs from its commit; absent where that cannot be known. */
  readonly isModified?: boolean;
}

/** A contender and what it took for one operation. */
export interface Measured {
  readonly name: string;
  readonly timing: Timing;
  /** Largest difference from our result, relative to 1 + its size; absent for our own. */
  readonly difference?: number;
}

/** A kernel, measured for everybody who has it; ours is the first. */
export interface KernelResult {
  readonly name: string;
  /** What `amount` counts: operations of a product, or bytes that a row-wise kernel must read and write. */
  readonly unit: "GFLOP/s" | "GB/s";
  readonly amount: number;
  readonly contenders: readonly Measured[];
}

/** What one kernel of a step takes by the device's own clock. */
export interface KernelShare {
  readonly kernel: string;
  readonly dispatches: number;
  readonly seconds: number;
}

/** A method's step on one model. */
export interface StepResult {
  readonly method: string;
  readonly timing: Timing;
  /** Bytes that the method holds at most at once, its model included. */
  readonly peakBytes: number;
  readonly trainableParameters: number;
  readonly dispatches: number;
  /** Where the time goes, the most first; empty where the adapter has no clock. */
  readonly kernels: readonly KernelShare[];
}

/** A ratio of two steps' times, measured in turns. */
export interface StepRatio {
  readonly name: string;
  readonly best: number;
  readonly median: number;
}

/** All methods on one model. */
export interface ModelResult {
  readonly model: string;
  /** Sizes, in words. */
  readonly description: string;
  readonly steps: readonly StepResult[];
  readonly ratios: readonly StepRatio[];
}

/** The same training step by everybody who has it; ours is the first. */
export interface PeerStepResult {
  readonly description: string;
  readonly contenders: readonly (Measured & { readonly loss: number })[];
}

/** Milliseconds from the start of a process to its first finished step. */
export interface StartupResult {
  readonly caches: "cold" | "warm";
  /** Until the step is finished, as the one who started the process sees it. */
  readonly total: Timing;
  /** Until the program's first line runs: Deno itself and the modules. */
  readonly imported: Timing;
  /** Until the device is open. */
  readonly opened: Timing;
}

/** What `bench/pytorch_peft.py` writes. */
export interface PytorchDocument {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly models: readonly {
    readonly model: string;
    readonly steps: readonly { readonly method: string; readonly rounds: readonly number[] }[];
  }[];
}

/** All that a run measured. */
export interface BenchDocument {
  readonly format: 1;
  readonly machine: Machine;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly kernels?: readonly KernelResult[];
  readonly models?: readonly ModelResult[];
  readonly peerStep?: PeerStepResult;
  readonly startup?: readonly StartupResult[];
  readonly pytorch?: PytorchDocument;
  /** Peers that were asked for and could not run, and why. */
  readonly leftOut: readonly string[];
  /** Peers whose results differ from ours, in words. */
  readonly disagreements: readonly string[];
}
