import { tableFromIPC } from "apache-arrow";
import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects, parquetSchema } from "hyparquet";
import {
  canonicalJson,
  hashSpec,
  METHOD_OPTIONS,
  METRICS,
  parseSpec,
  readRecord,
  type RunRecord,
  scoreOf,
  writeRecord,
  writeTables,
} from "../../../lib/experiment/mod.ts";
import { failed, filesUnder, finished, sampleCurve, sampleResult, sampleSpec, withFolder } from "../samples.ts";

/** Arrow's names of what columns hold. */
const TYPES = { text: "Utf8", integer: "Int32", "large integer": "Int64", number: "Float64", boolean: "Bool" };

/** The columns of `runs.arrow`. */
const RUN_COLUMNS = [
  "hash: Utf8!",
  "status: Utf8!",
  "error: Utf8",
  "version: Int32",
  "experiment: Utf8",
  "task: Utf8",
  "kind: Utf8",
  "method: Utf8",
  "seed: Int64",
  "steps: Int32",
  "metric: Utf8",
  "score: Float64",
  ...METRICS.map((name) => `${name}: Float64`),
  "metrics: Utf8",
  "bestStep: Int32",
  "wallSeconds: Float64",
  "stepsPerSecond: Float64",
  "parallel: Int32",
  "cells: Int32",
  "peakBytes: Float64",
  "trainableParameters: Float64",
  "totalParameters: Float64",
  "writes: Int32",
  "changes: Utf8",
  "device: Utf8",
  "kernels: Utf8",
  "products: Utf8",
  "versions: Utf8",
  "isModified: Bool",
  "split: Utf8",
  "checkpoint: Utf8",
  "evaluateEvery: Int32",
  "epochs: Float64",
  "batchSize: Int32",
  "accumulate: Int32",
  "data_source: Utf8",
  "data_hash: Utf8",
  "data_examples: Int32",
  "model: Utf8",
  "model_source: Utf8",
  "model_hash: Utf8",
  "model_length: Int32",
  "model_dropout: Float64",
  "model_weights: Utf8",
  "start_task: Utf8",
  "start_run: Utf8",
  "adapter_hash: Utf8",
  ...Object.entries(METHOD_OPTIONS).map(([name, type]) => `method_${name}: ${TYPES[type]}`),
  "optimizer: Utf8",
  "optimizer_learningRate: Float64",
  "optimizer_schedule: Utf8",
  "optimizer_warmup: Int32",
  "optimizer_weightDecay: Float64",
  "optimizer_decaysBiases: Bool",
  "optimizer_momentum: Float64",
  "optimizer_clip: Float64",
  "scores: Utf8",
  "padding: Utf8",
  "order: Utf8",
  "packageVersion: Utf8",
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
/** What JSON gives back to the bit, as it has no −0. */
const plain = number.map((value) => value + 0);
const change = fc.record({
  shape: fc.constant([2, 3] as const),
  values: fc.array(plain, { maxLength: 3 }),
  cosine: plain,
  norm: plain,
  size: plain,
});
const record = fc.record({
  metrics: fc.dictionary(fc.constantFrom(...METRICS), number, { noNullPrototype: true }),
  losses: fc.array(number, { maxLength: 20 }),
  wallSeconds: number,
  peakBytes: fc.maxSafeNat(),
  writes: fc.nat(),
  changes: fc.option(fc.dictionary(fc.string(), change, { noNullPrototype: true }), { nil: undefined }),
  device: fc.string({ unit: "binary" }),
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

  it("give back a record of before specs had versions, its spec in the present form under its old name", async () => {
    const { hash, spec, result } = await readRecord(
      new URL("../../fixtures/record_version_0.arrow", import.meta.url).pathname,
    );
    expect(hash).toBe("6166cf304a6e9fce");
    expect(spec).toMatchObject({
      version: 1,
      task: "stsb",
      kind: "regression",
      method: { name: "delta-lora" },
      steps: 4,
    });
    expect(result?.device).toBe("llvmpipe-llvm-15-0-6-256-bits (lavapipe)"); // in the column `adapter` of its time
    expect(result).toMatchObject({ writes: 2, curve: [{ step: 0 }, { step: 1 }, { step: 2 }, { step: 3 }] });
    expect(await hashSpec(spec)).not.toBe(hash);
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
      for (let length = 0; length < bytes.length; length += 13) {
        await Deno.writeFile(`${folder}/cut.arrow`, bytes.subarray(0, length));
        await expect(readRecord(`${folder}/cut.arrow`)).rejects.toThrow();
      }
    });
  });

  it("refuse a file in which any bit is another, without parsing it", async () => {
    await withFolder(async (folder) => {
      await writeRecord(`${folder}/whole.arrow`, finished(sampleSpec()));
      const bytes = await Deno.readFile(`${folder}/whole.arrow`);
      for (let at = 0; at < bytes.length; at += 13) {
        const changed = bytes.slice();
        changed[at] ^= 1 << at % 8;
        await Deno.writeFile(`${folder}/changed.arrow`, changed);
        await expect(readRecord(`${folder}/changed.arrow`)).rejects.toThrow("checksum");
      }
    });
  });

  it("keep metrics that have no column of their own", async () => {
    await withFolder(async (folder) => {
      const written = finished(sampleSpec({ metric: "perplexity" }), { metrics: { perplexity: 1 / 3, f1: NaN } });
      await writeRecord(`${folder}/a.arrow`, written);
      expect(await readRecord(`${folder}/a.arrow`)).toEqual(written);
      const row = (await table(`${folder}/a.arrow`)).get(0)!;
      expect([row.score, row.metrics]).toEqual([1 / 3, '{"f1":null,"perplexity":0.3333333333333333}']);
    });
  });

  it("refuse tables of runs and files that are no records at all", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, [finished(sampleSpec()), finished(sampleSpec({ seed: 1 }))]);
      await expect(readRecord(`${folder}/runs.arrow`)).rejects.toThrow(
        `cannot read the record ${folder}/runs.arrow: it is no record, or was cut short`,
      );
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
      const modules = ["../../../lib/experiment/mod.ts", "../samples.ts"].map((name) =>
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
        .toEqual([["rte", 1n, "finished"], ["cola", 0n, "failed"], ["cola", 2n, "finished"]]);
      const result = sampleResult();
      expect(rows[0]).toEqual({
        hash: records[0].hash,
        status: "finished",
        error: null,
        version: 1,
        experiment: "glue",
        task: "rte",
        kind: "classification",
        method: "lora",
        seed: 1n,
        steps: 4,
        metric: "accuracy",
        score: result.metrics.accuracy,
        matthewsCorrelation: result.metrics.matthewsCorrelation,
        accuracy: result.metrics.accuracy,
        f1: null,
        pearson: null,
        spearman: null,
        mismatchedAccuracy: null,
        metrics: canonicalJson(result.metrics),
        bestStep: null,
        wallSeconds: result.wallSeconds,
        stepsPerSecond: result.stepsPerSecond,
        parallel: result.parallel,
        cells: result.cells,
        peakBytes: result.peakBytes,
        trainableParameters: result.trainableParameters,
        totalParameters: result.totalParameters,
        writes: 3,
        changes: null,
        device: result.device,
        kernels: result.kernels,
        products: result.products,
        versions: result.versions,
        isModified: false,
        split: "dev",
        checkpoint: "last",
        evaluateEvery: null,
        epochs: null,
        batchSize: 16,
        accumulate: null,
        data_source: "suite",
        data_hash: "d".repeat(64),
        data_examples: 100,
        model: "suite-encoder",
        model_source: null,
        model_hash: "e".repeat(64),
        model_length: 16,
        model_dropout: null,
        model_weights: null,
        start_task: null,
        start_run: null,
        adapter_hash: null,
        ...Object.fromEntries(Object.keys(METHOD_OPTIONS).map((name) => [`method_${name}`, null])),
        method_rank: 8,
        method_alpha: 16,
        optimizer: "adamw",
        optimizer_learningRate: 1e-3,
        optimizer_schedule: "linear",
        optimizer_warmup: 1,
        optimizer_weightDecay: 0.01,
        optimizer_decaysBiases: null,
        optimizer_momentum: null,
        optimizer_clip: 1,
        scores: null,
        padding: null,
        order: null,
        packageVersion: "0.1.0",
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
        .toEqual(["hash: Utf8!", "task: Utf8!", "method: Utf8!", "seed: Int64!", ...CURVE_COLUMNS]);
      const rows = (await table(`${folder}/curves.arrow`)).toArray().map((row) => row.toJSON());
      const of = ({ hash, spec: { task, method, seed } }: RunRecord, length: number) =>
        sampleCurve(length).map((point) => ({ hash, task, method: method.name, seed: BigInt(seed), ...point }));
      expect(rows).toEqual([...of(records[0], 2), ...of(records[2], 3)]);
    });
  });

  it("keeps every seed that a spec may have, in both tables and both formats", async () => {
    const seeds = [2 ** 31 - 1, 2 ** 31, 3_000_000_000, 2 ** 32, Number.MAX_SAFE_INTEGER];
    await withFolder(async (folder) => {
      const curve = sampleCurve(1);
      const runs = seeds.map((seed) => finished(parseSpec(sampleSpec({ seed })), { curve }));
      await writeTables(folder, runs, { parquet: true });
      for (const name of ["runs", "curves"]) {
        const rows = (await table(`${folder}/${name}.arrow`)).toArray();
        expect(rows.map(({ seed }) => Number(seed))).toEqual(seeds);
        const { buffer } = await Deno.readFile(`${folder}/${name}.parquet`);
        expect((await parquetReadObjects({ file: buffer })).map(({ seed }) => Number(seed))).toEqual(seeds);
      }
      await writeRecord(`${folder}/one.arrow`, runs[4]);
      expect((await readRecord(`${folder}/one.arrow`)).spec.seed).toBe(Number.MAX_SAFE_INTEGER);
    });
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) {
      expect(() => parseSpec(sampleSpec({ seed }))).toThrow("wrong at seed");
    }
    expect(() => parseSpec(sampleSpec({ steps: 2 ** 31 }))).toThrow("wrong at steps");
  });

  it("leaves an option that is of another kind than its column to the spec", async () => {
    await withFolder(async (folder) => {
      const method = { name: "mine", rank: 2.5, alpha: "large", lambda: 0.5, startStep: -1, tau: 3 };
      await writeTables(folder, [finished(sampleSpec({ method }))]);
      const row = (await table(`${folder}/runs.arrow`)).get(0)!;
      expect([row.method_rank, row.method_alpha, row.method_lambda, row.method_startStep]).toEqual([
        null,
        null,
        0.5,
        -1,
      ]);
      expect(JSON.parse(row.spec).method).toEqual(method);
    });
  });

  it("writes the same rows, types and nulls as Parquet where it is asked to", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, records, { parquet: true });
      expect(filesUnder(folder)).toEqual(["curves.arrow", "curves.parquet", "runs.arrow", "runs.parquet"]);
      for (const name of ["runs", "curves"]) {
        const arrow = await table(`${folder}/${name}.arrow`);
        const { buffer } = await Deno.readFile(`${folder}/${name}.parquet`);
        const rows = (await parquetReadObjects({ file: buffer }))
          .map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value ?? null])));
        expect(rows).toEqual(arrow.toArray().map((row) => row.toJSON()));
        const of = { BYTE_ARRAY: "Utf8", INT32: "Int32", INT64: "Int64", DOUBLE: "Float64", BOOLEAN: "Bool" } as Record<
          string,
          string
        >;
        const columns = parquetSchema(parquetMetadata(buffer)).children.map(({ element }) =>
          `${element.name}: ${of[element.type!]}${element.repetition_type === "REQUIRED" ? "!" : ""}`
        );
        expect(columns).toEqual(await schemaOf(`${folder}/${name}.arrow`));
      }
    });
  });

  it("writes Parquet of runs that all failed, and removes none that is there", async () => {
    await withFolder(async (folder) => {
      await writeTables(folder, [failed(sampleSpec())], { parquet: true });
      const { buffer } = await Deno.readFile(`${folder}/curves.parquet`);
      expect(await parquetReadObjects({ file: buffer })).toEqual([]);
      await writeTables(folder, records);
      expect(filesUnder(folder)).toContain("runs.parquet");
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
