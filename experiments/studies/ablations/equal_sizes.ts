import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import { atRank, type Budget, type Fitted, fittedTo, isNear, NEAR, sizesOf } from "./state_size.ts";
import type { Condition } from "./studies/mod.ts";

/** How near a condition comes to the baseline's size, in trained parameters and in bytes of state. */
export interface ConditionSizes extends Readonly<Record<Budget, Fitted>> {
  readonly name: string;
}

/** A condition at a rank. */
function ranked(condition: Condition, { method }: RunSpec, rank: number): Condition {
  const { rank: _, alpha } = atRank(method, rank);
  return {
    ...condition,
    set: { ...condition.set, "method.rank": rank, ...alpha !== undefined && { "method.alpha": alpha } },
  };
}

/** A condition at the sizes that come near to the baseline's; as it is where none does. */
function atSizes(condition: Condition, spec: RunSpec, { parameters, bytes }: ConditionSizes): Condition[] {
  const [own, other] = [parameters, bytes].map((one) => isNear(one) ? one.rank : undefined);
  const first = own ?? other;
  if (first === undefined) return [condition];
  const conditions = [ranked(condition, spec, first)];
  if (own === undefined || other === undefined || own === other) return conditions;
  return [...conditions, ranked({ ...condition, name: `${condition.name} (equal bytes)` }, spec, other)];
}

/**
 * Conditions at the ranks at which they train as many parameters as the baseline, and at which their state has as many bytes
 * where that is another rank, with a spec of each as it stands.
 */
export async function equalSizes(
  specs: ReadonlyMap<Condition, RunSpec>,
  { baseline, inputs }: { readonly baseline: string; readonly inputs: Inputs },
): Promise<{ readonly conditions: readonly Condition[]; readonly sizes: readonly ConditionSizes[] }> {
  const [, first] = [...specs].find(([{ name }]) => name === baseline)!;
  const wanted = (await sizesOf(first, inputs))(first.method);
  const conditions: Condition[] = [];
  const sizes: ConditionSizes[] = [];
  for (const [condition, spec] of specs) {
    const [parameters, bytes] = [
      await fittedTo(wanted, { spec, by: "parameters", inputs }),
      await fittedTo(wanted, { spec, by: "bytes", inputs }),
    ];
    const one = { name: condition.name, parameters, bytes };
    sizes.push(one);
    conditions.push(...atSizes(condition, spec, one));
  }
  return { conditions, sizes };
}

/** A size beside the wanted one in words, or that it comes near to none. */
function cells(fitted: Fitted, by: Budget) {
  const { rank, size, deviation } = fitted;
  const percent = `${deviation < 0 ? "−" : "+"}${Math.abs(100 * deviation).toFixed(1)} %`;
  return {
    rank: rank === undefined ? "–" : String(rank),
    size: size[by].toLocaleString("en"),
    deviation: isNear(fitted) ? percent : `${percent}: not comparable`,
  };
}

/** The sizes of conditions as a Markdown table. */
export function sizeTable(sizes: readonly ConditionSizes[], { baseline }: { readonly baseline: string }): string {
  const rows = sizes.map(({ name, parameters, bytes }) => {
    const [one, other] = [cells(parameters, "parameters"), cells(bytes, "bytes")];
    return {
      method: name,
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
