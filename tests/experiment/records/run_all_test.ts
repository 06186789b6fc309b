import { tableFromIPC } from "apache-arrow";
import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  canonicalJson,
  findRecord,
  hashSpec,
  lockFolder,
  recordPath,
  runAll,
  type RunAllOptions,
  type RunFunction,
  type RunRecord,
  type RunSpec,
  writeRecord,
} from "../../../lib/experiment/mod.ts";
import { TrainingFailed } from "../../../lib/train/mod.ts";
import { filesUnder, finished, sampleResult, sampleSpec, withFolder } from "../samples.ts";

const specs = [0, 1, 2].map((seed) => sampleSpec({ seed }));

/** A run whose result is a function of its spec. */
const result = ({ seed }: RunSpec) => sampleResult({ metrics: { matthewsCorrelation: 1 / (seed + 3) } });
const run: RunFunction = (spec) => Promise.resolve(result(spec));

/** Runs a grid and notes what was said. */
async function watched(out: string, options: Partial<RunAllOptions> = {}) {
  const started: number[] = [];
  const reused: number[] = [];
  const damaged: string[] = [];
  const records = await Array.fromAsync(runAll(specs, {
    out,
    run,
    onStart: (index) => started.push(index),
    onRecord: (index, _, isReused) => isReused && reused.push(index),
    onDamage: (path, reason) => damaged.push(`${path}: ${reason}`),
    ...options,
  }));
  return { records, started, reused, damaged };
}

/** Each file's bytes. */
const bytesOf = (out: string) =>
  Object.fromEntries(filesUnder(out).map((name) => [name, Deno.readFileSync(`${out}/${name}`).join()]));

/** The runs in a table, in its order. */
const hashesIn = async (path: string) => tableFromIPC(await Deno.readFile(path)).toArray().map(({ hash }) => hash);

describe("runAll()", () => {
  it("runs each spec in order and keeps each as a file of its own, with both tables and the specs beside", async () => {
    await withFolder(async (out) => {
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
    await withFolder(async (out) => {
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
    await withFolder(async (out) => {
      await watched(out);
      expect((await watched(out, { force: true })).started).toEqual([0, 1, 2]);
    });
  });

  it("goes on after an interruption without repeating, and ends with the bytes of a grid left alone", async () => {
    await withFolder(async (folder) => {
      const [alone, cut] = [`${folder}/alone`, `${folder}/cut`];
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
      expect(filesUnder(`${cut}/runs`)).toEqual([`${await hashSpec(specs[0])}.arrow`]);
      expect(await hashesIn(`${cut}/runs.arrow`)).toEqual([await hashSpec(specs[0])]);
      const { started, reused } = await watched(cut);
      expect([started, reused]).toEqual([[1, 2], [0]]);
      expect(bytesOf(cut)).toEqual(bytesOf(alone));
    });
  });

  it("records a run that failed, goes on with the others, and tries it again the next time", async () => {
    await withFolder(async (out) => {
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
    await withFolder(async (out) => {
      const broken = watched(out, {
        run: (spec) => spec.seed === 1 ? Promise.reject(new Error("the device was lost")) : run(spec, {} as never),
      });
      await expect(broken).rejects.toThrow("the device was lost");
      expect(filesUnder(`${out}/runs`)).toEqual([`${await hashSpec(specs[0])}.arrow`]);
      expect(await hashesIn(`${out}/runs.arrow`)).toEqual([await hashSpec(specs[0])]);
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
      await withFolder(async (out) => {
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
      const broken = watched(folder, {
        run: async (spec) => {
          await Deno.remove(`${folder}/runs`, { recursive: true });
          return result(spec);
        },
      });
      await expect(broken).rejects.toThrow(`cannot write ${folder}/runs/${await hashSpec(specs[0])}.arrow: `);
    });
  });
});

describe("runAll(), as a loop over records", () => {
  it("begins a run only when its record is asked for, and leaves the rest for later where the loop is left", async () => {
    await withFolder(async (out) => {
      const started: number[] = [];
      const onStart = (index: number) => started.push(index);
      for await (const { spec } of runAll(specs, { out, run, onStart })) {
        expect(started).toEqual([0, 1].slice(0, spec.seed + 1));
        if (spec.seed === 1) break;
      }
      expect(started).toEqual([0, 1]);
      expect(await hashesIn(`${out}/runs.arrow`)).toEqual(await Promise.all(specs.slice(0, 2).map(hashSpec)));
      expect((await watched(out)).started).toEqual([2]); // the folder is free again
    });
  });

  it("has the records of earlier runs in the tables from the first new one on", async () => {
    await withFolder(async (out) => {
      await watched(out);
      await Deno.remove(recordPath(out, await hashSpec(specs[0])));
      await Deno.remove(`${out}/runs.arrow`);
      for await (const _ of runAll(specs, { out, run })) break;
      expect(await hashesIn(`${out}/runs.arrow`)).toEqual(await Promise.all(specs.map(hashSpec)));
    });
  });

  it("keeps as many runs under way as it may, and gives records in the order of specs all the same", async () => {
    await withFolder(async (out) => {
      const many = Array.from({ length: 7 }, (_, seed) => sampleSpec({ seed }));
      let [now, most] = [0, 0];
      const ended: number[] = [];
      const slow: RunFunction = async (spec) => {
        most = Math.max(most, ++now);
        await new Promise((done) => setTimeout(done, spec.seed % 3 === 0 ? 60 : 5)); // the first of three is the last
        now--;
        ended.push(spec.seed);
        return result(spec);
      };
      const records = await Array.fromAsync(runAll(many, { out, run: slow, parallel: 3 }));
      expect(most).toBe(3);
      expect(ended).not.toEqual(ended.toSorted((a, b) => a - b));
      expect(records.map(({ spec }) => spec)).toEqual(many);
      expect(await hashesIn(`${out}/runs.arrow`)).toEqual(await Promise.all(many.map(hashSpec)));
    });
  });

  it("begins a run when the one that it starts from has ended, wherever that one stands", async () => {
    await withFolder(async (out) => {
      const first = sampleSpec({ seed: 5 });
      const second = sampleSpec({ seed: 6, start: { task: "cola", run: await hashSpec(first) } });
      const third = sampleSpec({ seed: 7, start: { task: "cola", run: await hashSpec(second) } });
      for (const parallel of [1, 3]) {
        const said: string[] = [];
        const slow: RunFunction = async (spec) => {
          said.push(`begins ${spec.seed}`);
          await new Promise((done) => setTimeout(done, 5));
          said.push(`ends ${spec.seed}`);
          return result(spec);
        };
        const options = { out: `${out}/${parallel}`, run: slow, parallel };
        const records = await Array.fromAsync(runAll([third, second, first], options));
        expect(records.map(({ spec }) => spec.seed)).toEqual([7, 6, 5]);
        expect(said).toEqual([5, 6, 7].flatMap((seed) => [`begins ${seed}`, `ends ${seed}`]));
      }
    });
  });

  it("tells the runs under way to stop where one ends with an error, waits for them, and says which error", async () => {
    await withFolder(async (out) => {
      const stopped: number[] = [];
      const broken = watched(out, {
        parallel: 3,
        run: (spec, { signal }) =>
          new Promise((_, reject) => {
            if (spec.seed === 1) return setTimeout(() => reject(new Error("the device was lost")), 5);
            signal!.addEventListener("abort", () => {
              stopped.push(spec.seed);
              reject(signal!.reason);
            });
          }),
      });
      await expect(broken).rejects.toThrow("the device was lost");
      expect(stopped.sort()).toEqual([0, 2]);
      expect(filesUnder(`${out}/runs`)).toEqual([]);
    });
  });

  it("refuses no specs, a wrong one and one that comes twice before anything runs", async () => {
    await withFolder(async (folder) => {
      const out = `${folder}/new`;
      const refused = (list: readonly RunSpec[]) => Array.fromAsync(runAll(list, { out, run }));
      await expect(refused([])).rejects.toThrow(new RangeError("Cannot run a grid as it is empty"));
      const wrong = { ...specs[1], stpes: 4 } as RunSpec;
      await expect(refused([specs[0], wrong])).rejects.toThrow(
        'Cannot run spec 2 of 2: a run\'s spec is wrong at stpes: there is no such key: did you mean "steps"?',
      );
      await expect(refused([...specs, { ...specs[1] }])).rejects.toThrow("its specs 2 and 4 are the same run");
      expect(filesUnder(folder)).toEqual([]);
    });
  });

  it("refuses a fraction of a run at once, and a lock of another folder", async () => {
    await withFolder(async (out) => {
      await expect(watched(out, { parallel: 0.5 })).rejects.toThrow("parallel must be a whole number from 1 on: 0.5");
      using lock = await lockFolder(`${out}/other`);
      await expect(watched(out, { lock })).rejects.toThrow(`Cannot write into ${out} as the lock is of ${out}/other`);
    });
  });

  it("refuses a folder with a record where it must not go on with one", async () => {
    await withFolder(async (out) => {
      await watched(out, { resume: false });
      await expect(watched(out, { resume: false })).rejects.toThrow(
        `Cannot start afresh in ${out} as 3 of 3 runs are recorded there`,
      );
    });
  });

  it("refuses a folder that is in use, and works with the caller's right to it", async () => {
    await withFolder(async (out) => {
      using lock = await lockFolder(out);
      await expect(watched(out)).rejects.toThrow(`${out} is in use by another process`);
      expect((await watched(out, { lock })).started).toEqual([0, 1, 2]);
    });
  });

  it("ends with the reason where a record cannot be read, and leaves it alone", async () => {
    await withFolder(async (out) => {
      const path = recordPath(out, await hashSpec(specs[0]));
      await Deno.mkdir(path, { recursive: true });
      await expect(watched(out)).rejects.toThrow(`cannot read ${path}: Is a directory`);
      expect(Deno.statSync(path).isDirectory).toBe(true);
    });
  });

  it("keeps every damaged file under a name of its own", async () => {
    await withFolder(async (out) => {
      await watched(out);
      const path = recordPath(out, await hashSpec(specs[0]));
      for (const text of ["one", "two"]) {
        await Deno.writeTextFile(path, text);
        await watched(out);
      }
      expect(await Deno.readTextFile(`${path}.damaged`)).toBe("one");
      expect(await Deno.readTextFile(`${path}.damaged.2`)).toBe("two");
    });
  });
});

describe("findRecord()", () => {
  it("finds nothing in a folder that is not there", async () => {
    expect(await findRecord("/nowhere/at/all", sampleSpec())).toEqual({ kind: "missing" });
  });

  it("finds a finished record under the hash of its spec", async () => {
    await withFolder(async (out) => {
      const record = { ...finished(sampleSpec()), hash: await hashSpec(sampleSpec()) };
      await Deno.mkdir(`${out}/runs`);
      await writeRecord(recordPath(out, record.hash), record);
      expect(await findRecord(out, sampleSpec())).toEqual({ kind: "finished", record });
    });
  });
});
