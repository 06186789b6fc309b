import type { KeptSweep } from "./sweep_file.ts";
import type { Submission } from "./submissions.ts";

/** What a task does that has not ended. */
export type LiveState = "waiting" | "running";

/** What has tasks run. Submissions have names of their own, by which a launcher finds again what it was given. */
export interface Launcher {
  /** Writes what a submission needs beside the plan, and gives the paths. */
  readonly plan: (sweep: KeptSweep) => Promise<readonly string[]>;
  /** The queue that it submits to; a launcher without one writes files for another program. */
  readonly queue?: Queue;
  /** What is to be done with the files where there is no queue, in words. */
  readonly advice?: string;
}

/** A queue of tasks. */
export interface Queue {
  /** Most tasks of one submission. */
  readonly most: () => Promise<number>;
  /**
   * Submits tasks, and gives the number under which the queue has them; `after` is that of a submission whose end they
   * wait for.
   */
  readonly submit: (submission: Submission, options: SubmitOptions) => Promise<string>;
  /** The queue's number of a submission whose submitter did not live to note it; `undefined` where it never came. */
  readonly find: (submission: Submission) => Promise<string | undefined>;
  /** What tasks of submissions do that have not ended, by name. */
  readonly live: (
    sweep: KeptSweep,
    submissions: readonly Submission[],
  ) => Promise<ReadonlyMap<string, LiveState>>;
  /** Ends what waits and what runs; states are saved. */
  readonly cancel: (sweep: KeptSweep, submissions: readonly Submission[]) => Promise<void>;
}

/** Options of {@linkcode Queue.submit}. */
export interface SubmitOptions {
  readonly sweep: KeptSweep;
  readonly after?: string;
}
