/** Options of {@linkcode planGroups}. */
export interface PlanGroupsOptions<Run> {
  /** Most runs of a group that a run may be one of; the same for all of one key. */
  readonly most: (run: Run) => number;
  /** Runs with the same key may share a group. */
  readonly keyOf: (run: Run) => string;
  /** What a run takes, about, in any unit; 1 by default. */
  readonly workOf?: (run: Run) => number;
  /** What a worker takes to begin with a key, or with another size of its groups; 0 by default. */
  readonly beginWork?: number;
  /** How many groups are under way at once. */
  readonly parallel: number;
}

/** A group, and what is known of it. */
interface Group<Run> {
  readonly runs: readonly Run[];
  /** Where its first run stands among all. */
  readonly place: number;
  readonly key: string;
  readonly work: number;
}

/** Runs of one key, and in how many groups they are. */
interface Share<Run> {
  readonly key: string;
  readonly runs: readonly { readonly run: Run; readonly place: number; readonly work: number }[];
  readonly parts: number;
}

/** Evenly, so that groups have one size and thus one program, or two. */
function split<Run>({ key, runs, parts }: Share<Run>): Group<Run>[] {
  const groups: Group<Run>[] = [];
  for (let left = runs; left.length > 0;) {
    const own = left.slice(0, Math.ceil(left.length / (parts - groups.length)));
    left = left.slice(own.length);
    const work = own.reduce((sum, { work }) => sum + work, 0);
    groups.push({ runs: own.map(({ run }) => run), place: own[0].place, key, work });
  }
  return groups;
}

/** The longest groups first where several workers are to end together; those that are equally long as their runs stand. */
function inOrder<Run>(groups: readonly Group<Run>[], parallel: number): Group<Run>[] {
  return groups.toSorted((a, b) => parallel > 1 && a.work !== b.work ? b.work - a.work : a.place - b.place);
}

/** What comes of groups: when each worker ends, the last first, and the keys of the groups that the last one had. */
interface Ends {
  readonly ends: readonly number[];
  readonly lastKeys: ReadonlySet<string>;
}

/** So many workers that each take the next group when they are free. */
function endsOf<Run>(
  groups: readonly Group<Run>[],
  { parallel, beginWork }: { readonly parallel: number; readonly beginWork: number },
): Ends {
  const workers = Array.from(
    { length: parallel },
    () => ({ end: 0, programs: new Set<string>(), keys: new Set<string>() }),
  );
  for (const { runs, key, work } of inOrder(groups, parallel)) {
    const worker = workers.reduce((first, one) => one.end < first.end ? one : first);
    const program = `${runs.length} ${key}`;
    worker.end += work + (worker.programs.has(program) ? 0 : beginWork);
    worker.programs.add(program);
    worker.keys.add(key);
  }
  const [last, ...others] = workers.toSorted((a, b) => b.end - a.end);
  return { ends: [last, ...others].map(({ end }) => end), lastKeys: last.keys };
}

/** Whether the last worker ends sooner; where it does not, the one before it. */
function isSooner({ ends }: Ends, than: Ends): boolean {
  const place = ends.findIndex((end, i) => end !== than.ends[i]);
  return place >= 0 && ends[place] < than.ends[place];
}

/**
 * All runs in groups, in the order in which they are to begin: the longest first. Runs of one key are shared out evenly
 * among as few groups as may be, and among more where all ends sooner so, as no worker is to be left without work while
 * another still has much; a group of another size takes another program.
 */
export function planGroups<Run>(runs: readonly Run[], options: PlanGroupsOptions<Run>): Run[][] {
  const { most, keyOf, parallel, workOf = () => 1, beginWork = 0 } = options;
  const planOf = (shares: readonly Share<Run>[]) => {
    const groups = shares.flatMap((share) => split(share));
    return { shares, groups, ...endsOf(groups, { parallel, beginWork }) };
  };
  type Plan = ReturnType<typeof planOf>;
  /** Splits what the last worker has to do, as nothing else lets all end sooner, for as long as that does. */
  const improved = (plan: Plan): Plan => {
    const others = plan.shares.flatMap((share, i) => {
      const mostParts = plan.lastKeys.has(share.key) ? Math.min(share.runs.length, share.parts + parallel) : 0;
      const more = Array.from({ length: Math.max(0, mostParts - share.parts) }, (_, extra) => share.parts + 1 + extra);
      return more.map((parts) => planOf(plan.shares.with(i, { ...share, parts })));
    });
    const best = others.reduce((a, b) => isSooner(b, a) ? b : a, plan);
    return best === plan ? plan : improved(best);
  };
  const placed = runs.map((run, place) => ({ run, place, work: workOf(run) }));
  const byKey = Map.groupBy(placed, ({ run }) => keyOf(run)).entries().toArray();
  const { groups } = improved(
    planOf(byKey.map(([key, runs]) => ({ key, runs, parts: Math.ceil(runs.length / most(runs[0].run)) }))),
  );
  return inOrder(groups, parallel).map(({ runs }) => [...runs]);
}
