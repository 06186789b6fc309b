import { leavesOf } from "./leaves.ts";
import type { RunSpec } from "./run_spec.ts";

/** A place where methods of one table were not treated alike. */
export interface Unfairness {
  /** The path in the spec, such as `optimizer.schedule`, or what is missing. */
  readonly place: string;
  /** In words, with the methods and both values. */
  readonly reason: string;
}

/** Options of {@linkcode fairness}. */
export interface FairnessOptions {
  /** What a run is called; by default its method's name. Runs that differ in a method's options need other names. */
  readonly method?: (spec: RunSpec) => string;
  /**
   * Paths in which methods may differ; by default `optimizer.learningRate`, which is swept for each, and `start.run`, as
   * each goes on from a run of its own.
   */
  readonly mayDiffer?: readonly string[];
  /** Specs of the runs that chose the learning rates; the choice is not checked without them. */
  readonly sweep?: readonly RunSpec[];
}

/** All leaves of a spec by path, as text. */
function textsOf(spec: unknown): Map<string, string> {
  return new Map(leavesOf(spec).map(([path, leaf]) => [path, JSON.stringify(leaf) ?? "undefined"]));
}

/** Parts of a spec that say which run it is and where it belongs, and the method itself. */
const OWN = /^(experiment|task|seed|method)(\.|$)/;

const cellOf = ({ task, seed }: RunSpec): string => `${task}, seed ${seed}`;

/** Runs of a method by task and seed; what comes twice is told. */
function cellsOf(method: string, specs: readonly RunSpec[], found: Unfairness[]): Map<string, RunSpec> {
  const cells = new Map<string, RunSpec>();
  for (const spec of specs) {
    if (cells.has(cellOf(spec))) {
      found.push({
        place: "method",
        reason: `${method} has two runs of ${cellOf(spec)}: give them names of their own`,
      });
    }
    cells.set(cellOf(spec), spec);
  }
  return cells;
}

function sweepFaults(specs: readonly RunSpec[], { sweep, method }: Required<FairnessOptions>): Unfairness[] {
  const found: Unfairness[] = [];
  const tableSeeds = new Set(specs.map(({ seed }) => seed));
  const shared = [...new Set(sweep.map(({ seed }) => seed))].filter((seed) => tableSeeds.has(seed));
  if (shared.length > 0) {
    found.push({
      place: "sweep seeds",
      reason: `learning rates were chosen on seeds of the table: ${shared.join(", ")}`,
    });
  }
  const groups = Map.groupBy(sweep, method);
  const [first, ...others] = new Set(specs.map(method));
  const budget = (name: string) => groups.get(name)?.length ?? 0;
  for (const other of others) {
    if (budget(other) !== budget(first)) {
      found.push({
        place: "sweep budget",
        reason: `${budget(first)} runs chose the learning rate of ${first}, ${budget(other)} that of ${other}`,
      });
    }
  }
  return found;
}

/**
 * Places where the methods of one table do not share what they must: tasks and seeds, steps, batch, data, model,
 * schedule, and all else that their specs say, but for the method itself and its learning rate; and the sweep that
 * chose it, which must be as large for each and on other seeds. The list is empty where all is fair. Each method is
 * held against the first.
 *
 * @example
 * ```ts
 * import { fairness, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * const faultsOf = (specs: readonly RunSpec[]) => fairness(specs).map(({ place, reason }) => `${place}: ${reason}`);
 * ```
 */
export function fairness(specs: readonly RunSpec[], options: FairnessOptions = {}): Unfairness[] {
  const { method = (spec) => spec.method.name, mayDiffer = ["optimizer.learningRate", "start.run"], sweep = [] } =
    options;
  const found: Unfairness[] = [];
  for (const spec of [...specs, ...sweep]) {
    const split: string = spec.split;
    if (split !== "dev") {
      found.push({ place: "split", reason: `${method(spec)} is scored on ${split}, not dev, on ${cellOf(spec)}` });
    }
  }
  const groups = [...Map.groupBy(specs, method)].map(([name, own]) => ({ name, cells: cellsOf(name, own, found) }));
  const [first, ...others] = groups;
  for (const other of others) {
    for (const [a, b] of [[first, other], [other, first]]) {
      const missing = [...a.cells.keys()].filter((cell) => !b.cells.has(cell));
      if (missing.length > 0) {
        found.push({
          place: "tasks and seeds",
          reason: `${b.name} has no run of ${missing.join("; ")}: ${a.name} has`,
        });
      }
    }
    const told = new Set<string>();
    for (const [cell, spec] of first.cells) {
      const partner = other.cells.get(cell);
      if (!partner) continue;
      const [own, others] = [textsOf(spec), textsOf(partner)];
      for (const place of new Set([...own.keys(), ...others.keys()])) {
        if (OWN.test(place) || mayDiffer.includes(place) || told.has(place)) continue;
        if (own.get(place) === others.get(place)) continue;
        told.add(place);
        const reason = `${place} is ${own.get(place) ?? "absent"} for ${first.name}, ` +
          `${others.get(place) ?? "absent"} for ${other.name} on ${cell}`;
        found.push({ place, reason });
      }
    }
  }
  if (options.sweep) found.push(...sweepFaults(specs, { method, mayDiffer, sweep }));
  return found;
}

/**
 * Throws a RangeError that names the first place where methods were not treated alike, and how many there are; see
 * {@linkcode fairness}.
 *
 * @example
 * ```ts
 * import { compare, requireFair, type RunRecord, scoredRuns } from "@delta-dawn/delta-lora/experiment";
 *
 * function fairComparison(records: readonly RunRecord[]) {
 *   requireFair(records.map(({ spec }) => spec));
 *   return compare(scoredRuns(records), { baseline: "lora" });
 * }
 * ```
 */
export function requireFair(specs: readonly RunSpec[], options: FairnessOptions = {}): void {
  const [first, ...others] = fairness(specs, options);
  if (!first) return;
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  throw new RangeError(`Cannot compare these methods as ${first.reason}${more}`);
}
