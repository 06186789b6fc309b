import { type Tensor, tensor } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { type AnyRunTask, isTextRun } from "../data/inputs.ts";
import { type Score, scoredBatches, scoreLikelihood, scoreSets } from "./score.ts";
import type { AnyEncoded } from "./host_batches.ts";
import type { StepBatch } from "./prepare.ts";
import { toCellBatch } from "./cells.ts";

/** A run as far as it is scored. */
export interface ScoredCell {
  readonly task: AnyRunTask;
  readonly spec: RunSpec;
}

/** What a run's scores are. */
export interface Scored {
  readonly scores: Readonly<Record<string, Score>>;
}

/** What a run's scores are, or why it has none. */
export type CellScores = Scored | { readonly error: Error };

/**
 * Scores runs of one program together: each batch of all of them at once, where one has fewer batches its last one again.
 * A run whose logits are no finite numbers has an error in place of scores.
 *
 * @param apply Logits `[cells, B, outputs]` of batches with an axis of cells, or the likelihood of texts `[cells, 3]`; without
 * that axis of one alone.
 */
export async function scoreCells(
  apply: (batch: StepBatch) => Promise<Tensor>,
  cells: readonly ScoredCell[],
): Promise<CellScores[]> {
  const batches = cells.map(({ task, spec }) =>
    Object.values<AnyEncoded>(task.sets).flatMap((set) => scoredBatches(set, spec))
  );
  const count = Math.max(0, ...batches.map(({ length }) => length));
  const answers: Tensor[][] = cells.map(() => []);
  let last: Promise<void> | undefined;
  for (let i = 0; i < count; i++) {
    const logits = await apply(toCellBatch(batches.map((own) => own[Math.min(i, own.length - 1)])));
    await last; // two are in flight
    last = logits.data().then((data) => {
      const [size, shape] = [data.length / cells.length, cells.length === 1 ? logits.shape : logits.shape.slice(1)];
      answers.forEach((own, cell) => {
        own.push(tensor(data.slice(cell * size, (cell + 1) * size), { shape }));
      });
      logits.dispose();
    });
    last.catch(() => {}); // waited for above and below
  }
  await last;
  return await Promise.all(cells.map(async ({ task, spec }, cell): Promise<CellScores> => {
    let next = 0;
    try {
      if (isTextRun(task)) return { scores: await scoreLikelihood(answers[cell], task, spec) };
      return { scores: await scoreSets(() => Promise.resolve(answers[cell][next++]), task, spec) };
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "TrainingFailed") throw error;
      return { error };
    }
  }));
}
