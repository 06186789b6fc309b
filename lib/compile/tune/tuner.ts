import { fingerprint } from "../../../kernels/fingerprint.ts";
import { textureFormat } from "../../../kernels/kernel.ts";
import type { Measured, ProductDispatch, ProductQuestion } from "../../../kernels/target.ts";
import type { Bindable } from "../../device/bindable.ts";
import type { Device } from "../../device/device.ts";
import type { Choices } from "./choices_file.ts";

/** Turns of each variant; the best one counts. */
const ROUNDS = 5;
/** A turn repeats its product until about so many milliseconds are over, so that waiting for the device counts little. */
const TURN_MILLISECONDS = 8;
const MAX_REPEATS = 64;
/** The heuristic variant stays where the best one does not take less than this share of its time: noise is as large. */
const WORTH = 0.97;

/** Options of {@linkcode Tuner}. */
export interface TunerOptions {
  /** What was measured before. */
  readonly known?: Choices;
  /** Keeps what it measures; absent where it shall measure nothing. */
  readonly remember?: (learned: Choices) => Promise<void>;
  /** Milliseconds on some clock; `performance.now()` by default. */
  readonly clock?: () => number;
}

/** One of a variant's dispatches. */
type Part = Pick<ProductDispatch, "kernel" | "grid" | "uniforms">;

/** A variant with its memory, ready to be timed. */
interface Candidate {
  readonly name: string;
  /** Runs it so many times; the milliseconds of one. */
  time(repeats: number): Promise<number>;
  close(): void;
}

/** Knows the fastest variant of each class of products: what was measured before, and what it measures itself. */
export class Tuner {
  readonly #choices: Map<string, string>;
  readonly #open = new Map<string, ProductQuestion>();
  readonly #remember: TunerOptions["remember"];
  readonly #clock: () => number;

  constructor(readonly device: Device, { known, remember, clock = () => performance.now() }: TunerOptions) {
    this.#choices = new Map(known);
    this.#remember = remember;
    this.#clock = clock;
  }

  /** What is known, and therefore in force: `heuristic`, or a word that tells it from others, and all of it. */
  get description(): string {
    const entries = Array.from(this.#choices, ([name, variant]) => `${name}: ${variant}`).sort();
    return entries.length === 0 ? "heuristic" : `${fingerprint(entries)} (${entries.join("; ")})`;
  }

  /** Answers what is known; what was asked in vain is measured by the next {@linkcode learn}. */
  readonly measured: Measured = (name, question) => {
    const known = this.#choices.get(name);
    if (known === undefined && this.#remember && !this.#open.has(name)) this.#open.set(name, question());
    return known;
  };

  /** Measures the classes that were asked for in vain, and remembers them. Gives whether there were any. */
  async learn(): Promise<boolean> {
    if (this.#open.size === 0) return false;
    const questions = [...this.#open];
    this.#open.clear();
    const learned = new Map<string, string>();
    for (const [name, question] of questions) learned.set(name, await this.#fastest(question));
    for (const [name, variant] of learned) this.#choices.set(name, variant);
    await this.#remember?.(learned);
    return true;
  }

  async #fastest({ variants, elements }: ProductQuestion): Promise<string> {
    const candidates: Candidate[] = [];
    try {
      for (const [name, dispatch] of variants) candidates.push(await this.#prepare(name, dispatch(), elements));
      const repeats: number[] = [];
      for (const candidate of candidates) {
        await candidate.time(1); // the first run is not like the others
        repeats.push(Math.ceil(Math.min(MAX_REPEATS, TURN_MILLISECONDS / await candidate.time(1))));
      }
      const bests = candidates.map(() => Infinity);
      // In turns, so that a machine that slows down slows all of them.
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, candidate] of candidates.entries()) {
          bests[i] = Math.min(bests[i], await candidate.time(repeats[i]));
        }
      }
      const least = Math.min(...bests);
      return candidates[bests[0] * WORTH <= least ? 0 : bests.indexOf(least)].name;
    } finally {
      candidates.forEach((candidate) => candidate.close());
    }
  }

  /** Gives a variant memory of its own, whose contents do not matter: buffers of the largest size that it may touch. */
  async #prepare(name: string, dispatch: ProductDispatch, elements: number): Promise<Candidate> {
    const { device } = this;
    const { kernel, texture: size, pack } = dispatch;
    const memory = kernel.bindings.map((use) => {
      const format = textureFormat(use);
      return format ? device.acquireTexture(...size!, format) : device.acquire(4 * elements);
    });
    const [, second] = memory;
    const source = pack && device.acquire(4 * elements);
    const parts = [
      ...pack ? [await this.#part(pack, [source!, second])] : [],
      await this.#part(dispatch, memory),
    ];
    return {
      name,
      time: async (repeats) => {
        const began = this.#clock();
        device.submit((encoder) => {
          const pass = encoder.beginComputePass();
          for (let i = 0; i < repeats; i++) {
            for (const { pipeline, group, grid } of parts) {
              pass.setPipeline(pipeline);
              pass.setBindGroup(0, group);
              pass.dispatchWorkgroups(...grid);
            }
          }
          pass.end();
        }, repeats * parts.length);
        await device.done();
        return (this.#clock() - began) / repeats;
      },
      close() {
        for (const piece of memory) {
          if ("createView" in piece) device.releaseTexture(piece);
          else device.release(piece);
        }
        if (source) device.release(source);
        for (const { uniforms } of parts) device.releaseUniforms(uniforms);
      },
    };
  }

  /** A dispatch on some memory. */
  async #part({ kernel, grid, uniforms: words }: Part, memory: readonly Bindable[]) {
    const { device } = this;
    const pipeline = await device.pipeline(kernel);
    const uniforms = device.uniforms(words);
    const range = { buffer: uniforms, offset: 0, size: Math.ceil(words.length / 4) * 16 };
    return { pipeline, group: device.bindGroup(kernel, memory, range), grid, uniforms };
  }
}
