import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { ALL_METHODS, METHODS, RECIPES } from "../../experiments/recipes/methods.ts";
import { encoderConfig } from "../../experiments/runner/pretrain/pretraining.ts";
import { models, random } from "../../mod.ts";

const STEPS = 100;
const ENCODER = encoderConfig("small");
const [C, LAYERS, RANK] = [ENCODER.hiddenSize, ENCODER.layers, 8];
/** The pooler and a classifier of two. */
const HEADS = C * C + C + 2 * C + 2;
/** Queries and values. */
const LORA = LAYERS * 2 * RANK * (C + C);
const bottleneck = (width: number) => 2 * width * C + width + C;
/** The side of MoRA's matrix. */
const SIDE = Math.floor(Math.sqrt(2 * C * RANK) + 0.5);
const NORMS = (1 + 2 * LAYERS) * 2 * C;

const base = models.bert({ ...ENCODER, labels: 2, dropout: 0 }).init(random.key(0));
const WHOLE = Object.values(base).reduce((sum, { size }) => sum + size, 0);

const COUNTS: Readonly<Record<string, number>> = {
  full: WHOLE,
  "full-sgd": WHOLE,
  "linear-probe": HEADS,
  bitfit: LAYERS * (7 * C + 4 * C) + C + HEADS,
  houlsby: LAYERS * 2 * bottleneck(RANK) + NORMS + HEADS,
  pfeiffer: LAYERS * bottleneck(2 * RANK) + HEADS,
  lora: LORA + HEADS,
  galore: LAYERS * 2 * C * C + HEADS,
  flora: LAYERS * 2 * C * C + HEADS,
  rslora: LORA + HEADS,
  "lora-plus": LORA + HEADS,
  dora: LORA + LAYERS * 2 * C + HEADS,
  hira: LORA + HEADS,
  mora: LAYERS * 2 * SIDE * SIDE + HEADS,
  pissa: LORA + HEADS,
  vera: LAYERS * 2 * (256 + C) + HEADS,
  "lora-fa": LORA / 2 + HEADS,
  adalora: LORA * 3 / 2 + LAYERS * 2 * RANK * 3 / 2 + HEADS,
  dylora: LORA + HEADS,
  "delta-lora": LORA + HEADS,
  "lora-scaled": LORA + HEADS,
  "lora-switched": LORA + HEADS,
  "delta-lora-falling": LORA + HEADS,
  "delta-lora-rising": LORA + HEADS,
  relora: LORA + HEADS,
  "chain-of-lora": LORA + HEADS,
  "periodic-lora": LORA + HEADS,
  "periodic-lora-share": LORA + HEADS,
  "periodic-lora-jump": LORA + HEADS,
};

describe("recipes", () => {
  for (const name of ALL_METHODS) {
    const wanted = COUNTS[name];
    it(`${name} is made of plain options, and trains as many parameters as ${wanted ? "its formula says" : "fit"}`, () => {
      const { options, make } = RECIPES[name];
      const plain = options(STEPS);
      expect(plain.name).toBe(name);
      expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
      const method = make(plain, { steps: STEPS });
      const { trainableParameters } = method.describe({ base, ...method.init(random.key(1), base) });
      // A method that came later has the count in its own test.
      if (wanted !== undefined) expect(trainableParameters).toBe(wanted);
      expect(trainableParameters).toBeGreaterThan(0);
      expect(trainableParameters).toBeLessThanOrEqual(2 * WHOLE);
    });
  }

  it("name SGD where it is not AdamW, and the table has five unless told otherwise", () => {
    expect(ALL_METHODS.filter((name) => RECIPES[name].optimizer === "sgd")).toEqual(["full-sgd"]);
    expect(METHODS).toEqual(["full", "lora", "adalora", "delta-lora", "lora-scaled"]);
    for (const name of METHODS) expect(ALL_METHODS).toContain(name);
  });

  it("cannot have a λ that goes by what is no schedule", () => {
    const { options, make } = RECIPES["delta-lora"];
    const at = (lambdaSchedule: string) => () => make({ ...options(STEPS), lambdaSchedule }, { steps: STEPS });
    expect(at("linear")).not.toThrow();
    expect(at("steps")).toThrow(
      'delta-lora: lambdaSchedule is linear or cosine or rising-linear or rising-cosine, not "steps"',
    );
  });
});
