import { paretoFigure, type ParetoPoint } from "../../../lib/experiment/figures/mod.ts";
import type { RunRecord, RunResult } from "../../../lib/experiment/records/record.ts";
import { comparisonLines, comparisonRows } from "../../../lib/experiment/tables/comparison_table.ts";
import { compare, type Comparison, scoredRuns, settingOf } from "../../../lib/experiment/statistics/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { BASELINE } from "../../recipes/baseline.ts";
import type { WatchedRun } from "../snapshot.ts";
import { choice, figure, h, setOptions, show, table } from "./dom.ts";

/** What a run costs, by what it is counted in. */
const COSTS: Readonly<Record<string, (result: RunResult) => number>> = {
  "trained parameters": ({ trainableParameters }) => trainableParameters,
  "seconds": ({ wallSeconds }) => wallSeconds,
  "peak bytes": ({ peakBytes }) => peakBytes,
};

/** Scores with intervals against a baseline, and against what they cost. */
export class ScoresSection {
  readonly elements: readonly HTMLElement[];
  readonly #baseline = choice("Baseline ", () => {
    this.#wanted = this.#baseline.select.value;
    this.#render();
  });
  readonly #cost = choice("Cost ", () => this.#render());
  readonly #scores = h("div");
  readonly #pareto = h("div");
  /** The baseline that counts wherever runs of it are shown. */
  #wanted: string = BASELINE;
  #records: readonly RunRecord[] = [];
  #nameOf: (spec: RunSpec) => string = ({ method }) => method.name;

  constructor() {
    setOptions(this.#cost.select, Object.keys(COSTS).map((name) => [name, name]));
    const section = (id: string, title: string, ...children: readonly HTMLElement[]) =>
      h("section", { "aria-labelledby": id }, h("h2", { id }, title), ...children);
    this.elements = [
      section("scores", "Scores", h("div", { class: "fields" }, this.#baseline.field), this.#scores),
      section("pareto", "Scores and cost", h("div", { class: "fields" }, this.#cost.field), this.#pareto),
    ];
  }

  show(runs: readonly WatchedRun[], nameOf: (spec: RunSpec) => string): void {
    this.#records = runs.flatMap(({ record }) => record ?? []);
    this.#nameOf = nameOf;
    const names = [...new Set(this.#records.map(({ spec }) => nameOf(spec)))];
    setOptions(this.#baseline.select, names.map((name) => [name, name]));
    if (names.includes(this.#wanted)) this.#baseline.select.value = this.#wanted;
    this.#render();
  }

  #render(): void {
    const none = () => [h("p", {}, "No run has ended yet.")];
    const finished = this.#records.filter(({ result }) => result);
    const key = [...this.#records.map(({ hash, spec }) => hash + this.#nameOf(spec)), this.#baseline.select.value]
      .join();
    if (finished.length === 0) {
      show(this.#scores, "none", none);
      return show(this.#pareto, "none", none);
    }
    show(this.#scores, key, () => this.#table());
    show(this.#pareto, `${key} ${this.#cost.select.value}`, () => [this.#figure(finished)]);
  }

  #compared(): Comparison {
    const rows = scoredRuns(this.#records, { method: this.#nameOf });
    return compare(rows, { baseline: this.#baseline.select.value });
  }

  #table(): HTMLElement[] {
    const comparison = this.#compared();
    const setting = settingOf(this.#records.map(({ spec }) => spec));
    const rows = comparisonRows(comparison).map((row) => Object.values(row).map(String));
    const head = Object.keys(comparisonRows(comparison)[0]);
    const lines = comparisonLines(comparison, setting).map((line) => h("li", {}, line));
    const list = h("details", {}, h("summary", {}, "What these numbers are"), h("ul", {}, ...lines));
    return [table("Scores with intervals of differences", head, rows), list];
  }

  /** Mean scores over tasks against the mean cost of a run. */
  #figure(finished: readonly RunRecord[]): HTMLElement {
    const cost = COSTS[this.#cost.select.value];
    const points = this.#compared().methods.flatMap(({ method, mean }): ParetoPoint[] => {
      const costs = finished.filter(({ spec }) => this.#nameOf(spec) === method).map(({ result }) => cost(result!));
      if (mean === undefined || costs.length === 0) return [];
      return [{ name: method, quality: mean, cost: costs.reduce((a, b) => a + b) / costs.length }];
    }).filter((point) => Number.isFinite(point.quality) && Number.isFinite(point.cost));
    return figure(paretoFigure(points, { unit: this.#cost.select.value }));
  }
}
