import { plural } from "../../lib/text/plural.ts";
import type { TaskState, TaskStatus } from "./task_state.ts";

/** States in the order in which they are told, and what is said of several tasks. */
const STATES: readonly (readonly [TaskState, string])[] = [
  ["finished", "finished"],
  ["running", "running"],
  ["waiting", "waiting"],
  ["failed", "failed"],
  ["cancelled", "cancelled"],
  ["planned", "not submitted"],
];

const sum = (counts: readonly number[]) => counts.reduce((total, one) => total + one, 0);

/** Where a sweep is, in lines: how many tasks are in which state, and each that is not finished. */
export function statusLines(states: readonly TaskStatus[]): string[] {
  const [recorded, runs] = [sum(states.map((one) => one.recorded)), sum(states.map((one) => one.runs))];
  const counts = STATES.map(([state, word]) => [states.filter((one) => one.state === state).length, word] as const)
    .filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  const left = states.filter(({ state }) => state !== "finished" && state !== "planned");
  return [
    `${recorded} of ${plural(runs, "run")} recorded; ${plural(states.length, "task")}: ${counts.join(", ")}`,
    ...left.map(({ task, state, recorded, runs, lastLine }) =>
      `  ${task} ${state.padEnd(9)} ${recorded} of ${plural(runs, "run")}${
        state === "failed" ? `: ${lastLine ?? "it said nothing"}` : ""
      }`
    ),
  ];
}
