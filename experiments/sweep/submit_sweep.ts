import { lockFolder } from "../../lib/experiment/records/mod.ts";
import { plural } from "../../lib/text/plural.ts";
import type { Say } from "../terminal/say.ts";
import type { Launcher } from "./launcher.ts";
import { intend, noteEnd, noteId, readSubmissions, type Submission } from "./submissions.ts";
import { type KeptSweep, sweepFolder } from "./sweep_file.ts";
import { taskStates } from "./task_state.ts";

/** Asks the queue what became of submissions whose submitter died, and writes it down. */
async function settle(
  submissions: readonly Submission[],
  { queue, say }: { readonly queue: NonNullable<Launcher["queue"]>; readonly say: Say },
): Promise<void> {
  for (const one of submissions.filter(({ id, ended }) => id === undefined && ended === undefined)) {
    const id = await queue.find(one);
    if (id === undefined) await noteEnd(one, "lost");
    else await noteId(one, id);
    say(`the submitter of ${one.name} died: ${id === undefined ? "it never came to the queue" : `it is job ${id}`}`);
  }
}

/** Tasks in parts of so many at most. */
function chunks(tasks: readonly string[], most: number): string[][] {
  const count = Math.ceil(tasks.length / most);
  return Array.from({ length: count }, (_, i) => tasks.slice(i * most, (i + 1) * most));
}

/**
 * Submits the tasks of a sweep that are neither finished nor under way, and gives how many. Each submission is written
 * down before the queue hears of it, so that a submitter that dies leaves nothing that is lost or submitted twice.
 *
 * Throws a RangeError where the launcher has no queue, and a Busy where another process submits.
 */
export async function submitSweep(sweep: KeptSweep, launcher: Launcher, say: Say): Promise<number> {
  const { queue, advice } = launcher;
  if (!queue) throw new RangeError(`nothing is submitted by the launcher ${sweep.options.launcher}: ${advice}`);
  const { out } = sweep;
  using _lock = await lockFolder(sweepFolder(out), { within: ["submissions"] });
  const before = await readSubmissions(out);
  await settle(before, { queue, say });
  const states = await taskStates(sweep, launcher);
  const isOpen = (state: string) => state !== "finished" && state !== "running" && state !== "waiting";
  const open = states.filter(({ state }) => isOpen(state)).map(({ task }) => task);
  let after: string | undefined;
  for (const [i, tasks] of chunks(open, open.length > 0 ? await queue.most() : 1).entries()) {
    const submission = await intend(out, tasks, before.length + i);
    const id = await queue.submit(submission, { sweep, after });
    await noteId(submission, id);
    say(`${plural(tasks.length, "task")} submitted as ${id} (${submission.name})`);
    // A limit is of each submission: where there is one, they run one after the other.
    if (sweep.options.arrayLimit !== undefined) after = id;
  }
  return open.length;
}
