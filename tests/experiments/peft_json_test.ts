import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { writePeftJson } from "../../experiments/runner/write_peft_json.ts";
import { peftResult, recordPath, type RunRecord, writeRecord } from "../../lib/experiment/mod.ts";
import { failed, filesUnder, finished, sampleSpec } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";

const AT = { name: "lora/suite-cola-seed-0", createdAt: "2026-11-30T12:00:00+00:00" };

/** What `method_comparison/processing.py` of PEFT 0.18 reads of a file, by the kind that its table gives each. */
const READ: Readonly<Record<string, "text" | "whole" | "number" | "object">> = {
  "run_info.experiment_name": "text",
  "run_info.train_config.model_id": "text",
  "run_info.train_config": "object",
  "run_info.peft_config.peft_type": "text",
  "run_info.total_time": "number",
  "run_info.created_at": "text",
  "train_info.accelerator_memory_reserved_avg": "whole",
  "train_info.accelerator_memory_max": "whole",
  "train_info.accelerator_memory_reserved_99th": "whole",
  "train_info.train_time": "number",
  "train_info.file_size": "whole",
  "train_info.metrics.0.test accuracy": "number",
  "train_info.metrics.0.train loss": "number",
  "train_info.metrics.0.train samples": "whole",
  "train_info.metrics.0.train total tokens": "whole",
  "meta_info.package_info": "object",
  "meta_info.system_info": "object",
};

/** Columns of text that may have no value. */
const MAY_BE_NULL = [
  "run_info.peft_branch",
  ...["peft", "transformers", "datasets", "torch", "bitsandbytes"].map((name) =>
    `meta_info.package_info.${name}-version`
  ),
];

const valueAt = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((at, key) => Object(at)[key], value);

const FITS = {
  text: (value: unknown) => typeof value === "string",
  whole: (value: unknown) => Number.isSafeInteger(value),
  number: (value: unknown) => typeof value === "number",
  object: (value: unknown) => typeof value === "object" && value !== null,
};

describe("peftResult()", () => {
  const spec = sampleSpec();
  const json: unknown = JSON.parse(JSON.stringify(peftResult(finished(spec), AT)));

  it("has all that PEFT's method comparison reads, of the kinds that it takes", () => {
    for (const [path, kind] of Object.entries(READ)) {
      expect([path, FITS[kind](valueAt(json, path))]).toEqual([path, true]);
    }
    for (const path of MAY_BE_NULL) expect([path, valueAt(json, path)]).toEqual([path, null]);
    expect(valueAt(json, "train_info.status")).toBe("success");
  });

  it("says of a run what its record says", () => {
    const { result } = finished(spec);
    expect(json).toMatchObject({
      run_info: {
        created_at: AT.createdAt,
        experiment_name: AT.name,
        total_time: result!.wallSeconds,
        train_config: {
          ...{ seed: spec.seed, max_steps: spec.steps, batch_size: spec.batchSize, optimizer_type: "AdamW" },
          optimizer_kwargs: { lr: spec.optimizer.learningRate },
        },
        peft_config: { peft_type: "LORA", r: spec.method.rank, lora_alpha: spec.method.alpha },
        error_msg: "",
      },
      train_info: {
        accelerator_memory_max: result!.peakBytes,
        num_trainable_params: result!.trainableParameters,
        metrics: [{
          ...{ split: "dev", "test accuracy": 2 / 3, metric: "matthewsCorrelation", "dev matthewsCorrelation": 0.5 },
          "train samples": spec.steps * spec.batchSize,
          "train total tokens": spec.steps * spec.batchSize * spec.model.length,
        }],
      },
      meta_info: { model_info: { sha: spec.model.hash }, system_info: { accelerator: result!.device } },
    });
  });

  it("has no configuration where the whole model is trained, no accuracy where there is none, and says what failed", () => {
    const whole = finished(spec, { metrics: { pearson: 0.9 }, trainableParameters: 100, totalParameters: 100 });
    const { run_info, train_info } = peftResult(whole, AT);
    expect(run_info.peft_config).toBeNull();
    expect(train_info.metrics[0]).toMatchObject({ "test accuracy": null, "dev pearson": 0.9 });
    expect(peftResult(failed(spec), AT)).toMatchObject({
      run_info: { error_msg: "the loss is NaN at step 2" },
      train_info: { status: "failed", metrics: [] },
    });
  });
});

describe("writePeftJson()", () => {
  const folder = testFolder();

  it("writes a file a run, beside those of other commands, and says when it began", async () => {
    const out = `${folder}/runs`;
    await Deno.mkdir(`${out}/runs`, { recursive: true });
    const records: RunRecord[] = [
      finished(sampleSpec({ seed: 3 })),
      { ...finished(sampleSpec()), hash: "1111111111111111" },
      { ...finished(sampleSpec({ steps: 99 })), hash: "2222222222222222" },
    ];
    for (const record of records) await writeRecord(recordPath(out, record.hash), record);
    const files = await writePeftJson(`${folder}/json`, records.slice(0, 2), { out });
    files.push(...await writePeftJson(`${folder}/json`, records.slice(2), { out }));
    const { model, task } = records[0].spec;
    const stem = `lora--${model.name.replace(/[^\w.=-]+/g, "_")}-${task}-seed`;
    expect(filesUnder(`${folder}/json`)).toEqual([
      `${stem}-0-11111111.json`,
      `${stem}-0-22222222.json`,
      `${stem}-3-${records[0].hash.slice(0, 8)}.json`,
    ]);
    const { run_info } = JSON.parse(await Deno.readTextFile(files[0]));
    expect(run_info.experiment_name).toBe(`lora/${stem.slice("lora--".length)}-3-${records[0].hash.slice(0, 8)}`);
    const age = Date.now() - Date.parse(run_info.created_at);
    expect(age).toBeGreaterThanOrEqual(1000);
    expect(age).toBeLessThan(60_000);
  });
});
