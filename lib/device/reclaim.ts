/**
 * Live bytes may grow by so much, or by half where that is more, before garbage is collected: little where they are the
 * machine's own memory and steps are slow beside a collection, more on a GPU.
 */
const SOFTWARE_FLOOR_BYTES = 32 * 2 ** 20;
const GPU_FLOOR_BYTES = 256 * 2 ** 20;
/** The next collection may take place once so many times the last one's duration have passed, */
const PAUSE = 5;
/** or where memory has grown to so many times the limit. */
const URGENCY = 1.5;

interface NodeModules {
  getBuiltinModule?(name: "node:v8"): { setFlagsFromString(flags: string): void };
  getBuiltinModule?(name: "node:vm"): { runInNewContext(code: "gc"): (() => void) | undefined };
}

/** What runtimes other than browsers may have, and a name by which types tell the global object where they have neither. */
interface Runtime {
  readonly setTimeout: unknown;
  readonly gc?: () => void;
  readonly process?: NodeModules;
}

/** The runtime's own way to collect garbage; `undefined` where it has none, as in browsers. */
function findCollector(): (() => void) | undefined {
  const { gc, process }: Runtime = globalThis;
  if (gc) return gc;
  try {
    process?.getBuiltinModule?.("node:v8").setFlagsFromString("--expose-gc");
    return process?.getBuiltinModule?.("node:vm").runInNewContext("gc");
  } catch {
    return undefined; // a runtime that knows the modules and not the switch
  }
}

let found: { readonly collect: (() => void) | undefined } | undefined;

/** Collects garbage, where a program may. */
function collectGarbage(): void {
  found ??= { collect: findCollector() };
  found.collect?.();
}

/**
 * Lets go of device memory that JavaScript's garbage keeps. A tensor in a variable that got another value is some hundred
 * bytes to the collector, which sees no reason to come, and may hold megabytes of the device's: so it is called where live
 * bytes have grown by half over the least since it came last, at a wait that is there anyway. Programs whose tensors are donated or
 * disposed of never get there. In a browser, which offers no such call, memory waits for the collector.
 */
export class Reclaimer {
  readonly collect: () => void;
  readonly #floor: number;
  #limit: number;
  #notBefore = 0;
  #running: Promise<void> | undefined;

  /**
   * For a device that says how much is in use, and whether it is the processor. `collect` collects garbage: by default,
   * the runtime's.
   */
  constructor(
    readonly liveBytes: () => number,
    { isSoftware, collect = collectGarbage }: { readonly isSoftware: boolean; readonly collect?: () => void },
  ) {
    this.collect = collect;
    this.#limit = this.#floor = isSoftware ? SOFTWARE_FLOOR_BYTES : GPU_FLOOR_BYTES;
  }

  /** Collects where it is time; `undefined` where there is nothing to wait for. */
  relieve(): Promise<void> | undefined {
    const live = this.liveBytes();
    // What went by itself since then does not count as room to grow into.
    this.#limit = Math.min(this.#limit, this.#above(live));
    if (live <= this.#limit) return undefined;
    if (this.#running) return this.#running;
    if (performance.now() < this.#notBefore && live <= URGENCY * this.#limit) return undefined;
    return this.#running = this.#reclaim().finally(() => this.#running = undefined);
  }

  /** What may be in use before garbage is collected, once so much is that is no garbage. */
  #above(live: number): number {
    return live + Math.max(this.#floor, live / 2);
  }

  async #reclaim(): Promise<void> {
    const start = performance.now();
    this.collect();
    const end = performance.now();
    // Finalizers run in a task of their own.
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#limit = this.#above(this.liveBytes());
    this.#notBefore = end + PAUSE * (end - start);
  }
}
