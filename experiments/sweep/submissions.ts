import { isFile } from "../../lib/io/is_file.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { sweepFolder } from "./sweep_file.ts";

/** Tasks that are given to a queue together. It is written down before that, so that none is given twice or lost. */
export interface Submission {
  /** The path of its files, without their endings: `….tasks`, and what became of it. */
  readonly path: string;
  /** Its name in the queue, which no other has. */
  readonly name: string;
  /** Names of its tasks; a queue knows each by its place among them. */
  readonly tasks: readonly string[];
  /** The number under which the queue has it, once that is known. */
  readonly id?: string;
  /** Why its tasks do not begin any more: it never came to the queue, or was cancelled. */
  readonly ended?: "lost" | "cancelled";
}

/** What may become of a submission, as a file beside it. */
const ENDS = ["lost", "cancelled"] as const;

const folderOf = (out: string) => `${sweepFolder(out)}/submissions`;

async function readIfThere(path: string): Promise<string | undefined> {
  return await isFile(path) ? await Deno.readTextFile(path) : undefined;
}

async function readSubmission(path: string): Promise<Submission> {
  const tasks = (await Deno.readTextFile(`${path}.tasks`)).split("\n").filter((line) => line !== "");
  const [name, id] = [(await Deno.readTextFile(`${path}.intent`)).trim(), (await readIfThere(`${path}.id`))?.trim()];
  let ended: Submission["ended"];
  for (const end of ENDS) if (await isFile(`${path}.${end}`)) ended = end;
  return { path, name, tasks, ...id !== undefined && { id }, ...ended && { ended } };
}

/** All submissions of a sweep, in their order. */
export async function readSubmissions(out: string): Promise<Submission[]> {
  const folder = folderOf(out);
  let names: string[];
  try {
    names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const stems = names.filter((name) => name.endsWith(".intent")).sort().map((name) => name.replace(/\.intent$/, ""));
  return await Promise.all(stems.map((stem) => readSubmission(`${folder}/${stem}`)));
}

/** Writes down that tasks are about to be submitted; `count` is how many submissions there were before. */
export async function intend(out: string, tasks: readonly string[], count: number): Promise<Submission> {
  const folder = folderOf(out);
  await Deno.mkdir(folder, { recursive: true });
  const number = String(count + 1).padStart(4, "0");
  const submission = { path: `${folder}/${number}`, name: `sweep-${crypto.randomUUID().slice(0, 8)}-${number}`, tasks };
  await writeAtomically(`${submission.path}.tasks`, `${tasks.join("\n")}\n`);
  await writeAtomically(`${submission.path}.intent`, `${submission.name}\n`);
  return submission;
}

/** Writes down under which number a queue has a submission. */
export async function noteId({ path }: Submission, id: string): Promise<void> {
  await writeAtomically(`${path}.id`, `${id}\n`);
}

/** Writes down that a submission is no more: tasks of it that begin all the same see that, and end. */
export async function noteEnd({ path }: Submission, end: NonNullable<Submission["ended"]>): Promise<void> {
  await writeAtomically(`${path}.${end}`, `${new Date().toISOString()}\n`);
}
