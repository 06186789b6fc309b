import type { Timing } from "../measure/turns.ts";

/** The machine and the versions that figures belong to. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly device: string;
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
  /** Where the time goes, the most first; empty where the device has no clock. */
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
  /** How many pipelines were compiled. */
  readonly pipelines: number;
  /** The slowest of them, alone; left out where the driver compiles unseen. */
  readonly slowest?: Timing;
}

/** Seconds that pass before a first step, each time in a process of its own. */
export interface CompileResult {
  readonly name: string;
  readonly dispatches: number;
  readonly pipelines: number;
  /** Where the driver never met the shaders. */
  readonly cold: Timing;
  /** Where it did, in another process. */
  readonly warm: Timing;
}

/** Steps of a case in steady state: everything was made before. */
export interface SteadyResult {
  readonly name: string;
  /** How many steps were measured. */
  readonly steps: number;
  /** Of a step, from the first to the end of the last, as the program sees it. */
  readonly milliseconds: number;
  /** Of a step in its compute pass, by the device's clock; absent where it has none. */
  readonly kernelMilliseconds?: number;
  /** Milliseconds between two passes, by the device's clock; absent where it has none. */
  readonly gaps?: { readonly median: number; readonly longest: number };
  /** Submissions of a step. */
  readonly submissions: number;
  /** What was created in all steps together. */
  readonly created: { readonly buffers: number; readonly pipelines: number; readonly bindGroups: number };
}

/** Memory after so many steps, garbage collected. */
export interface EnduranceSample {
  readonly step: number;
  /** In use in buffers and textures of the device. */
  readonly liveBytes: number;
  /** Of JavaScript's heap. */
  readonly heapBytes: number;
  /** Of the whole process, its driver included. */
  readonly processBytes: number;
}

/** A long run. */
export interface EnduranceResult {
  readonly description: string;
  readonly samples: readonly EnduranceSample[];
  /** Slopes of the least squares through the second half of the samples. */
  readonly bytesPerStep: { readonly live: number; readonly heap: number; readonly process: number };
}

/** One method's step on batches that grow. */
export interface ScalingResult {
  readonly description: string;
  /** Bytes of the model's own weights. */
  readonly baseBytes: number;
  readonly batches: readonly {
    readonly batch: readonly [rows: number, length: number];
    /** Milliseconds of a step. */
    readonly timing: Timing;
    /** Least milliseconds of a step on all cores together: what a busy machine changes little where a processor computes. */
    readonly processorMilliseconds: number;
    /** Bytes that are held at most at once, the model included. */
    readonly peakBytes: number;
  }[];
}

/** Time of one and of another, as best and median of their rounds. */
export interface TimeRatio {
  readonly best: number;
  readonly median: number;
}

/** What the products of a step take in it, and what each of them takes when it is repeated alone. */
export interface ProductsResult {
  /** How many runs; absent for one plain run. */
  readonly cells?: number;
  /** How many dispatches are products. */
  readonly dispatches: number;
  /** Multiplications and additions of all. */
  readonly operations: number;
  /** Milliseconds of all in a step, each a pass by the device's clock. */
  readonly inStep: Timing;
  /** Milliseconds of all, each repeated alone. */
  readonly apart: Timing;
  readonly ratio: TimeRatio;
}

/** Steps of many runs in one program, by how many there are. */
export interface CellsResult {
  readonly description: string;
  /** Bytes of the base that all runs share. */
  readonly baseBytes: number;
  /** PyTorch with PEFT that took turns, or why none did. */
  readonly pytorch: { readonly versions: Readonly<Record<string, string>>; readonly threads: number } | string;
  readonly methods: readonly {
    readonly method: string;
    readonly rows: readonly {
      /** How many runs; absent for one plain run. */
      readonly cells?: number;
      /** Milliseconds of a step of all. */
      readonly timing: Timing;
      /** Time of a step of all ÷ that of the plain run. */
      readonly ratio: TimeRatio;
      /** Steps of all runs in a second ÷ PyTorch's of one; absent where there is none. */
      readonly speed?: TimeRatio;
      readonly dispatches: number;
      /** Bytes that are held at most at once, beside the base. */
      readonly ownBytes: number;
    }[];
    /** Milliseconds of PyTorch's step of one run. */
    readonly pytorch?: Timing;
    /** Empty where the device has no clock. */
    readonly products: readonly ProductsResult[];
  }[];
}

/** Writing texts with a decoder. */
export interface DecodingResult {
  readonly description: string;
  /** What wrote beside, in turns, or why nothing did. */
  readonly transformers: { readonly versions: Readonly<Record<string, string>>; readonly threads: number } | string;
  readonly cases: readonly {
    readonly name: string;
    /** Texts that are written at once. */
    readonly rows: number;
    /** Milliseconds of a token of all texts; ours is the first. */
    readonly contenders: readonly { readonly name: string; readonly timing: Timing }[];
  }[];
  /** Steps by how many tokens the cache holds. */
  readonly steps: readonly {
    readonly rows: number;
    readonly length: number;
    /** Slots of the cache. */
    readonly capacity: number;
    readonly timing: Timing;
    /** Time ÷ that of the first of these steps. */
    readonly ratio: TimeRatio;
    /** Milliseconds of attention in it; absent where the device has no clock. */
    readonly attention?: Timing;
  }[];
  /** Products of the first of these steps, and its time ÷ theirs in it; absent where the device has no clock. */
  readonly products?: ProductsResult & { readonly step: TimeRatio };
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
  readonly steady?: { readonly description: string; readonly cases: readonly SteadyResult[] };
  readonly endurance?: EnduranceResult;
  readonly scaling?: ScalingResult;
  readonly cells?: CellsResult;
  readonly decoding?: DecodingResult;
  readonly startup?: readonly StartupResult[];
  readonly compile?: readonly CompileResult[];
  readonly pytorch?: PytorchDocument;
  /** Peers that were asked for and could not run, and why. */
  readonly leftOut: readonly string[];
  /** Peers whose results differ from ours, in words. */
  readonly disagreements: readonly string[];
}
