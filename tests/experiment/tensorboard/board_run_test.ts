import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { boardExperiment, boardRun, type RunRecord } from "../../../lib/experiment/mod.ts";
import { crc32c } from "../../../lib/experiment/tensorboard/crc32c.ts";
import fixture from "../../fixtures/event_files.json" with { type: "json" };

// What JSON has as text is what the script of the fixture made: records in the form of this version.
const RECORDS = fixture.runs.map(({ record }) => record) as readonly unknown[] as readonly RunRecord[];
const { began } = fixture;

describe("the checksum of TensorBoard's records", () => {
  it("is CRC-32C, as RFC 3720 has it for known bytes", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });
});

describe("boardRun()", () => {
  for (const [i, { bytes, read }] of fixture.runs.entries()) {
    it(`makes the bytes that TensorBoard's own writer makes of a run that ${RECORDS[i].status}`, () => {
      expect(boardRun(RECORDS[i], { began }).toBase64()).toBe(bytes);
    });

    it(`makes what TensorBoard reads as the settings and the end of a run that ${RECORDS[i].status}`, () => {
      const { spec, status, result } = RECORDS[i];
      expect(read.tags).toEqual(["_hparams_/session_end_info", "_hparams_/session_start_info"]);
      expect(read.status).toBe(status === "finished" ? "STATUS_SUCCESS" : "STATUS_FAILURE");
      expect([read.began, read.ended]).toEqual([began, began + (result?.wallSeconds ?? 0)]);
      expect(read.settings).toMatchObject({
        "method.rank": spec.method.rank,
        "method.bias": spec.method.bias,
        "optimizer.learningRate": spec.optimizer.learningRate,
        task: spec.task,
        seed: spec.seed,
      });
    });
  }

  it("makes what TensorBoard reads as scalars of each logged step, and scores at the last", () => {
    const scalars: Readonly<Record<string, unknown>> = fixture.runs[0].read.scalars;
    const { curve, metrics, wallSeconds } = RECORDS[0].result!;
    expect(scalars["train/loss"]).toEqual(
      curve.map(({ elapsedSeconds, step, loss }) => [began + elapsedSeconds, step, Math.fround(loss)]),
    );
    expect(scalars["train/grad_norm"]).toHaveLength(curve.length);
    expect(scalars["train/learning_rate"]).toHaveLength(curve.length);
    expect(scalars["dev/accuracy"]).toEqual([[began + wallSeconds, 300, Math.fround(metrics.accuracy)]]);
  });
});

describe("boardExperiment()", () => {
  it("makes the bytes that TensorBoard's own writer makes, with the settings that vary and the metric", () => {
    expect(boardExperiment(RECORDS.map(({ spec }) => spec), { began }).toBase64()).toBe(fixture.experiment.bytes);
    const { varied, metrics } = fixture.experiment.read;
    expect(varied).toEqual(["method.bias", "method.initial", "method.lambda", "method.name", "method.rank", "seed"]);
    expect(metrics).toEqual(["dev/matthewsCorrelation"]);
  });
});
