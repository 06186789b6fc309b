import { markdownTable } from "markdown-table";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { duration } from "../../../lib/text/duration.ts";
import { groupsOf, type RunEstimate } from "./estimate.ts";

const HEAD = [
  "task",
  "method",
  "seeds",
  "steps",
  "epochs",
  "rate",
  "warm-up",
  "decay",
  "batch",
  "length",
  "scored",
  "starts from",
  "K",
  "FLOP a run",
  "a run",
];

function flops(operations: number): string {
  const [unit, name] = ([[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"]] as const)
    .find(([unit]) => operations >= unit) ?? [1e6, "M"];
  return `${(operations / unit).toPrecision(3)} ${name}`;
}

function rate(value: number): string {
  return value < 0.01 ? value.toExponential() : String(value);
}

/** K, and whether there is a step after it. */
function startOf({ method: { startStep }, steps }: RunSpec): string {
  if (startStep === undefined) return "–";
  return Number(startStep) + 1 < steps ? String(startStep) : `${startStep}: W is never written`;
}

function rowOf(group: readonly RunSpec[], estimate: RunEstimate): string[] {
  const [spec] = group;
  const { task, method, steps, epochs, optimizer, batchSize, model, checkpoint, start, evaluateEvery } = spec;
  return [
    task,
    method.name,
    group.map(({ seed }) => seed).join(" "),
    String(steps),
    epochs === undefined ? (steps * batchSize / spec.data.examples).toPrecision(2) : String(epochs),
    rate(optimizer.learningRate),
    String(optimizer.warmup),
    String(optimizer.weightDecay),
    String(batchSize),
    String(model.length),
    checkpoint === "last" ? checkpoint : `${checkpoint} of every ${evaluateEvery}`,
    start ? `${start.task} run` : "model",
    startOf(spec),
    flops(estimate.operations),
    duration(estimate.seconds),
  ];
}

/** What will run, one row for all seeds of a task and method with its settings. */
export function planTable(estimates: ReadonlyMap<RunSpec, RunEstimate>): string {
  const rows = groupsOf(estimates.keys()).map((group) => rowOf(group, estimates.get(group[0])!));
  return markdownTable([HEAD, ...rows], { align: HEAD.map((_, i) => i < 2 || i === 10 || i === 11 ? "l" : "r") });
}

/** Each method's options, by task where they differ, and what it is optimized by. */
export function optionLines(specs: readonly RunSpec[]): string[] {
  const lines = new Map<string, Set<string>>();
  for (const { task, method: { name, ...options }, optimizer } of specs) {
    const all = { ...options, optimizer: optimizer.name, schedule: optimizer.schedule, clip: optimizer.clip ?? "none" };
    const line = `${name}: ${Object.entries(all).map(([option, value]) => `${option} ${value}`).join(", ")}`;
    lines.set(line, (lines.get(line) ?? new Set()).add(task));
  }
  const count = new Set(specs.map(({ task }) => task)).size;
  return Array.from(lines, ([line, tasks]) => tasks.size < count ? `${line} (${[...tasks].join(", ")})` : line);
}
