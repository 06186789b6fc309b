/** Options of {@linkcode chooseGroup}. */
export interface ChooseGroupOptions<Run> {
  /** Most runs of a group that a run may be one of; the same for all of one key. */
  readonly most: (run: Run) => number;
  /** Runs with the same key may share a group. */
  readonly keyOf: (run: Run) => string;
  /** How many groups may begin now. */
  readonly free: number;
}

/**
 * The runs that begin next, together: the first one and those that may share its group. Runs of one key are shared out
 * evenly, so that their groups have one size and thus one program, and among more groups where fewer than may begin are
 * left.
 */
export function chooseGroup<Run>(runs: readonly Run[], { most, keyOf, free }: ChooseGroupOptions<Run>): Run[] {
  const byKey = Map.groupBy(runs, keyOf);
  const partsOf = (same: readonly Run[]) => Math.ceil(same.length / most(same[0]));
  const all = byKey.values().reduce((sum, same) => sum + partsOf(same), 0);
  const same = byKey.get(keyOf(runs[0]))!;
  const parts = Math.min(same.length, partsOf(same) + Math.max(0, free - all));
  return same.slice(0, Math.ceil(same.length / parts));
}
