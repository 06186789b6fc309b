import { type LiveRun, readLiveRuns, readRecord, type RunRecord } from "../../lib/experiment/records/mod.ts";
import { hashSpec, parseSpec, type RunSpec } from "../../lib/experiment/specs/mod.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { encode, type Update, type WatchedRun } from "./snapshot.ts";

/** Most points of a run's curve that a page is told. */
const MOST_POINTS = 256;

/** What was read of a file, as long as it stays as it is. */
interface Read {
  readonly stamp: string;
  readonly run?: WatchedRun;
  readonly fault?: string;
}

/** Evenly many of a list, the first and the last among them. */
function thinned<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.round(i * (list.length - 1) / (most - 1))]);
}

/** A record as a run that is watched. */
function recordedRun(record: RunRecord): WatchedRun {
  const { hash, spec, status, result } = record;
  const curve = thinned(result?.curve ?? [], MOST_POINTS);
  return {
    hash,
    spec,
    status,
    step: result ? spec.steps : 0,
    curve: curve.map(({ step, loss }) => [step, loss] as const),
    record: { ...record, result: result && { ...result, curve: [], kernels: "", changes: undefined } },
  };
}

/** What a file holds; `undefined` where it is not there, or not there any more. */
async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/** A folder of records, which others may be writing into, and what has changed in it since an earlier look. It only reads. */
export class FolderWatch {
  readonly #session = crypto.randomUUID();
  readonly #files = new Map<string, Read>();
  readonly #known = new Map<string, { readonly revision: number; readonly text: string; readonly run: WatchedRun }>();
  #specs: { readonly stamp: string; readonly specs: ReadonlyMap<string, RunSpec> } = { stamp: "", specs: new Map() };
  #revision = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Takes the folder's path. */
  constructor(readonly folder: string) {}

  /** Throws a RangeError where the folder holds no runs, and none that are to come. */
  async requireRuns(): Promise<void> {
    const { order, damaged } = await this.look();
    if (order.length + damaged.length > 0) return;
    throw new RangeError(
      `${this.folder} holds no runs: name a folder that reproduce, run or train writes into, such as runs/glue`,
    );
  }

  /** What has changed since a revision of this session; all where there was none. Looks come one after the other. */
  look(since: { readonly session?: string; readonly revision?: number } = {}): Promise<Update> {
    const looked = this.#last.then(() => this.#look(since));
    this.#last = looked.catch(() => {}); // who asked hears of it
    return looked;
  }

  async #look({ session, revision = 0 }: { readonly session?: string; readonly revision?: number }): Promise<Update> {
    await this.#readFiles();
    const live = await readLiveRuns(this.folder);
    const runs = await this.#runs(live);
    for (const run of runs.values()) this.#note(run);
    for (const hash of this.#known.keys()) if (!runs.has(hash)) this.#known.delete(hash);
    const after = session === this.#session ? revision : 0;
    return {
      session: this.#session,
      revision: this.#revision,
      folder: this.folder,
      at: new Date().toISOString(),
      isInUse: await ifThere(() => isFile(`${this.folder}/.lock`)) ?? false,
      order: [...runs.keys()],
      runs: [...this.#known.values()].filter((known) => known.revision > after).map(({ run }) => run),
      damaged: [...this.#files].flatMap(([name, { fault }]) => fault === undefined ? [] : [`${name}: ${fault}`]),
    };
  }

  /** Gives a run that is new or changed a revision of its own. */
  #note(run: WatchedRun): void {
    const text = encode(run);
    if (this.#known.get(run.hash)?.text === text) return;
    this.#known.set(run.hash, { revision: ++this.#revision, text, run });
  }

  /** All runs: those of the grid in its order, then others that are recorded or under way. */
  async #runs(live: readonly LiveRun[]): Promise<ReadonlyMap<string, WatchedRun>> {
    const recorded = new Map([...this.#files.values()].flatMap(({ run }) => run ? [[run.hash, run] as const] : []));
    const running = new Map(live.map(({ hash, spec, step, curve }) => {
      return [hash, { hash, spec, status: "running", step, curve } satisfies WatchedRun] as const;
    }));
    const runs = new Map<string, WatchedRun>();
    for (const [hash, spec] of await this.#planned()) {
      const waiting: WatchedRun = { hash, spec, status: "waiting", step: 0, curve: [] };
      runs.set(hash, running.get(hash) ?? recorded.get(hash) ?? waiting);
    }
    // What is recorded has ended, whatever the last news of it: but a run that failed may be under way again.
    for (const [hash, run] of recorded) if (run.status === "finished" || !runs.has(hash)) runs.set(hash, run);
    for (const [hash, run] of running) if (!runs.has(hash)) runs.set(hash, run);
    return runs;
  }

  /** Specs of the grid that was begun last in the folder, by their hashes. */
  async #planned(): Promise<ReadonlyMap<string, RunSpec>> {
    const path = `${this.folder}/specs.json`;
    const stamp = await ifThere(() => this.#stampOf(path));
    if (stamp === undefined) return new Map();
    if (stamp !== this.#specs.stamp) {
      const listed: unknown = JSON.parse(await Deno.readTextFile(path));
      const specs = Array.isArray(listed) ? listed.map(parseSpec) : [];
      const hashed = await Promise.all(specs.map(async (spec) => [await hashSpec(spec), spec] as const));
      this.#specs = { stamp, specs: new Map(hashed) };
    }
    return this.#specs.specs;
  }

  async #stampOf(path: string): Promise<string> {
    const { mtime, size, ino } = await Deno.stat(path);
    return [mtime?.getTime(), size, ino].join();
  }

  /** Reads records that are new or other than they were. */
  async #readFiles(): Promise<void> {
    const folder = `${this.folder}/runs`;
    const names = await ifThere(async () => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)) ??
      [];
    const records = new Set(names.filter((name) => name.endsWith(".arrow")).toSorted());
    for (const name of this.#files.keys()) if (!records.has(name)) this.#files.delete(name);
    for (const name of records) {
      const path = `${folder}/${name}`;
      const stamp = await ifThere(() => this.#stampOf(path));
      if (stamp === undefined || this.#files.get(name)?.stamp === stamp) continue;
      this.#files.set(name, { stamp, ...await this.#readRun(path) });
    }
  }

  async #readRun(path: string): Promise<Pick<Read, "run" | "fault">> {
    try {
      return { run: recordedRun(await readRecord(path)) };
    } catch (error) {
      return { fault: messageOf(error) };
    }
  }
}
