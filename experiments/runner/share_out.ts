/** How runs are shared out. */
export interface SharedOut {
  /** How many processes train at once. */
  readonly parallel: number;
  /** Most runs that each trains in one program. */
  readonly cells: number;
}

/** Most units of a hidden layer with which the dispatches of one run leave most of a device idle. */
const SMALL = 128;
/**
 * More cells than this make the step of each hardly shorter; fewer did not end sooner where processes share them out
 * (lavapipe, two cores, 90 short runs: 69 s with 16, 73 s with 8, 81 s with 4).
 */
const CELLS = 16;
/** Most processes that are started without being asked for. */
const PROCESSES = 8;
/** A process takes about as long to begin as so many short runs. */
const RUNS = 4;
/**
 * With fewer runs than this, programs that runs share do not repay what they take to compile where that is slow
 * (SwiftShader, two cores, some 11 s a program: 10 runs took 61 s one after the other, 75 s shared out, 84 s with 16 cells
 * in one process; 40 runs 283 s and 270 s).
 */
const FEW = 20;

/**
 * How to share out runs of these models where nothing is asked for. A large model has work for all of a device, one run at a time. Runs
 * of a small one are trained together, and where cores compute, as many groups at once as there are cores, since no
 * dispatch keeps more than one busy (the same 90 runs in one process on both cores: 79 s).
 */
export function shareOut(
  models: readonly { readonly hiddenSize: number }[],
  { isSoftware, name }: { readonly isSoftware: boolean; readonly name: string },
): SharedOut {
  const isOne = models.some(({ hiddenSize }) => hiddenSize > SMALL) ||
    models.length < FEW && /swiftshader/i.test(name);
  if (isOne) return { parallel: 1, cells: 1 };
  const processes = isSoftware ? Math.min(navigator.hardwareConcurrency, PROCESSES) : 1;
  return { parallel: Math.max(1, Math.min(processes, Math.floor(models.length / RUNS))), cells: CELLS };
}
