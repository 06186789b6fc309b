import { scoreOf } from "../../../lib/experiment/records/record.ts";
import { percent } from "../../../lib/experiment/tables/percent.ts";
import { formatNumber } from "../../../lib/experiment/tables/table.ts";
import { METRIC_NAMES } from "../../../lib/experiment/records/metric_names.ts";
import type { WatchedRun } from "../snapshot.ts";
import { h } from "./dom.ts";

const HEAD = ["run", "task", "seed", "status", "steps", "last loss", "score", "seconds", "steps/s"];

/** What stands in a run's row behind its name. */
function cellsOf({ spec, status, step, curve, record }: WatchedRun): string[] {
  const score = record && scoreOf(record);
  const loss = curve.at(-1)?.[1];
  return [
    spec.task,
    String(spec.seed),
    status === "failed" ? `failed: ${record?.error ?? "for no known reason"}` : status,
    `${step}/${spec.steps}`,
    loss === undefined ? "–" : formatNumber(loss),
    score === undefined ? "–" : `${percent(score)} (${METRIC_NAMES[spec.metric] ?? spec.metric})`,
    record?.result ? formatNumber(Number(record.result.wallSeconds.toPrecision(3))) : "–",
    record?.result ? formatNumber(Number(record.result.stepsPerSecond.toPrecision(3))) : "–",
  ];
}

/** The table of runs: a row stays the same element as long as its run is shown, so that it keeps the focus. */
export class RunsTable {
  readonly element: HTMLElement;
  readonly #body = h("tbody");
  readonly #rows = new Map<string, HTMLTableRowElement>();
  readonly #onChosen: (hash: string) => void;

  /** Takes what hears that a run's spec is asked for. */
  constructor(onChosen: (hash: string) => void) {
    this.#onChosen = onChosen;
    const head = h("thead", {}, h("tr", {}, ...HEAD.map((name) => h("th", { scope: "col" }, name))));
    const table = h("table", {}, h("caption", {}, "Runs; a run's button shows its spec"), head, this.#body);
    this.element = h("div", { class: "scroll", role: "region", "aria-label": "Runs", tabindex: "0" }, table);
  }

  show(runs: readonly WatchedRun[], nameOf: (run: WatchedRun) => string): void {
    const shown = new Set(runs.map(({ hash }) => hash));
    for (const [hash, row] of this.#rows) {
      if (shown.has(hash)) continue;
      row.remove();
      this.#rows.delete(hash);
    }
    runs.forEach((run, i) => {
      const row = this.#rowOf(run);
      const texts = [nameOf(run), ...cellsOf(run)];
      row.dataset.status = run.status;
      [...row.cells].forEach((cell, column) => {
        const place = column === 0 ? cell.firstElementChild! : cell;
        if (place.textContent !== texts[column]) place.textContent = texts[column];
      });
      if (this.#body.children[i] !== row) this.#body.insertBefore(row, this.#body.children[i] ?? null);
    });
  }

  #rowOf({ hash, spec }: WatchedRun): HTMLTableRowElement {
    const known = this.#rows.get(hash);
    if (known) return known;
    const button = h("button", { type: "button", title: `${spec.task}, seed ${spec.seed}: ${hash}` });
    button.addEventListener("click", () => this.#onChosen(hash));
    const cells = HEAD.slice(1).map(() => h("td"));
    const row = h("tr", {}, h("th", { scope: "row" }, button), ...cells);
    this.#rows.set(hash, row);
    return row;
  }
}
