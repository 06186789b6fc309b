import { duration } from "../../../lib/text/duration.ts";
import type { Score } from "./score.ts";
import type { StepLine } from "./step_batches.ts";

/** How fast a run goes, and where it ended: what the last line of `train` says. */
export class TrainingRate {
  readonly #began = performance.now();
  #ended: number | undefined;
  #tokens = 0;
  #loss: number | undefined;

  /** Takes the line of a step. */
  add({ loss, tokens }: StepLine): void {
    this.#loss = loss;
    this.#tokens += tokens;
  }

  /** The last step is done: what follows is no training. */
  end(): void {
    this.#ended = performance.now();
  }

  /** Of the last step, before it; `undefined` where there was none. */
  get loss(): number | undefined {
    return this.#loss;
  }

  /** From the first step on, compiling included, to the last. */
  get seconds(): number {
    return ((this.#ended ?? performance.now()) - this.#began) / 1000;
  }

  /** Tokens without padding. */
  get tokensPerSecond(): number {
    return this.#tokens / this.seconds;
  }

  /** `loss 0.482, dev accuracy 0.8125, 42 s, 1,204 tokens/s`, with the first metric of each set. */
  line(scores: Readonly<Record<string, Score>>): string {
    const firsts = Object.entries(scores).map(([set, { metrics }]) => {
      const [metric, value] = Object.entries(metrics)[0];
      return `${set} ${metric} ${value?.toFixed(4)}`;
    });
    const loss = this.#loss === undefined ? [] : [`loss ${this.#loss.toFixed(4)}`];
    const rate = this.#tokens === 0
      ? "no step was left"
      : `${Math.round(this.tokensPerSecond).toLocaleString("en")} tokens/s`;
    return [...loss, ...firsts, duration(this.seconds), rate].join(", ");
  }
}
