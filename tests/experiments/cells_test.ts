import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { optim, peft, random, train } from "../../mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { CellStates } from "../../experiments/runner/train/cells.ts";
import { signaturesOf } from "../../experiments/runner/program_plan.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { glueSpecs } from "../../experiments/studies/glue/glue_specs.ts";
import { grid, type GroupRunner, runAll, type RunRecord, type RunSpec } from "../../lib/experiment/mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { testDevice } from "../support/device.ts";
import { valuesOf } from "./records.ts";
import { runTask } from "./run_task.ts";

const STEPS = 6;

async function specOf(task: string, method: string): Promise<RunSpec> {
  const options = { scale: SCALE.default, tasks: [task], methods: [method], seeds: 1, steps: STEPS };
  const [spec] = await glueSpecs(new Inputs(), options);
  return spec;
}

/** A run of an optimizer that refreshes, within its few steps. */
const withRefresh = (spec: RunSpec): RunSpec => ({ ...spec, method: { ...spec.method, refreshEvery: 4 } });

describe("runs as cells of one program", () => {
  let device: Device;
  const inputs = new Inputs();
  beforeAll(async () => {
    device = await testDevice();
  });

  /** Runs specs in groups of so many at most. */
  async function records(
    specs: readonly RunSpec[],
    { out, most, signal, saveEvery, onStart }: {
      readonly out: string;
      readonly most: number;
      readonly signal?: AbortSignal;
      readonly saveEvery?: number;
      readonly onStart?: (group: readonly RunSpec[]) => void;
    },
  ): Promise<RunRecord[]> {
    const signatures = await signaturesOf(specs, inputs);
    const trainer = new Trainer(device, inputs, { out, saveEvery });
    const run: GroupRunner = {
      most: () => most,
      keyOf: (spec) => signatures.get(spec)!,
      async run(group, hooks) {
        onStart?.(group);
        await trainer.runGroup(group, hooks);
      },
    };
    try {
      return await Array.fromAsync(runAll(specs, { out, run, signal }));
    } finally {
      trainer.close();
    }
  }

  /** Expects the same tables of runs one after the other and together, and how many were together. */
  async function expectSame(specs: readonly RunSpec[], groups: readonly number[]): Promise<void> {
    await withFolder(async (folder) => {
      const sizes: number[] = [];
      await records(specs, { out: `${folder}/alone`, most: 1 });
      const together = await records(specs, {
        out: `${folder}/together`,
        most: 16,
        onStart: ({ length }) => sizes.push(length),
      });
      expect(sizes).toEqual(groups);
      expect(together.map(({ result }) => result?.cells)).toEqual(groups.flatMap((size) => Array(size).fill(size)));
      expect(await valuesOf(`${folder}/together`)).toEqual(await valuesOf(`${folder}/alone`));
    });
  }

  it("have the bits that they have alone, whatever they differ in: seed, rate, decay, α and λ", async () => {
    const spec = await specOf("cola", "delta-lora");
    await expectSame([
      spec,
      ...grid(spec, { seed: [3] }),
      ...grid(spec, { "optimizer.learningRate": [2e-3], "optimizer.weightDecay": [0.1], "method.alpha": [12] }),
      ...grid(spec, { "method.lambda": [1.5], "method.startStep": [3] }),
    ], [4]);
  });

  const SEVERAL = [
    ...["full", "adalora", "dora", "dylora", "full-sgd", "bitfit", "linear-probe", "relora", "chain-of-lora"],
    ...["hira", "mora", "pissa", "vera", "lora-fa"],
  ];
  for (const method of SEVERAL) {
    it(`have the bits that they have alone, trained by ${method}`, async () => {
      const spec = await specOf("cola", method);
      await expectSame(grid(spec, { seed: [0, 7, 2] }), [3]);
    });
  }

  it("have the bits that they have alone where all refresh at the same steps, whatever they differ in", async () => {
    const spec = withRefresh(await specOf("cola", "galore"));
    await expectSame([
      ...grid(spec, { seed: [0, 7] }),
      ...grid(spec, { "optimizer.learningRate": [2e-3], "optimizer.weightDecay": [0.1], "method.scale": [0.5] }),
    ], [3]);
    await expectSame(grid(withRefresh(await specOf("cola", "flora")), { seed: [0, 7] }), [2]);
  });

  it("may be of LoRA and of LoRA at (1+λ)α", async () => {
    const [lora, scaled] = [await specOf("cola", "lora"), await specOf("cola", "lora-scaled")];
    await expectSame([lora, scaled, ...grid(scaled, { seed: [1] })], [3]);
  });

  /** Runs of LoRA, of LoRA at (1+λ)α and of telescoped Delta-LoRA, with an α/r that is no power of two. */
  async function kin(): Promise<RunSpec[]> {
    const [lora, scaled] = [await specOf("cola", "lora"), await specOf("cola", "lora-scaled")];
    const delta = grid(await specOf("cola", "delta-lora"), { "method.write": ["telescoped"], "method.startStep": [2] });
    return [lora, ...delta, scaled].flatMap((spec) => grid(spec, { "method.alpha": [12], seed: [0, 1] }));
  }

  it("may be of LoRA, of LoRA at (1+λ)α and of telescoped Delta-LoRA", async () => {
    await expectSame(await kin(), [6]);
  });

  it("may be of several tasks where their heads and lengths agree, as those of texts that are cut do", async () => {
    const [one, other] = [await specOf("cola", "lora"), await specOf("sst2", "lora")];
    const specs = [one, other].map((spec) => ({ ...spec, model: { ...spec.model, length: 16 } }));
    await expectSame(specs, [2]);
  });

  it("are trained once as long as they are equal, and parted to the same bits", async () => {
    const usual = await specOf("cola", "delta-lora");
    const spec = { ...usual, steps: 90, method: { ...usual.method, startStep: 80 } };
    await expectSame(grid(spec, { "method.lambda": [0, 0.5, 2] }), [3]);
  });

  it("do not notice one that fails", async () => {
    const spec = await specOf("cola", "lora");
    const bad = { ...spec, optimizer: { ...spec.optimizer, learningRate: 1e30, clip: 1e30 } };
    const good = grid({ ...spec, optimizer: { ...spec.optimizer, clip: 1e30 } }, { seed: [0, 1] });
    await withFolder(async (folder) => {
      const alone = await records(good, { out: `${folder}/alone`, most: 1 });
      const specs = [good[0], bad, good[1]];
      const [first, failed, last] = await records(specs, { out: `${folder}/together`, most: 16 });
      expect(failed.status).toBe("failed");
      expect(failed.error).toMatch(
        /^the (loss|norm of the gradients) is (NaN|Infinity) at step \d: a lower learning rate/,
      );
      const losses = (record: RunRecord) => record.result!.curve.map(({ loss, gradNorm }) => [loss, gradNorm]);
      expect([first, last].map(losses)).toEqual(alone.map(losses));
      expect([first, last].map(({ result }) => result!.metrics)).toEqual(alone.map(({ result }) => result!.metrics));
    });
  });

  /** Expects three runs that are cut to go on in other groups. */
  async function expectGoingOn(specs: readonly RunSpec[]): Promise<void> {
    await withFolder(async (folder) => {
      await records(specs, { out: `${folder}/whole`, most: 1 });
      const out = `${folder}/cut`;
      const controller = new AbortController();
      const trainer = new Trainer(device, inputs, { out, saveEvery: 2 });
      const cut = trainer.runGroup(specs, {
        onProgress: (cell, { step }) => cell === 2 && step === 3 && controller.abort(new Error("enough")),
        onOutcome: () => Promise.reject(new Error("none ends")),
        signal: controller.signal,
      });
      await expect(cut).rejects.toThrow("enough");
      trainer.close();
      // One alone, then two together, each from the state that the three left.
      await records(specs.slice(0, 1), { out, most: 16, saveEvery: 2 });
      const begun: number[] = [];
      await records(specs, { out, most: 16, saveEvery: 2, onStart: ({ length }) => begun.push(length) });
      expect(begun).toEqual([2]);
      expect(await valuesOf(out)).toEqual(await valuesOf(`${folder}/whole`));
    });
  }

  const ofSeeds = (spec: RunSpec) => grid(spec, { seed: [0, 1, 2] });

  for (const method of ["delta-lora", "relora", "pissa", "vera", "lora-fa"]) {
    it(`of ${method} go on where they were, in other groups, to the same bits`, async () => {
      await expectGoingOn(ofSeeds(await specOf("cola", method)));
    });
  }

  it("may be of PeriodicLoRA by shares of several sizes, and of the whole product beside COLA", async () => {
    const [chain, periodic] = [await specOf("cola", "chain-of-lora"), await specOf("cola", "periodic-lora")];
    await expectSame([chain, periodic], [2]);
    await expectSame(grid(periodic, { "method.unload": ["share"], "method.momentum": [0.1, 0.5] }), [2]);
  });

  it("go on in other programs, where they are of LoRA and of telescoped Delta-LoRA", async () => {
    await expectGoingOn((await kin()).slice(0, 3));
  });

  for (const method of ["galore", "flora"]) {
    it(`go on between two refreshes of ${method}, too`, async () => {
      await expectGoingOn(ofSeeds(withRefresh(await specOf("cola", method))));
    });
  }
});

describe("CellStates", () => {
  it("keeps the parts of states in the order in which steps give them, as another order would have another plan", async () => {
    await testDevice();
    const options = { method: peft.full(), optimizer: optim.adamw({ learningRate: 1e-3 }) };
    const stateOf = (seed: number) =>
      train.init(random.key(seed), { W: random.normal(random.key(seed), [2, 3]) }, options);
    const [one, other] = [stateOf(0), stateOf(1)];
    const parts = Object.keys(one);
    const W = await other.trainable.W.data();
    const states = new CellStates(new Set(["W"]), new Set());
    const joined = await states.join([one, other]);
    const [first, second] = await states.at(joined, { cells: 2, groups: [[1], [1, 0]] });
    expect([joined, first, second].map((state) => Object.keys(state))).toEqual([parts, parts, parts]);
    expect([joined, first, second].map(({ base }) => base.W.shape)).toEqual([[2, 2, 3], [2, 3], [2, 2, 3]]);
    expect(await first.base.W.data()).toEqual(W);
  });
});

describe("reproduce --cells", () => {
  const args = "glue --tasks cola,rte --methods full,lora,lora-scaled --seeds 2 --steps 4".split(" ");

  it("says which runs share a program, and why others do not", async () => {
    const { code, stderr, stdout } = await runTask("reproduce", [...args, "--dry-run", "--json", "--cells", "3"]);
    expect(code).toBe(0);
    expect(stderr).toContain("programs: 12 runs in 4 programs\n");
    expect(stderr).toContain("  full on cola: 2 cells\n");
    expect(stderr).toContain("  lora, lora-scaled on cola: 4 cells (2 + 2); other method than the one before\n");
    const [first] = JSON.parse(stdout).programs;
    expect(first).toEqual({ tasks: ["cola"], methods: ["full"], cells: [2], sharedSteps: 0 });
  });

  for (const value of ["0", "many", "1.5"]) {
    it(`refuses ${value}`, async () => {
      const { code, stderr } = await runTask("reproduce", [...args, "--cells", value]);
      expect(code).toBe(1);
      expect(stderr).toContain("--cells");
    });
  }
});
