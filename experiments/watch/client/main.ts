// The page of `deno task watch`: asks its server for what is new, or shows what it carries, and draws it.
import { curveFigure } from "../../../lib/experiment/figures/mod.ts";
import { decode, STATUSES, type Update, type WatchedRun } from "../snapshot.ts";
import { conditionNames } from "./conditions.ts";
import { figure, h, show } from "./dom.ts";
import { Filters } from "./filters.ts";
import { RunsTable } from "./runs_section.ts";
import { ScoresSection } from "./scores_section.ts";
import { SpecSection } from "./spec_section.ts";

/** Milliseconds from an answer to the next question. */
const PAUSE = 1000;

/** All that is shown. */
class Page {
  readonly #known = new Map<string, WatchedRun>();
  readonly #state = h("p", { role: "status" }, "Reading …");
  readonly #faults = h("div", { role: "alert" });
  readonly #filters = new Filters(() => this.#render());
  readonly #curves = h("div");
  readonly #scores = new ScoresSection();
  readonly #specs = new SpecSection();
  readonly #table = new RunsTable((hash) => this.#specs.choose(hash));
  #update: Update | undefined;

  constructor(main: HTMLElement) {
    const section = (id: string, title: string, child: HTMLElement) =>
      h("section", { "aria-labelledby": id }, h("h2", { id }, title), child);
    const head = h("h1", {}, "Runs");
    const parts = [section("runs", "Runs", this.#table.element), section("curves", "Curves", this.#curves)];
    main.append(
      head,
      this.#state,
      this.#faults,
      this.#filters.element,
      ...parts,
      ...this.#scores.elements,
      this.#specs.element,
    );
  }

  /** What was told so far, for the next question. */
  get since(): string {
    const { session = "", revision = 0 } = this.#update ?? {};
    return new URLSearchParams({ session, revision: String(revision) }).toString();
  }

  /** Shows what is new. */
  take(update: Update): void {
    if (update.session !== this.#update?.session) this.#known.clear();
    for (const run of update.runs) this.#known.set(run.hash, run);
    const isSame = update.session === this.#update?.session && update.revision === this.#update.revision &&
      update.order.length === this.#update.order.length;
    this.#update = update;
    this.#say(update);
    if (!isSame) this.#render();
  }

  /** Shows why nothing new is known. */
  fail(reason: string): void {
    show(this.#faults, reason, () => reason === "" ? [] : [h("p", {}, reason)]);
  }

  #say({ folder, order, isInUse, damaged }: Update): void {
    const counts = STATUSES.map((status) => {
      const count = order.filter((hash) => this.#known.get(hash)?.status === status).length;
      return count > 0 ? `${count} ${status}` : "";
    }).filter((text) => text !== "");
    const text = `${folder}: ${order.length} runs, ${counts.join(", ")}${isInUse ? "; in use by a process" : ""}.`;
    if (this.#state.textContent !== text) this.#state.textContent = text;
    document.title = `Runs of ${folder}`;
    this.fail(damaged.length > 0 ? `Files that are no whole records: ${damaged.join("; ")}` : "");
  }

  #render(): void {
    const all = (this.#update?.order ?? []).flatMap((hash) => this.#known.get(hash) ?? []);
    this.#filters.offer(all);
    const specName = conditionNames(all.map(({ spec }) => spec));
    const nameOf = ({ spec }: WatchedRun) => specName(spec);
    const shown = all.filter((run) => this.#filters.accepts(run));
    this.#table.show(shown, nameOf);
    this.#showCurves(shown, nameOf);
    this.#scores.show(shown, specName);
    this.#specs.show(new Map(all.map((run) => [run.hash, run])), nameOf);
  }

  #showCurves(shown: readonly WatchedRun[], nameOf: (run: WatchedRun) => string): void {
    const begun = shown.filter(({ curve }) => curve.length > 0);
    const key = begun.map((run) => [run.hash, nameOf(run), run.curve.at(-1)].join()).join(";");
    show(this.#curves, key, () => {
      if (begun.length === 0) return [h("p", {}, "No run has begun yet.")];
      return [...Map.groupBy(begun, ({ spec }) => spec.task)].map(([task, runs]) => {
        const curves = runs.map((run) => ({ name: nameOf(run), points: run.curve }));
        return figure(curveFigure(curves, { title: `Training losses on ${task}` }));
      });
    });
  }
}

/** Asks for what is new, again and again. */
async function follow(page: Page): Promise<never> {
  for (;;) {
    try {
      const response = await fetch(`/runs?${page.since}`);
      const text = await response.text();
      // The server that made this page says what it says of itself: an update.
      if (response.ok) page.take(decode(text) as Update);
      else page.fail(`The folder cannot be read: ${text}`);
    } catch (error) {
      page.fail(`The command that shows this page does not answer: ${error instanceof Error ? error.message : error}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

const page = new Page(document.getElementById("main")!);
const data = document.getElementById("data");
// What a page carries was put there when it was made: an update.
if (data) page.take(decode(data.textContent ?? "") as Update);
else void follow(page);
