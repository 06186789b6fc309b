import { leavesOf } from "../../../lib/experiment/specs/leaves.ts";
import { STATUSES, type WatchedRun } from "../snapshot.ts";
import { choice, h, setOptions } from "./dom.ts";

/** Which runs are shown. */
export class Filters {
  readonly element: HTMLElement;
  readonly #task: ReturnType<typeof choice>;
  readonly #method: ReturnType<typeof choice>;
  readonly #status: ReturnType<typeof choice>;
  readonly #words: HTMLInputElement;

  /** Takes what hears that others are asked for. */
  constructor(onChange: () => void) {
    this.#task = choice("Task ", onChange);
    this.#method = choice("Method ", onChange);
    this.#status = choice("Status ", onChange);
    this.#words = h("input", { type: "search", placeholder: "method.rank=8 seed=0" });
    this.#words.addEventListener("input", onChange);
    const fields = [this.#task.field, this.#method.field, this.#status.field];
    const words = h("label", {}, "Settings ", this.#words);
    this.element = h("fieldset", { class: "fields" }, h("legend", {}, "Which runs are shown"), ...fields, words);
  }

  /** Offers what runs have. */
  offer(runs: readonly WatchedRun[]): void {
    const offered = (select: HTMLSelectElement, names: readonly string[]) =>
      setOptions(select, [["", "all"], ...[...new Set(names)].map((name) => [name, name] as const)]);
    offered(this.#task.select, runs.map(({ spec }) => spec.task));
    offered(this.#method.select, runs.map(({ spec }) => spec.method.name));
    offered(this.#status.select, STATUSES);
  }

  /** Whether a run is shown: each word must stand in one of its settings, `path=value`. */
  accepts({ spec, status }: WatchedRun): boolean {
    const fits = ({ select }: ReturnType<typeof choice>, value: string) =>
      select.value === "" || select.value === value;
    if (!fits(this.#task, spec.task) || !fits(this.#method, spec.method.name) || !fits(this.#status, status)) {
      return false;
    }
    const words = this.#words.value.split(/\s+/).filter((word) => word !== "");
    if (words.length === 0) return true;
    const settings = leavesOf(spec, { lists: "whole" }).map(([path, value]) => `${path}=${value}`);
    return words.every((word) => settings.some((setting) => matches(setting, word)));
  }
}

/** A word with a value means that value, one without any part of a setting. */
function matches(setting: string, word: string): boolean {
  return word.includes("=") ? setting === word || setting.endsWith(`.${word}`) : setting.includes(word);
}
