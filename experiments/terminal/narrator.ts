import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { METRIC_NAMES, type RunRecord, scoreOf } from "../../lib/experiment/records/mod.ts";
import { percent } from "../../lib/experiment/tables/percent.ts";
import { duration } from "../../lib/text/duration.ts";
import { ProgressBar } from "./progress_bar.ts";
import { isTerminal } from "./write_error.ts";

/** A run as lines name it. */
export function runTitle({ task, method, seed }: RunSpec): string {
  return `${task} ${method.name} seed ${seed}`;
}

/** Tells how runs go, on standard error. */
export class Narrator {
  readonly #began = performance.now();
  /** Of runs under way, by their place. */
  readonly #bars = new Map<number, ProgressBar>();
  readonly #expected: number;
  #done = 0;

  /** Takes the number of all runs, and the seconds that are expected of each that is open. */
  constructor(
    readonly count: number,
    readonly seconds: ReadonlyMap<RunSpec, number>,
    readonly title: (spec: RunSpec) => string = runTitle,
  ) {
    this.#expected = seconds.values().reduce((sum, one) => sum + one, 0);
  }

  /** Runs that are trained together have one bar, that of the first. */
  start(index: number, spec: RunSpec, group: readonly RunSpec[]): void {
    if (spec !== group[0]) return;
    const others = group.length > 1 ? ` and ${group.length - 1} more` : "";
    this.#bars.set(index, new ProgressBar(`[${index + 1}/${this.count}] ${this.title(spec)}${others}`, spec.steps));
  }

  progress(index: number, step: number, loss: number): void {
    // A terminal has one line for the bar: that of the run that began first.
    if (isTerminal() && index !== Math.min(...this.#bars.keys())) return;
    this.#bars.get(index)?.update(step, `loss ${loss.toFixed(3)}`);
  }

  record(index: number, record: RunRecord, spec: RunSpec): void {
    this.#bars.get(index)?.end();
    this.#bars.delete(index);
    this.#done += this.seconds.get(spec) ?? 0;
    const score = scoreOf(record);
    const outcome = score === undefined
      ? `failed: ${record.error}`
      : `${METRIC_NAMES[spec.metric] ?? spec.metric} ${percent(score)}`;
    const elapsed = (performance.now() - this.#began) / 1000;
    const left = elapsed * (this.#expected / this.#done - 1);
    const rest = this.#done < this.#expected ? `  about ${duration(left)} left` : "";
    console.error(`[${index + 1}/${this.count}] ${this.title(spec)}: ${outcome}${rest}`);
  }

  end(): void {
    for (const bar of this.#bars.values()) bar.end();
    this.#bars.clear();
  }
}
