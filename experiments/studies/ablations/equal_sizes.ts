import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { atRank, type Budget, type Fitted, fittedTo, isNear, NEAR, sizesOf, type StateSize } from "./state_size.ts";
import type { Condition } from "./studies/mod.ts";

/** How near a condition comes to the baseline's size, in trained parameters and in bytes of state. */
export interface ConditionSizes extends Readonly<Record<Budget, Fitted>> {
  readonly name: string;
  readonly task: string;
}

/** What stands at a path of a spec's method, by task. */
function byTask(specs: readonly RunSpec[], valueOf: (method: RunSpec["method"], task: string) => unknown) {
  const values = new Map(specs.map(({ method, task }) => [task, valueOf(method, task)]));
  return ({ task }: RunSpec) => values.get(task);
}

/** A condition at a rank for each task. */
function ranked(condition: Condition, specs: readonly RunSpec[], ranks: ReadonlyMap<string, number>): Condition {
  const hasAlpha = specs.some(({ method }) => method.alpha !== undefined);
  const at = (method: RunSpec["method"], task: string) => atRank(method, ranks.get(task)!);
  return {
    ...condition,
    set: {
      ...condition.set,
      "method.rank": byTask(specs, (method, task) => at(method, task).rank),
      ...hasAlpha && { "method.alpha": byTask(specs, (method, task) => at(method, task).alpha) },
    },
  };
}

/** The ranks by task at which a condition comes near to the baseline in one way; none where it does not on every task. */
function ranksBy(budget: Budget, sizes: readonly ConditionSizes[]): ReadonlyMap<string, number> | undefined {
  const ranks = sizes.map(({ task, [budget]: fitted }) => [task, isNear(fitted) ? fitted.rank : undefined] as const);
  const near = ranks.flatMap(([task, rank]) => rank === undefined ? [] : [[task, rank] as const]);
  return near.length === sizes.length ? new Map(near) : undefined;
}

/** A condition at the sizes that come near to the baseline's; as it is where none does. */
function atSizes(condition: Condition, specs: readonly RunSpec[], sizes: readonly ConditionSizes[]): Condition[] {
  const [own, other] = [ranksBy("parameters", sizes), ranksBy("bytes", sizes)];
  const first = own ?? other;
  if (!first) return [condition];
  const conditions = [ranked(condition, specs, first)];
  // A task on which both ranks are the same would have one run twice.
  if (!own || !other || [...own].some(([task, rank]) => other.get(task) === rank)) return conditions;
  return [...conditions, ranked({ ...condition, name: `${condition.name} (equal bytes)` }, specs, other)];
}

/**
 * Conditions at the ranks at which they train as many parameters as the baseline, and at which their state has as many bytes
 * where those are other ranks, with a spec of each as it stands on every task.
 */
export async function equalSizes(
  specs: ReadonlyMap<Condition, readonly RunSpec[]>,
  { baseline, inputs }: { readonly baseline: string; readonly inputs: Inputs },
): Promise<{ readonly conditions: readonly Condition[]; readonly sizes: readonly ConditionSizes[] }> {
  const [, first] = [...specs].find(([{ name }]) => name === baseline)!;
  const wanted = new Map<string, StateSize>();
  for (const spec of first) wanted.set(spec.task, (await sizesOf(spec, inputs))(spec.method));
  const conditions: Condition[] = [];
  const sizes: ConditionSizes[] = [];
  for (const [condition, own] of specs) {
    const fitted: ConditionSizes[] = [];
    for (const spec of own) {
      const [parameters, bytes] = [
        await fittedTo(wanted.get(spec.task)!, { spec, by: "parameters", inputs }),
        await fittedTo(wanted.get(spec.task)!, { spec, by: "bytes", inputs }),
      ];
      fitted.push({ name: condition.name, task: spec.task, parameters, bytes });
    }
    sizes.push(...fitted);
    conditions.push(...atSizes(condition, own, fitted));
  }
  return { conditions, sizes };
}

/** A size beside the wanted one in words, or that it comes near to none. */
function cells(fitted: Fitted, by: Budget) {
  const { rank, size, deviation } = fitted;
  const percent = `${deviation < 0 ? "−" : "+"}${Math.abs(100 * deviation).toFixed(1)} %`;
  return {
    rank: rank === undefined || !isNear(fitted) ? "–" : String(rank),
    size: size[by].toLocaleString("en"),
    deviation: isNear(fitted) ? percent : `${percent}: not comparable`,
  };
}

/** The sizes of conditions as a Markdown table. */
export function sizeTable(sizes: readonly ConditionSizes[], { baseline }: { readonly baseline: string }): string {
  const alike = Map.groupBy(sizes, ({ name, parameters, bytes }) => JSON.stringify([name, parameters, bytes]));
  const tasks = new Set(sizes.map(({ task }) => task));
  const rows = [...alike.values()].map((own) => {
    const [{ name, parameters, bytes }] = own;
    const [one, other] = [cells(parameters, "parameters"), cells(bytes, "bytes")];
    return {
      method: name,
      on: own.length === tasks.size ? "all tasks" : own.map(({ task }) => task).join(", "),
      "rank by parameters": one.rank,
      "trained parameters": one.size,
      "off by": one.deviation,
      "rank by bytes": other.rank,
      "bytes of state": other.size,
      "off by ": other.deviation,
    };
  });
  return [
    tableMarkdown(rows),
    "",
    `- The ranks at which methods come nearest to ${baseline}'s trained parameters, heads among them, and to its bytes of ` +
    "state: what a run keeps beside a whole model, written or not: what the method adds to it, the optimizer's moments, and " +
    `what the method keeps for itself. More than ${
      100 * NEAR
    } % off is not comparable; a method that comes near in neither ` +
    "runs as its recipe has it.",
  ].join("\n");
}
