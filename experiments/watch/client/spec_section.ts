import { leavesOf } from "../../../lib/experiment/specs/leaves.ts";
import type { WatchedRun } from "../snapshot.ts";
import { type Child, choice, h, setOptions, show, table } from "./dom.ts";

/** A value of a spec as text; nothing where the spec has none there. */
const textOf = (value: unknown) =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);

/** A run's spec beside another's, differences marked by a word and not by colour alone. */
export class SpecSection {
  readonly element: HTMLElement;
  readonly #heading = h("h2", { id: "specs", tabindex: "-1" }, "Specs");
  readonly #left = choice("Run ", () => this.#render());
  readonly #right = choice("beside ", () => this.#render());
  readonly #only = h("input", { type: "checkbox" });
  readonly #place = h("div");
  #runs: ReadonlyMap<string, WatchedRun> = new Map();

  constructor() {
    this.#only.addEventListener("change", () => this.#render());
    const only = h("label", {}, this.#only, " differences alone");
    const fields = h("div", { class: "fields" }, this.#left.field, this.#right.field, only);
    this.element = h("section", { "aria-labelledby": "specs" }, this.#heading, fields, this.#place);
  }

  show(runs: ReadonlyMap<string, WatchedRun>, nameOf: (run: WatchedRun) => string): void {
    this.#runs = runs;
    const options = Array.from(runs.values(), (run) => {
      const { hash, spec: { task, seed } } = run;
      return [hash, `${task} ${nameOf(run)} seed ${seed} (${hash.slice(0, 8)})`] as const;
    });
    setOptions(this.#left.select, options);
    setOptions(this.#right.select, [["", "no other run"], ...options]);
    this.#render();
  }

  /** Shows a run beside the one that was shown before, and goes there. */
  choose(hash: string): void {
    if (this.#left.select.value !== hash) this.#right.select.value = this.#left.select.value;
    this.#left.select.value = hash;
    this.#render();
    this.#heading.focus();
  }

  #render(): void {
    const [left, right] = [this.#left, this.#right].map(({ select }) => this.#runs.get(select.value));
    if (!left) return show(this.#place, "", () => []);
    const key = [left.hash, right?.hash, this.#only.checked].join();
    show(this.#place, key, () => [this.#table(left, right)]);
  }

  #table(left: WatchedRun, right?: WatchedRun): HTMLElement {
    const [own, other] = [left, right].map((run) => new Map(run ? leavesOf(run.spec, { lists: "whole" }) : []));
    const paths = [...new Set([...own.keys(), ...other.keys()])].toSorted();
    const rows = paths.flatMap((path): Child[][] => {
      const [a, b] = [own, other].map((leaves) => textOf(leaves.get(path)));
      if (!right) return [[path, a]];
      const differs = a !== b;
      if (!differs && this.#only.checked) return [];
      return [[path, ...differs ? [h("mark", {}, a), h("mark", {}, b), "differs"] : [a, b, ""]]];
    });
    const heads = right ? [left.hash, right.hash, "difference"] : [left.hash];
    return table(right ? "Two specs beside each other" : "A run's spec", ["place", ...heads], rows);
  }
}
