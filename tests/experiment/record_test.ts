import { tableFromIPC } from "apache-arrow";
import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import {
  canonicalJson,
  METRICS,
  readRecord,
  type RunRecord,
  scoreOf,
  writeRecord,
  writeTables,
} from "../../lib/experiment/mod.ts";
import { failed, filesUnder, finished, sampleCurve, sampleResult, sampleSpec, withFolder } from "./samples.ts";

/** The columns of `runs.arrow`. */
const RUN_COLUMNS = [
  "hash: Utf8!",
  "status: Utf8!",
  "error: Utf8",
  "experiment: Utf8",
  "task: Utf8",
  "method: Utf8",
  "seed: Int32",
  "steps: Int32",
  "metric: Utf8",
  "score: Float64",
  ...METRICS.map((name) => `${name}: Float64`),
  "wallSeconds: Float64",
  "stepsPerSecond: Float64",
  "peakBytes: Float64",
  "trainableParameters: Int32",
  "totalParameters: Int32",
  "writes: Int32",
  "adapter: Utf8",
  "kernels: Utf8",
  "products: Utf8",
  "versions: Utf8",
  "isModified: Bool",
  "spec: Utf8!",
];
const CURVE_COLUMNS = [
  "step: Int32!",
  "loss: Float64!",
  "learningRate: Float64!",
  "gradNorm: Float64!",
  "elapsedSeconds: Float64!",
];

async function table(path: string) {
  return tableFromIPC(await Deno.readFile(path));
}

/** Fields of a file: name, type, and `!` where there is always a value. */
async function schemaOf(path: string): Promise<string[]> {
  const { schema } = await table(path);
  return schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? "" : "!"}`);
}

const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const record = fc.record({
  metrics: fc.dictionary(fc.constantFrom(...METRICS), number, { noNullPrototype: true }),
  losses: fc.array(number, { maxLength: 20 }),
  wallSeconds: number,
  peakBytes: fc.maxSafeNat(),
  writes: fc.nat(),
  adapter: fc.string({ unit: "binary" }),
  isModified: fc.option(fc.boolean(), { nil: undefined }),
}).map(({ losses, isModified, ...result }): RunRecord => ({
  ...finished(sampleSpec(), {
    ...result,
    curve: sampleCurve(losses.length).map((point, i) => ({ ...point, loss: losses[i] })),
  }),
  isModified,
}));

describe("writeRecord() and readRecord()", () => {
  it("give back every finished record to the last bit", async () => {
    await withFolder(async (folder) => {
      await fc.assert(
        fc.asyncProperty(record, async (written) => {
          await writeRecord(`${folder}/a.arrow`, written);
          expect(await readRecord(`${folder}/a.arrow`)).toEqual(written);
        }),
        { numRuns: 50 },
      );
    });
  });

  it("give back a failed record with its reason and no result", async () => {
    await withFolder(async (folder) => {
      await writeRecord(`${folder}/a.arrow`, failed(sampleSpec()));
      expect(await readRecord(`${folder}/a.arrow`)).toEqual(failed(sampleSpec()));
    });
  });

  it("keep one row with the columns of runs.arrow and the curve as lists", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/a.arrow`;
      await writeRecord(path, finished(sampleSpec()));
      const curve = CURVE_COLUMNS.map((column) => `curve_${column.replace(/: (.*)!/, ": List<$1>!")}`);
      expect(await schemaOf(path)).toEqual([...RUN_COLUMNS, ...curve]);
      const read = await table(path);
      expect(read.numRows).toBe(1);
      expect(Array.from(read.get(0)!.curve_loss)).toEqual(sampleCurve(4).map(({ loss }) => loss));
    });
  });

  it("refuse a file that was cut anywhere", async () => {
    await withFolder(async (folder) => {
      await writeRecord(`${folder}/whole.arrow`, finished(sampleSpec()));
      const bytes = await Deno.readFile(`${folder}/whole.arrow`);
      for (let length = 0; length < bytes.length; length += 61) {
        await Deno.writeFile(`${folder}/cut.arrow`, bytes.subarray(0, length));
        await expect(readRecord(`${folder}/cut.arrow`)).rejects.toThrow();
      }
    });
  });

  it("refuse files that hold another number of runs, or no records at all", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, [finished(sampleSpec()), finished(sampleSpec({ seed: 1 }))]);
      await expect(readRecord(`${folder}/runs.arrow`)).rejects.toThrow("runs.arrow holds 2 runs, not one");
      await Deno.writeTextFile(`${folder}/text.arrow`, "no Arrow file");
      await expect(readRecord(`${folder}/text.arrow`)).rejects.toThrow();
    });
  });

  it("refuse a record whose spec is wrong", async () => {
    await withFolder(async (folder) => {
      await writeRecord(`${folder}/a.arrow`, finished({ ...sampleSpec(), steps: 0 }));
      await expect(readRecord(`${folder}/a.arrow`)).rejects.toThrow("a run's spec is wrong at steps");
    });
  });

  it("leave nothing behind where the disk takes only half of a file, say so, and keep what was there", async () => {
    await withFolder(async (folder) => {
      const path = `${folder}/a.arrow`;
      await writeRecord(path, finished(sampleSpec()));
      const before = await Deno.readFile(path);
      const modules = ["../../lib/experiment/mod.ts", "./samples.ts"].map((name) =>
        new URL(name, import.meta.url).href
      );
      const program = `import { writeRecord } from "${modules[0]}"; import { finished, sampleSpec } from "${
        modules[1]
      }";
        await writeRecord(${
        JSON.stringify(path)
      }, finished(sampleSpec({ seed: 1 }))).catch((e) => console.log(e.message));`;
      // Files of this process end at 2 KiB, and a record has more.
      const { stdout } = await new Deno.Command("bash", {
        args: ["-c", `trap '' XFSZ; ulimit -f 2; exec "$0" "$@"`, Deno.execPath(), "eval", "--quiet", program],
        stderr: "inherit",
      }).output();
      expect(before.length).toBeGreaterThan(2048);
      expect(new TextDecoder().decode(stdout)).toMatch(new RegExp(`^cannot write ${path}: File too large`));
      expect(filesUnder(folder)).toEqual(["a.arrow"]);
      expect(await Deno.readFile(path)).toEqual(before);
    });
  });
});

describe("writeTables()", () => {
  const records = [
    finished(sampleSpec({ task: "rte", metric: "accuracy", seed: 1 }), { curve: sampleCurve(2), writes: 3 }),
    failed(sampleSpec({ seed: 0 })),
    { ...finished(sampleSpec({ seed: 2 }), { curve: sampleCurve(3) }), isModified: undefined },
  ];

  it("writes one row a run in the given order, with every column read back by apache-arrow", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, records);
      expect(await schemaOf(`${folder}/runs.arrow`)).toEqual(RUN_COLUMNS);
      const rows = (await table(`${folder}/runs.arrow`)).toArray().map((row) => row.toJSON());
      expect(rows.map(({ task, seed, status }) => [task, seed, status]))
        .toEqual([["rte", 1, "finished"], ["cola", 0, "failed"], ["cola", 2, "finished"]]);
      const result = sampleResult();
      expect(rows[0]).toEqual({
        hash: records[0].hash,
        status: "finished",
        error: null,
        experiment: "glue",
        task: "rte",
        method: "lora",
        seed: 1,
        steps: 4,
        metric: "accuracy",
        score: result.metrics.accuracy,
        matthewsCorrelation: result.metrics.matthewsCorrelation,
        accuracy: result.metrics.accuracy,
        f1: null,
        pearson: null,
        spearman: null,
        wallSeconds: result.wallSeconds,
        stepsPerSecond: result.stepsPerSecond,
        peakBytes: result.peakBytes,
        trainableParameters: result.trainableParameters,
        totalParameters: result.totalParameters,
        writes: 3,
        adapter: result.adapter,
        kernels: result.kernels,
        products: result.products,
        versions: result.versions,
        isModified: false,
        spec: canonicalJson(records[0].spec),
      });
      expect([rows[1].error, rows[1].score, rows[1].writes]).toEqual(["the loss is NaN at step 2", null, null]);
      expect(rows.map(({ isModified }) => isModified)).toEqual([false, true, null]);
    });
  });

  it("writes one row a logged step, in the order of the runs", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, records);
      expect(await schemaOf(`${folder}/curves.arrow`))
        .toEqual(["hash: Utf8!", "task: Utf8!", "method: Utf8!", "seed: Int32!", ...CURVE_COLUMNS]);
      const rows = (await table(`${folder}/curves.arrow`)).toArray().map((row) => row.toJSON());
      const of = ({ hash, spec: { task, method, seed } }: RunRecord, length: number) =>
        sampleCurve(length).map((point) => ({ hash, task, method: method.name, seed, ...point }));
      expect(rows).toEqual([...of(records[0], 2), ...of(records[2], 3)]);
    });
  });

  it("writes both tables where every run failed", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, [failed(sampleSpec())]);
      expect((await table(`${folder}/runs.arrow`)).numRows).toBe(1);
      expect((await table(`${folder}/curves.arrow`)).numRows).toBe(0);
    });
  });
});

describe("scoreOf()", () => {
  it("is the metric that the spec names, and none of a failed run", () => {
    expect(scoreOf(finished(sampleSpec({ metric: "accuracy" })))).toBe(2 / 3);
    expect(scoreOf(failed(sampleSpec()))).toBeUndefined();
  });
});
