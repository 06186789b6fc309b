import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { tensor, type Tree, treeFlatten, treeLeaves } from "../../lib/tensor/mod.ts";
import { defineMethod, type MethodData, methodNamed, type MethodOptions, METHODS } from "../../lib/peft/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { TARGETS, tinyBase, trainTiny } from "../support/tiny.ts";

const PLACE = { steps: 12, targets: TARGETS };

/** What each option that is data is in the tests below: whole where it must be. */
const scalarOf = (kind: string) => kind === "integer" ? tensor(2, { dtype: "i32" }) : tensor(0.5);

describe("options of METHODS that are data", () => {
  beforeAll(async () => void await testDevice());
  const base = tinyBase();

  for (const method of METHODS) {
    for (const [name, option] of Object.entries(method.options)) {
      if (!("isData" in option)) {
        it(`${method.name} refuses a tensor for ${name}, which is none`, () => {
          expect(() => method.make({ [name]: tensor(1) }, PLACE)).toThrow(RangeError);
          expect(() => method.make({ [name]: tensor(1) }, PLACE)).toThrow(`${method.name}: ${name} is`);
          expect(() => method.make({ [name]: tensor(1) }, PLACE)).toThrow(", and cannot be a tensor");
        });
        continue;
      }
      it(`${method.name} takes a scalar tensor for ${name}, and no other tensor`, () => {
        const made = method.make({ [name]: scalarOf(option.kind) }, PLACE);
        const { trainable, aux } = made.init(tensor([1, 2], { dtype: "u32" }), base);
        expect(Object.keys(made.adapt(base, trainable, aux))).toEqual(expect.arrayContaining(Object.keys(base)));
        const wanted = `${method.name}: ${name} is a number or a scalar in ${
          option.kind === "integer" ? "i32" : "f32"
        }`;
        const other = option.kind === "integer" ? tensor(1) : tensor(1, { dtype: "i32" });
        expect(() => method.make({ [name]: other }, PLACE)).toThrow(wanted);
        const two = tensor([1, 2], { dtype: option.kind === "integer" ? "i32" : "f32" });
        expect(() => method.make({ [name]: two }, PLACE)).toThrow(wanted);
      });
    }
  }

  it("are α of LoRA and its kin, λ and K of Delta-LoRA and its control, and shares and scales of others", () => {
    const named = METHODS.flatMap(({ name, options }) =>
      Object.entries(options).flatMap(([option, known]) => "isData" in known ? [`${name}.${option}`] : [])
    );
    expect(named).toEqual([
      ...["adalora.alpha", "chain-of-lora.alpha", "chain-of-lora.warmup", "delta-lora.alpha", "delta-lora.lambda"],
      ...[
        "delta-lora.startStep",
        "dora.alpha",
        "dylora.alpha",
        "galore.scale",
        "lora.alpha",
        "lora-fa.alpha",
        "lora-plus.alpha",
      ],
      ...["lora-scaled.alpha", "lora-scaled.lambda", "lora-scaled.startStep", "periodic-lora.alpha"],
      ...["periodic-lora.warmup", "periodic-lora.momentum", "pissa.alpha", "relora.alpha", "relora.warmup"],
      ...["relora.prunedShare", "rslora.alpha"],
    ]);
  });

  it("of a method of one's own come as they are, and a name that is none is refused", () => {
    let given: MethodData = {};
    const { make } = defineMethod({
      name: "mine",
      summary: "a method that only looks",
      options: {
        warmth: { kind: "number", help: "how warm it is", required: true, isData: true },
        rank: { kind: "integer", help: "how wide it is", default: 3 },
      },
      recipe: { learningRate: 1 },
      make(options) {
        given = options;
        return methodNamed("full").make({}, { steps: 1 });
      },
    });
    const warmth = tensor(2);
    make({ warmth }, { steps: 1 });
    expect(given.warmth).toBe(warmth);
    expect(given.rank).toBe(3);
    expect(() => make({ warmht: warmth }, { steps: 1 })).toThrow('unknown option of method mine "warmht"');
    expect(() => make({}, { steps: 1 })).toThrow("mine: warmth is missing");
  });
});

/** The bits of everything in the states of a run, from before the first step to after the last. */
async function statesOf(name: string, options: MethodOptions, steps: number) {
  const method = methodNamed(name).make(options, PLACE);
  const states: { readonly outline: unknown; readonly leaves: readonly number[][] }[] = [];
  const note = async (state: Tree) => {
    const leaves = await Promise.all(treeLeaves(state).map((leaf) => leaf.data()));
    states.push({ outline: treeFlatten(state).structure, leaves: leaves.map((leaf) => bits(leaf)) });
  };
  const { losses } = await trainTiny(method, { steps, onStep: (_, state) => note(state) });
  return { states, losses };
}

const SHARED = { rank: 4, alpha: 6, lambda: 0.5, startStep: 1, write: "in-place" };
const { write: _, ...SCALED } = SHARED;
const RESTARTED = { rank: 4, alpha: 6, interval: 2 };

/** What differs between two runs that have a beginning in common, for each option that sleeps. */
const DORMANT: Readonly<Record<string, Readonly<Record<string, readonly [MethodOptions, MethodOptions]>>>> = {
  "delta-lora": {
    lambda: [SHARED, { ...SHARED, lambda: 2 }],
    lambdaSchedule: [SHARED, { ...SHARED, lambdaSchedule: "linear" }],
    startStep: [SHARED, { ...SHARED, startStep: 3 }],
  },
  "lora-scaled": {
    lambda: [SCALED, { ...SCALED, lambda: 2 }],
    startStep: [SCALED, { ...SCALED, startStep: 3 }],
  },
  "periodic-lora": {
    momentum: [{ ...RESTARTED, unload: "share" }, { ...RESTARTED, unload: "share", momentum: 0.5 }],
  },
  "relora": { prunedShare: [RESTARTED, { ...RESTARTED, prunedShare: 0.5 }] },
};

describe("dormant options", () => {
  beforeAll(async () => void await testDevice());

  for (const { name, dormant } of METHODS) {
    if (!dormant) continue;
    for (const option of dormant.options) {
      it(`${name}'s ${option} changes no bit of a state up to the step that is said, and the next one's`, async () => {
        const [one, other] = DORMANT[name][option];
        const until = Math.min(dormant.until(one), dormant.until(other));
        expect(until).toBeGreaterThan(0);
        const [first, second] = [await statesOf(name, one, until + 1), await statesOf(name, other, until + 1)];
        expect(first.losses.slice(0, until)).toEqual(second.losses.slice(0, until));
        // states[i] is that after i + 1 steps
        expect(first.states.slice(0, until)).toEqual(second.states.slice(0, until));
        expect(first.states[until].leaves).not.toEqual(second.states[until].leaves);
      });
    }
  }

  it("sleep in telescoped Delta-LoRA, too, and not where λ and a schedule of it are written in two forms", async () => {
    const { until } = methodNamed("delta-lora").dormant!;
    const telescoped = { ...SHARED, write: "telescoped" };
    const [first, second] = await Promise.all([telescoped, { ...telescoped, lambda: 2, startStep: 2 }]
      .map((options) => statesOf("delta-lora", options, until(telescoped) + 1)));
    expect(first.states.slice(0, -1)).toEqual(second.states.slice(0, -1));
    expect(first.states.at(-1)!.leaves).not.toEqual(second.states.at(-1)!.leaves);
    expect(until({ ...SHARED, write: "auto", lambdaSchedule: "linear" })).toBe(-1);
    expect(until({ ...SHARED, startStep: -1 })).toBe(0);
    expect(methodNamed("lora-scaled").dormant!.until({ rank: 4, alpha: 8, lambda: 1 })).toBe(-1);
  });
});

describe("programs of other methods", () => {
  beforeAll(async () => void await testDevice());

  it("LoRA at (1 + λ)·α from the first step on is LoRA's, to the bit", async () => {
    const { startStep: _, ...own } = SCALED;
    const program = methodNamed("lora-scaled").programOf!(own)!;
    expect(program).toEqual({ method: "lora", options: { rank: 4, alpha: 9 } });
    expect(methodNamed("lora-scaled").programOf!({ ...own, startStep: -1 })).toEqual(program);
    expect(methodNamed("lora-scaled").programOf!(SCALED)).toBeUndefined();
    expect(await statesOf("lora-scaled", own, 4)).toEqual(await statesOf(program.method, program.options, 4));
  });

  it("PeriodicLoRA whose weights receive the whole product is COLA, to the bit", async () => {
    const { programOf } = methodNamed("periodic-lora");
    const own = { ...RESTARTED, warmup: 0, unload: "whole", momentum: 0.1 };
    const program = programOf!(own)!;
    expect(program).toEqual({ method: "chain-of-lora", options: { ...RESTARTED, warmup: 0 } });
    expect(programOf!({ ...own, unload: "share" })).toBeUndefined();
    expect(await statesOf("periodic-lora", own, 4)).toEqual(await statesOf(program.method, program.options, 4));
  });
});
