/** Live bytes may grow by so much, or by half where that is more, before garbage is collected. */
const FLOOR_BYTES = 32 * 2 ** 20;
/** Collecting takes at most one part in so many of the time, unless memory grows to several times the limit. */
const TIME_SHARE = 5;
const URGENCY = 2;

interface NodeModules {
  getBuiltinModule?(name: "node:v8"): { setFlagsFromString(flags: string): void };
  getBuiltinModule?(name: "node:vm"): { runInNewContext(code: string): unknown };
}

/** The runtime's own way to collect garbage; `undefined` where it has none, as in browsers. */
function findCollector(): (() => void) | undefined {
  const { gc, process } = globalThis as { gc?: () => void; process?: NodeModules };
  if (gc) return gc;
  try {
    process?.getBuiltinModule?.("node:v8").setFlagsFromString("--expose-gc");
    return process?.getBuiltinModule?.("node:vm").runInNewContext("gc") as (() => void) | undefined;
  } catch {
    return undefined; // a runtime that knows the modules and not the switch
  }
}

let collector: { readonly collect: (() => void) | undefined } | undefined;

/**
 * Lets go of device memory that JavaScript's garbage keeps. A tensor in a variable that got another value is some hundred
 * bytes to the collector, which sees no reason to come, and may hold megabytes of the device's: so it is called where live
 * bytes have grown by half since it came last, at a wait that is there anyway. Programs whose tensors are donated or disposed of
 * never get there. In a browser, which offers no such call, memory waits for the collector.
 */
export class Reclaimer {
  readonly #liveBytes: () => number;
  #limit = FLOOR_BYTES;
  #notBefore = 0;
  #running: Promise<void> | undefined;

  /** For a device that says how much is in use. */
  constructor(liveBytes: () => number) {
    this.#liveBytes = liveBytes;
  }

  /** Collects where it is time; `undefined` where there is nothing to wait for. */
  relieve(): Promise<void> | undefined {
    const live = this.#liveBytes();
    if (live <= this.#limit) return undefined;
    if (this.#running) return this.#running;
    if (performance.now() < this.#notBefore && live <= URGENCY * this.#limit) return undefined;
    return this.#running = this.#collect().finally(() => this.#running = undefined);
  }

  async #collect(): Promise<void> {
    collector ??= { collect: findCollector() };
    const start = performance.now();
    collector.collect?.();
    const end = performance.now();
    // Finalizers run in a task of their own.
    if (collector.collect) await new Promise((resolve) => setTimeout(resolve, 0));
    const live = this.#liveBytes();
    this.#limit = live + Math.max(FLOOR_BYTES, live / 2);
    this.#notBefore = end + TIME_SHARE * (end - start);
  }
}
