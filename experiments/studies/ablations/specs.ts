import { canonicalJson, grid, requireFair, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { QUERIES_AND_VALUES } from "../../../lib/peft/low_rank_options.ts";
import type { RunRecord } from "../../../lib/experiment/records/mod.ts";
import { type BestRate, learningRateSweep } from "../../../lib/experiment/statistics/learning_rate_sweep.ts";
import { scoredRuns } from "../../../lib/experiment/statistics/scored_runs.ts";
import type { Scale } from "../../recipes/mod.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { programKey } from "../../runner/train/program.ts";
import { type AblationSize, SWEEP_FACTORS, SWEEP_SEED } from "./sizes.ts";
import { glueSpecs } from "../glue/glue_specs.ts";
import type { Condition, Study } from "./studies/mod.ts";

/** What conditions are trained on, and how much. */
export interface AblationOptions extends Omit<AblationSize, "out"> {
  /** Whose recipe all conditions begin with. */
  readonly recipe: Scale;
  /** Whether each condition has a sweep of its own, not each method with its optimizer. */
  readonly sweepsEach?: boolean;
}

/** A condition's runs. */
export interface ConditionRuns {
  readonly condition: Condition;
  /** What its learning rate was chosen for: its own name, or that of its method with its optimizer. */
  readonly sweep: string;
  /** Whether the rate was chosen for other options than its own: those of its method's recipe. */
  readonly isRateBorrowed: boolean;
  readonly specs: readonly RunSpec[];
}

/** A study's runs. */
export interface StudyRuns {
  readonly study: Study;
  readonly runs: readonly ConditionRuns[];
}

/** Whether each condition of a study has a sweep of its own. */
const hasOwnSweeps = (study: Study, { sweepsEach }: AblationOptions) => Boolean(sweepsEach || study.sweepsEach);

/** What is swept for a condition of a study: itself, or its method with its optimizer and all else as in the recipe. */
function sweptFor(condition: Condition, { study, sweepsEach }: {
  readonly study: Study;
  readonly sweepsEach?: boolean;
}): Condition {
  if (condition.rate) return { name: condition.rate.of, method: condition.rate.of };
  if (sweepsEach) return { ...condition, name: `${study.name}: ${condition.name}` };
  const { method, set = {} } = condition;
  const own = Object.fromEntries(Object.entries(set).filter(([path]) => path.startsWith("optimizer.")));
  const optimizer = set["optimizer.name"];
  return { name: optimizer === undefined ? method : `${method} ${optimizer}`, method, set: own };
}

/** A rate without the digits that products add. */
const rounded = (rate: number) => Number(rate.toPrecision(6));

/** Runs in an order in which those that share compiled functions follow each other. */
function inCompiledOrder(specs: readonly RunSpec[]): RunSpec[] {
  return [...Map.groupBy(specs, programKey).values()].flat();
}

/** The runs of studies: those that conditions share are the same object, and come once. */
export class AblationPlan {
  readonly #recipes = new Map<string, RunSpec[]>();
  readonly #specs = new Map<string, RunSpec>();

  constructor(readonly inputs: Inputs, readonly studies: readonly Study[], readonly options: AblationOptions) {}

  /** Specs of a method as its recipe has them. */
  async #recipe(method: string, firstSeed: number, seeds: number): Promise<RunSpec[]> {
    const { recipe: scale, tasks, steps } = this.options;
    const key = `${method} ${firstSeed} ${seeds}`;
    let specs = this.#recipes.get(key);
    if (!specs) {
      specs = await glueSpecs(this.inputs, {
        scale,
        tasks,
        methods: [method],
        seeds,
        firstSeed,
        steps,
        startsAtModel: true,
      });
      this.#recipes.set(key, specs);
    }
    return specs;
  }

  /** Layers whose change is measured: queries and values, as the model calls them. */
  async #changeOf(): Promise<string> {
    const { targets } = await this.inputs.model();
    return targets ? `(.*\\.)?(${targets.join("|")})` : QUERIES_AND_VALUES;
  }

  /** The one spec object of a run. */
  #shared(spec: RunSpec): RunSpec {
    const key = canonicalJson(spec);
    const known = this.#specs.get(key);
    if (!known) this.#specs.set(key, spec);
    return known ?? spec;
  }

  async #specsOf(
    { method, set = {}, rate }: Condition,
    { firstSeed = 0, seeds, rates, changeOf }: {
      readonly firstSeed?: number;
      readonly seeds: number;
      readonly changeOf?: string;
      /** From the rate of the condition as it stands. */
      readonly rates: (usual: number) => number | readonly number[];
    },
  ): Promise<RunSpec[]> {
    const recipe = await this.#recipe(method, firstSeed, seeds);
    const usualOf = ({ task, optimizer }: RunSpec) =>
      rate ? this.options.recipe.recipe(task, rate.of).learningRate : optimizer.learningRate;
    const axes = {
      ...set,
      "optimizer.learningRate": (spec: RunSpec) => rates(Number(set["optimizer.learningRate"] ?? usualOf(spec))),
    };
    return recipe
      .flatMap((spec) => grid({ ...spec, experiment: "ablations", ...changeOf && { changeOf } }, axes))
      .map((spec) => this.#shared(spec));
  }

  /** Runs that choose learning rates, by the name of what is swept. */
  async sweeps(): Promise<Map<string, RunSpec[]>> {
    const swept = new Map<string, RunSpec[]>();
    const { sweepSeeds, seeds, manySeeds } = this.options;
    // Never a seed of the tables, however many those have.
    const firstSeed = Math.max(SWEEP_SEED, seeds, manySeeds);
    const all = this.studies.flatMap((study) =>
      study.conditions.map((condition) => (
        sweptFor(condition, { study, sweepsEach: hasOwnSweeps(study, this.options) })
      ))
    );
    for (const one of all) {
      if (swept.has(one.name)) continue;
      const rates = (usual: number) => SWEEP_FACTORS.map((factor) => rounded(factor * usual));
      const specs = await this.#specsOf(one, { firstSeed, seeds: sweepSeeds, rates });
      swept.set(one.name, inCompiledOrder(specs));
    }
    return swept;
  }

  /**
   * The runs of each study at the rates that were chosen, or at the recipes' own where none is known yet; with so many
   * seeds each, or as many as the options say. A seed's runs are the same, however many there are.
   */
  async runs(chosen: readonly BestRate[] = [], seedsOfAll?: number): Promise<StudyRuns[]> {
    const rateOf = new Map(chosen.map(({ method, learningRate }) => [method, learningRate]));
    const { seeds, manySeeds } = this.options;
    return await Promise.all(this.studies.map(async (study) => {
      const sweepsEach = hasOwnSweeps(study, this.options);
      const runs: ConditionRuns[] = [];
      for (const condition of study.conditions) {
        const { name: sweep } = sweptFor(condition, { study, sweepsEach });
        const specs = await this.#specsOf(condition, {
          seeds: seedsOfAll ?? (study.hasManySeeds ? manySeeds : seeds),
          rates: (usual) => rounded((condition.rate?.times ?? 1) * (rateOf.get(sweep) ?? usual)),
          ...study.measuresChange && { changeOf: await this.#changeOf() },
        });
        const sets = Object.keys(condition.set ?? {}).filter((path) => !path.startsWith("optimizer."));
        const isRateBorrowed = !sweepsEach && !condition.rate && sets.length > 0;
        runs.push({ condition, sweep, isRateBorrowed, specs });
      }
      requireDifferent(study, runs);
      return { study, runs };
    }));
  }
}

/** Throws a RangeError where two conditions of a study are the same run, as in too few steps. */
function requireDifferent({ name }: Study, runs: readonly ConditionRuns[]): void {
  const seen = new Map<RunSpec, string>();
  for (const { condition, specs } of runs) {
    for (const spec of specs) {
      const other = seen.get(spec);
      if (other !== undefined) {
        throw new RangeError(
          `Cannot study ${name} as "${other}" and "${condition.name}" are the same in runs of ${spec.steps} steps`,
        );
      }
      seen.set(spec, condition.name);
    }
  }
}

/** Runs of studies and of sweeps, each once, in the order in which they run. */
export function distinctRuns(
  studies: readonly StudyRuns[],
  sweeps: ReadonlyMap<string, readonly RunSpec[]> = new Map(),
): RunSpec[] {
  const specs = studies.flatMap(({ runs }) => runs.flatMap(({ specs }) => specs));
  return inCompiledOrder([...new Set([...[...sweeps.values()].flat(), ...specs])]);
}

/** Rates that a sweep chose, and what it could not choose. */
export interface ChosenRates {
  readonly best: readonly BestRate[];
  /** What was swept and failed at every rate. */
  readonly failed: readonly string[];
}

/** The best rate of all that was swept, on seeds that tables do not use; what failed at each keeps its recipe's. */
export function chooseRates(
  sweeps: ReadonlyMap<string, readonly RunSpec[]>,
  { records, tableSeeds }: {
    readonly records: ReadonlyMap<RunSpec, RunRecord>;
    readonly tableSeeds: readonly number[];
  },
): ChosenRates {
  const swept = [...sweeps].map(([name, specs]) => ({
    name,
    rows: scoredRuns(specs.map((spec) => records.get(spec)!), {
      method: () => name,
      axes: ({ optimizer: { learningRate } }) => ({ learningRate }),
    }),
  }));
  const [usable, failed] = [true, false].map((wanted) =>
    swept.filter(({ rows }) =>
      wanted === [...Map.groupBy(rows, ({ learningRate }) => learningRate).values()]
        .some((own) => own.every(({ score }) => score !== undefined && Number.isFinite(score)))
    )
  );
  return {
    best: learningRateSweep(usable.flatMap(({ rows }) => rows), { tableSeeds }),
    failed: failed.map(({ name }) => name),
  };
}

/** Throws a RangeError where conditions of a study were not treated alike. */
export function requireFairStudy(
  { study, runs }: StudyRuns,
  sweeps: ReadonlyMap<string, readonly RunSpec[]>,
): void {
  const names = new Map<RunSpec, string>();
  for (const { condition, specs } of runs) specs.forEach((spec) => names.set(spec, condition.name));
  // Conditions may share a sweep, which then chose the rate of each.
  const sweep = runs.flatMap(({ condition, sweep }) =>
    sweeps.get(sweep)!.map((spec) => {
      const own = { ...spec };
      names.set(own, condition.name);
      return own;
    })
  );
  requireFair(runs.flatMap(({ specs }) => specs), {
    method: (spec) => names.get(spec)!,
    mayDiffer: ["optimizer.learningRate", ...study.mayDiffer ?? []],
    sweep,
  });
}
