import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { lockFlags } from "../../experiments/runner/locked.ts";
import type { BenchDocument } from "../../bench/report/document.ts";
import { METHODS, RATIOS } from "../../bench/cases/methods.ts";
import { plainBatch, QUICK } from "../../bench/cases/models.ts";
import { report } from "../../bench/report/tables.ts";
import { TEST_DEVICE } from "../support/devices.ts";

async function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = new URL("../../bench/mod.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...lockFlags(),
      "--allow-all",
      script,
      ...args,
      ...(TEST_DEVICE ? ["--device", TEST_DEVICE] : []),
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

describe("deno task bench", () => {
  it("writes one JSON document with kernels, steps and ratios", async () => {
    const path = await Deno.makeTempFile({ suffix: ".json" });
    const args = ["--quick", "--only", "kernels,steps", "--rounds", "1", "--json", path];
    const { code, stdout, stderr } = await bench(...args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(stderr).toContain("beside nobody else: --peers fetches jax-js, TensorFlow.js and onnxruntime, too\n");
    const document: BenchDocument = JSON.parse(await Deno.readTextFile(path));
    await Deno.remove(path);
    expect(stdout).toBe(`${report(document)}\n`);
    expect(document).toMatchObject({ format: 1, rounds: 1, isQuick: true, leftOut: [], disagreements: [] });
    expect(document.machine.versions.join()).toMatch(/deno \d.*webgpu \d/);
    expect(document.startup).toBeUndefined();
    for (const { contenders, amount } of document.kernels!) {
      expect(contenders.map(({ name }) => name)).toEqual(["delta-dawn"]);
      expect(contenders[0].timing.best).toBeGreaterThan(0);
      expect(amount).toBeGreaterThan(0);
    }
    const [{ steps, ratios }] = document.models!;
    expect(steps.map(({ method }) => method)).toEqual(Object.keys(METHODS));
    expect(ratios.map(({ name }) => name)).toEqual(RATIOS.map((pair) => pair.join(" / ")));
    const of = (name: string) => steps.find(({ method }) => method === name)!;
    // Both forms of Delta-LoRA, and its control, train what LoRA trains.
    for (const name of ["delta-lora, in place", "delta-lora, telescoped", "lora-scaled"]) {
      expect(of(name).trainableParameters).toBe(of("lora").trainableParameters);
    }
    expect(of("full").peakBytes).toBeGreaterThan(of("lora").peakBytes);
    expect(of("full").trainableParameters).toBeGreaterThan(of("lora").trainableParameters);
    // The model is the least that is held.
    for (const { method, peakBytes } of steps) {
      const bytes = method.includes("f16") ? 2 : 4;
      expect(peakBytes).toBeGreaterThan(bytes * of("full").trainableParameters);
    }
    expect(of("lora, weights in f16").peakBytes).toBeLessThan(of("lora").peakBytes);
  });

  it("trains runs in one program beside a plain one, whose plan one run alone has", async () => {
    const path = await Deno.makeTempFile({ suffix: ".json" });
    const args = ["--quick", "--only", "cells", "--rounds", "1", "--python", "./no-such-python", "--json", path];
    const { code, stderr } = await bench(...args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const { cells }: BenchDocument = JSON.parse(await Deno.readTextFile(path));
    await Deno.remove(path);
    expect(cells!.pytorch).toBe("there is no ./no-such-python");
    expect(cells!.methods.map(({ method }) => method)).toEqual(["delta-lora, in place", "lora", "full"]);
    for (const { rows: [plain, one, two], products } of cells!.methods) {
      for (const { inStep, apart, operations } of products) {
        expect(Math.min(inStep.best, apart.best, operations)).toBeGreaterThan(0);
      }
      expect([plain.cells, one.cells, two.cells]).toEqual([undefined, 1, 2]);
      expect(one.dispatches).toBe(plain.dispatches);
      for (const { ownBytes, timing } of [plain, one, two]) {
        expect(ownBytes).toBeGreaterThan(0);
        expect(timing.best).toBeGreaterThan(0);
      }
    }
  });

  it("writes texts, and takes steps into caches that hold more and more", async () => {
    const path = await Deno.makeTempFile({ suffix: ".json" });
    const args = ["--quick", "--only", "decoding", "--rounds", "1", "--python", "./no-such-python", "--json", path];
    const { code, stderr } = await bench(...args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const { decoding }: BenchDocument = JSON.parse(await Deno.readTextFile(path));
    await Deno.remove(path);
    const { cases, steps, products, transformers } = decoding!;
    expect(transformers).toBe("there is no ./no-such-python");
    expect(cases.map(({ name, rows }) => [name, rows])).toEqual([
      ["1 text", 1],
      ["16 texts", 16],
      ["10 beams of a text", 1],
    ]);
    for (const { contenders: [{ timing }] } of cases) expect(timing.best).toBeGreaterThan(0);
    expect(steps.map(({ length, capacity }) => [length, capacity])).toEqual([[16, 64], [64, 128]]);
    // Four products of two layers each, and the logits.
    if (products) expect(products.dispatches).toBe(9);
  });

  it("shows that steady state makes nothing and keeps its memory, and what a token takes as batches grow", async () => {
    const path = await Deno.makeTempFile({ suffix: ".json" });
    const { code, stderr } = await bench("--quick", "--only", "steady,scaling", "--rounds", "1", "--json", path);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const { steady, endurance, scaling, kernels }: BenchDocument = JSON.parse(await Deno.readTextFile(path));
    await Deno.remove(path);
    expect(kernels).toBeUndefined();
    expect(steady!.cases.map(({ name }) => name)).toEqual(["lora", "lora, 2 buckets", "delta-lora, in place"]);
    for (const { submissions, created, milliseconds, kernelMilliseconds } of steady!.cases) {
      expect({ submissions, created }).toEqual({
        submissions: 1,
        created: { buffers: 0, pipelines: 0, bindGroups: 0 },
      });
      if (kernelMilliseconds !== undefined) {
        expect(kernelMilliseconds).toBeGreaterThan(0);
        expect(kernelMilliseconds).toBeLessThan(milliseconds);
      }
    }
    const { samples, bytesPerStep } = endurance!;
    expect([samples[0].step, samples.at(-1)!.step]).toEqual([15, 300]);
    expect(new Set(samples.map(({ liveBytes }) => liveBytes)).size).toBe(1);
    expect(bytesPerStep.live).toBe(0);
    const peaks = scaling!.batches.map(({ peakBytes }) => peakBytes);
    expect(peaks).toEqual(peaks.toSorted((a, b) => a - b));
    expect(peaks[0]).toBeGreaterThan(scaling!.baseBytes);
    for (const { processorMilliseconds } of scaling!.batches) expect(processorMilliseconds).toBeGreaterThan(0);
  });

  it("ends with one line on standard error and code 1 where an argument is wrong", async () => {
    const { code, stdout, stderr } = await bench("--only", "kernels,speed");
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("bench: ");
  });

  it("prints help", async () => {
    const { code, stdout } = await bench("--help");
    expect(code).toBe(0);
    expect(stdout).toContain("deno task bench");
  });
});

describe("plainBatch", () => {
  it("pads the last quarter of every fourth row, and has ids of the vocabulary", () => {
    const { inputIds, attentionMask, tokenTypeIds, labels } = plainBatch(QUICK);
    const [rows, length] = QUICK.batch;
    expect(Math.max(...inputIds)).toBeLessThan(QUICK.vocabSize);
    expect(attentionMask.reduce((a, b) => a + b)).toBe(rows * length - rows / 4 * length / 4);
    inputIds.forEach((id, i) => expect(id === 0).toBe(attentionMask[i] === 0));
    tokenTypeIds.forEach((type, i) => expect(type <= attentionMask[i]).toBe(true));
    expect(Array.from(labels)).toEqual([0, 1, 0, 1]);
  });
});
