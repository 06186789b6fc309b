/** Milliseconds that compiling takes before it is worth a line. */
const LONG = 2000;

/** Says that a function is compiled, where that takes long: as soon as it does, and how long it took. */
export class CompileWatch implements Disposable {
  readonly #began: number;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #hasSpoken = false;

  /** `operations` is how many the function consists of; without `report` nothing is said. */
  constructor(
    readonly report: ((line: string) => void) | undefined,
    readonly work: { readonly name: string; readonly operations: number },
    readonly clock: () => number = () => performance.now(),
  ) {
    this.#began = clock();
    // Planning holds timers up, drivers do not.
    if (report) this.#timer = setTimeout(() => this.#speak(), LONG);
  }

  /** For work that holds timers up to call in between. */
  look(): void {
    if (this.clock() - this.#began >= LONG) this.#speak();
  }

  /** Everything is compiled. */
  done(): void {
    const seconds = (this.clock() - this.#began) / 1000;
    if (this.#hasSpoken) this.report?.(`compiled ${this.#name} in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  get #name(): string {
    return this.work.name || "a function";
  }

  #speak(): void {
    if (this.#hasSpoken) return;
    this.#hasSpoken = true;
    this.report?.(`compiling ${this.#name}: ${this.work.operations.toLocaleString("en")} operations …`);
  }
}
