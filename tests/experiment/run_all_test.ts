import { tableFromIPC } from "apache-arrow";
import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  canonicalJson,
  findRecord,
  hashSpec,
  recordPath,
  runAll,
  type RunAllOptions,
  type RunFunction,
  type RunRecord,
  type RunSpec,
  writeRecord,
} from "../../lib/experiment/mod.ts";
import { TrainingFailed } from "../../lib/train/mod.ts";
import { filesUnder, finished, sampleResult, sampleSpec, withFolder } from "./samples.ts";

const specs = [0, 1, 2].map((seed) => sampleSpec({ seed }));

/** A run whose result is a function of its spec. */
const result = ({ seed }: RunSpec) => sampleResult({ metrics: { matthewsCorrelation: 1 / (seed + 3) } });
const run: RunFunction = (spec) => Promise.resolve(result(spec));

async function locked(folder: string): Promise<string> {
  await Deno.mkdir(`${folder}/runs`, { recursive: true });
  return folder;
}

/** Runs a grid and notes what was said. */
async function watched(out: string, options: Partial<RunAllOptions> = {}) {
  const started: number[] = [];
  const reused: number[] = [];
  const damaged: string[] = [];
  const records = await runAll(specs, {
    out,
    run,
    onStart: (index) => started.push(index),
    onRecord: (index, _, isReused) => isReused && reused.push(index),
    onDamage: (path, reason) => damaged.push(`${path}: ${reason}`),
    ...options,
  });
  return { records, started, reused, damaged };
}

const bytesOf = (out: string) =>
  Object.fromEntries(filesUnder(out).map((name) => [name, Deno.readFileSync(`${out}/${name}`).join()]));

describe("runAll()", () => {
  it("runs each spec in order and keeps each as a file of its own, with both tables and the specs beside", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      const { records, started } = await watched(out, { isModified: true });
      expect(started).toEqual([0, 1, 2]);
      expect(records.map(({ spec }) => spec)).toEqual(specs);
      expect(records.every(({ status, isModified }) => status === "finished" && isModified)).toBe(true);
      const hashes = await Promise.all(specs.map(hashSpec));
      expect(filesUnder(out)).toEqual(
        ["curves.arrow", "runs.arrow", "specs.json", ...hashes.map((hash) => `runs/${hash}.arrow`)].sort(),
      );
      const table = tableFromIPC(await Deno.readFile(`${out}/runs.arrow`));
      expect(table.toArray().map(({ spec }) => spec)).toEqual(specs.map(canonicalJson));
      expect(JSON.parse(await Deno.readTextFile(`${out}/specs.json`))).toEqual(specs);
    });
  });

  it("runs nothing twice and gives the same records, tables included", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      const first = await watched(out);
      const before = bytesOf(out);
      const second = await watched(out);
      expect(second.started).toEqual([]);
      expect(second.reused).toEqual([0, 1, 2]);
      expect(second.records).toEqual(first.records);
      expect(bytesOf(out)).toEqual(before);
    });
  });

  it("repeats everything where it is forced to", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      await watched(out);
      expect((await watched(out, { force: true })).started).toEqual([0, 1, 2]);
    });
  });

  it("goes on after an interruption without repeating, and ends with the bytes of a grid left alone", async () => {
    await withFolder(async (folder) => {
      const [alone, cut] = [await locked(`${folder}/alone`), await locked(`${folder}/cut`)];
      await watched(alone);
      const controller = new AbortController();
      const interrupted = watched(cut, {
        signal: controller.signal,
        run: (spec, { signal }) => {
          if (spec.seed === 1) controller.abort(new Error("Ctrl-C"));
          signal?.throwIfAborted();
          return Promise.resolve(result(spec));
        },
      });
      await expect(interrupted).rejects.toThrow("Ctrl-C");
      expect(filesUnder(cut)).toEqual([`runs/${await hashSpec(specs[0])}.arrow`]);
      const { started, reused } = await watched(cut);
      expect([started, reused]).toEqual([[1, 2], [0]]);
      expect(bytesOf(cut)).toEqual(bytesOf(alone));
    });
  });

  it("records a run that failed, goes on with the others, and tries it again the next time", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      const { records } = await watched(out, {
        run: (spec) => {
          if (spec.seed === 1) throw new TrainingFailed("the loss is NaN at step 2");
          return Promise.resolve(result(spec));
        },
      });
      expect(records.map(({ status }) => status)).toEqual(["finished", "failed", "finished"]);
      expect(records[1].error).toBe("the loss is NaN at step 2");
      expect((await findRecord(out, specs[1])).kind).toBe("failed");
      const again = await watched(out);
      expect(again.started).toEqual([1]);
      expect(again.records[1].status).toBe("finished");
    });
  });

  it("ends with any other error and keeps what was finished", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      const broken = watched(out, {
        run: (spec) => spec.seed === 1 ? Promise.reject(new Error("the device was lost")) : run(spec, {} as never),
      });
      await expect(broken).rejects.toThrow("the device was lost");
      expect(filesUnder(out)).toEqual([`runs/${await hashSpec(specs[0])}.arrow`]);
    });
  });

  const damages: [what: string, damage: (path: string, record: RunRecord) => Promise<void>, reason: string][] = [
    ["is cut short", async (path) => await Deno.truncate(path, 1000), ""],
    ["is empty", async (path) => await Deno.truncate(path, 0), ""],
    ["is of another run", (path, record) => writeRecord(path, { ...record, hash: "another" }), "it is of run"],
    [
      "holds another spec than its name says",
      (path, record) => writeRecord(path, { ...record, spec: sampleSpec({ seed: 9 }) }),
      "it is of run",
    ],
  ];
  for (const [what, damage, reason] of damages) {
    it(`sets a record aside that ${what}, says so, and repeats that run alone`, async () => {
      await withFolder(async (folder) => {
        const out = await locked(folder);
        const { records } = await watched(out);
        const before = bytesOf(out);
        const path = recordPath(out, records[1].hash);
        await damage(path, records[1]);
        const again = await watched(out);
        expect(again.started).toEqual([1]);
        expect(again.damaged).toHaveLength(1);
        expect(again.damaged[0]).toContain(`${path}: ${reason}`);
        const { [`runs/${records[1].hash}.arrow.damaged`]: aside, ...rest } = bytesOf(out);
        expect(aside).toBeDefined();
        expect(rest).toEqual(before);
      });
    });
  }

  it("ends with the path and the reason where a record cannot be written", async () => {
    await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/runs`, "no folder");
      await expect(watched(folder)).rejects.toThrow(`cannot write ${folder}/runs/${await hashSpec(specs[0])}.arrow: `);
    });
  });
});

describe("findRecord()", () => {
  it("finds nothing in a folder that is not there", async () => {
    expect(await findRecord("/nowhere/at/all", sampleSpec())).toEqual({ kind: "missing" });
  });

  it("finds a finished record under the hash of its spec", async () => {
    await withFolder(async (folder) => {
      const out = await locked(folder);
      const record = { ...finished(sampleSpec()), hash: await hashSpec(sampleSpec()) };
      await writeRecord(recordPath(out, record.hash), record);
      expect(await findRecord(out, sampleSpec())).toEqual({ kind: "finished", record });
    });
  });
});
