import type { TaskName } from "../../recipes/mod.ts";
import { canonicalJson, grid, requireFair, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { QUERIES_AND_VALUES } from "../../../lib/peft/low_rank_options.ts";
import type { RunRecord } from "../../../lib/experiment/records/mod.ts";
import { type BestRate, learningRateSweep } from "../../../lib/experiment/statistics/learning_rate_sweep.ts";
import { scoredRuns } from "../../../lib/experiment/statistics/scored_runs.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { programKey } from "../../runner/train/program.ts";
import { SWEEP_FACTORS, SWEEP_SEED } from "./sizes.ts";
import { glueSpecs } from "../glue/glue_specs.ts";
import { type ConditionSizes, equalSizes } from "./equal_sizes.ts";
import type { Condition, Study } from "./studies/mod.ts";
import { type AblationOptions, sizeOf, sweptFor, withMostSeeds } from "./swept.ts";

/** A condition's runs. */
export interface ConditionRuns {
  readonly condition: Condition;
  /** What its learning rate was chosen for: its own name, or that of its method with its optimizer; several by task. */
  readonly sweeps: readonly string[];
  /** Whether the rate was chosen for other options than its own: those of its method's recipe. */
  readonly isRateBorrowed: boolean;
  readonly specs: readonly RunSpec[];
}

/** A study's runs. */
export interface StudyRuns {
  readonly study: Study;
  readonly runs: readonly ConditionRuns[];
  /** How large its conditions are, where it makes them equal. */
  readonly sizes?: readonly ConditionSizes[];
}

/** Which runs of a condition. */
interface RunsOf {
  readonly tasks: readonly TaskName[];
  /** 0 by default. */
  readonly firstSeed?: number;
  readonly seeds: number;
  /** The recipes' own where they are absent. */
  readonly steps?: number;
}

export type { AblationOptions } from "./swept.ts";

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
  async #recipe(method: string, { tasks, firstSeed = 0, seeds, steps }: RunsOf): Promise<RunSpec[]> {
    const { recipe: scale, checkpoint } = this.options;
    const key = `${method} ${tasks} ${firstSeed} ${seeds} ${steps}`;
    let specs = this.#recipes.get(key);
    if (!specs) {
      specs = await glueSpecs(this.inputs, {
        scale,
        tasks,
        methods: [method],
        seeds,
        firstSeed,
        steps,
        checkpoint,
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
    { rates, changeOf, ...which }: RunsOf & {
      readonly changeOf?: string;
      /** From the rate of the condition as it stands. */
      readonly rates: (usual: number, task: string) => number | readonly number[];
    },
  ): Promise<RunSpec[]> {
    const recipe = await this.#recipe(method, which);
    const usualOf = ({ task, optimizer }: RunSpec) =>
      rate ? this.options.recipe.recipe(task, rate.of).learningRate : optimizer.learningRate;
    const axes = {
      ...set,
      "optimizer.learningRate": (spec: RunSpec) =>
        rates(Number(set["optimizer.learningRate"] ?? usualOf(spec)), spec.task),
    };
    return recipe
      .flatMap((spec) => grid({ ...spec, experiment: "ablations", ...changeOf && { changeOf } }, axes))
      .map((spec) => this.#shared(spec));
  }

  /** Runs that choose learning rates, by the name of what is swept. */
  async sweeps(): Promise<Map<string, RunSpec[]>> {
    const swept = new Map<string, RunSpec[]>();
    // Never a seed of the tables, however many those have.
    const { seeds: usual, manySeeds } = this.options;
    const firstSeed = Math.max(SWEEP_SEED, usual, manySeeds);
    const all = await Promise.all(this.studies.map(async (study) => {
      const { conditions } = await this.#conditionsOf(study);
      return conditions.flatMap((condition) => sweptFor(condition, study, this.options));
    }));
    for (const { condition, ...which } of withMostSeeds(all.flat())) {
      if (swept.has(condition.name)) continue;
      const rates = (usual: number) => SWEEP_FACTORS.map((factor) => rounded(factor * usual));
      const specs = await this.#specsOf(condition, { ...which, firstSeed, rates });
      swept.set(condition.name, inCompiledOrder(specs));
    }
    return swept;
  }

  /**
   * The runs of each study at the rates that were chosen, or at the recipes' own where none is known yet; with so many
   * seeds each, or as many as the options say. A seed's runs are the same, however many there are.
   */
  async runs(chosen: readonly BestRate[] = [], seedsOfAll?: number): Promise<StudyRuns[]> {
    const rateOf = new Map(chosen.map(({ method, learningRate }) => [method, learningRate]));
    return await Promise.all(this.studies.map(async (study) => {
      const { conditions, sizes } = await this.#conditionsOf(study);
      const runs: ConditionRuns[] = [];
      for (const condition of conditions) {
        runs.push(await this.#conditionRuns(condition, { study, rateOf, seedsOfAll }));
      }
      requireDifferent(study, runs);
      return { study, runs, ...sizes && { sizes } };
    }));
  }

  async #conditionRuns(
    condition: Condition,
    { study, rateOf, seedsOfAll }: {
      readonly study: Study;
      readonly rateOf: ReadonlyMap<string, number>;
      readonly seedsOfAll?: number;
    },
  ): Promise<ConditionRuns> {
    const { sweepsEach } = this.options;
    const { tasks, steps, seeds } = sizeOf(study, this.options);
    const swept = sweptFor(condition, study, this.options);
    const chosenOn = (task: string) => {
      const one = swept.find(({ tasks }) => tasks.some((name) => name === task));
      return one && rateOf.get(one.condition.name);
    };
    const specs = await this.#specsOf(condition, {
      tasks,
      steps,
      seeds: seedsOfAll ?? seeds,
      rates: (usual, task) => rounded((condition.rate?.times ?? 1) * (chosenOn(task) ?? usual)),
      ...study.measuresChange && { changeOf: await this.#changeOf() },
    });
    const sets = Object.keys(condition.set ?? {}).filter((path) => !path.startsWith("optimizer."));
    const isRateBorrowed = !(sweepsEach || study.sweepsEach) && !condition.rate && sets.length > 0;
    return { condition, sweeps: swept.map(({ condition: { name } }) => name), isRateBorrowed, specs };
  }

  /** A study's conditions; where sizes are made equal, each at those that come near to the baseline's. */
  async #conditionsOf(study: Study): Promise<{
    readonly conditions: readonly Condition[];
    readonly sizes?: readonly ConditionSizes[];
  }> {
    const { conditions, baseline, equals } = study;
    if (!equals) return { conditions };
    const { tasks, steps } = sizeOf(study, this.options);
    const specs = new Map<Condition, readonly RunSpec[]>();
    for (const condition of conditions) {
      specs.set(condition, await this.#specsOf(condition, { tasks, steps, seeds: 1, rates: (usual) => usual }));
    }
    return await equalSizes(specs, { baseline, inputs: this.inputs });
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
  // What was swept on other tasks is a choice of its own.
  const byTasks = Map.groupBy(usable, ({ rows }) => [...new Set(rows.map(({ task }) => task))].toSorted().join());
  return {
    best: [...byTasks.values()].flatMap((own) => learningRateSweep(own.flatMap(({ rows }) => rows), { tableSeeds })),
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
  const sweep = runs.flatMap(({ condition, sweeps: own }) =>
    own.flatMap((name) => sweeps.get(name)!).map((spec) => {
      const copy = { ...spec };
      names.set(copy, condition.name);
      return copy;
    })
  );
  requireFair(runs.flatMap(({ specs }) => specs), {
    method: (spec) => names.get(spec)!,
    mayDiffer: ["optimizer.learningRate", ...study.mayDiffer ?? []],
    sweep,
  });
}
