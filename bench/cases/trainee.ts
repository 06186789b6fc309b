import { type Device, jit, type Key, type Params, random, train } from "../../mod.ts";
import { type EncodedExamples, trainBatches, type TrainBatchesOptions } from "../../lib/data/mod.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import { benchMethod } from "./bench_step.ts";
import { METHODS } from "./methods.ts";
import { asStored, type BenchModel, lossOf } from "./models.ts";

type TextBatch = ReturnType<typeof train.toBatch>;

/** A model in training, by the library's own loop. */
export class Trainee {
  readonly #step;
  readonly #batches;
  readonly #base;
  #state: train.TrainState;
  #done = 0;

  constructor(
    readonly device: Device,
    model: BenchModel,
    options: {
      readonly method: string;
      readonly dropout: number;
      readonly texts: EncodedExamples;
      readonly batches: TrainBatchesOptions;
    },
  ) {
    const { encoder, loss } = lossOf(model, options);
    const { method, optimizer } = benchMethod(options.method, { learningRate: 1e-4, dropout: options.dropout });
    this.#step = jit(
      train.makeStep({ loss: (p: Params, b: TextBatch, key: Key) => loss(p, b, key), method, optimizer, clip: 1 }),
      { donate: [0] },
    );
    this.#base = asStored(encoder.init(random.key(0)), METHODS[options.method].weights);
    this.#batches = trainBatches(options.texts, options.batches);
    this.#state = train.init(random.key(1), this.#base, { method, optimizer });
  }

  /** Steps done. */
  get done(): number {
    return this.#done;
  }

  /** Goes on for so many steps and waits until they are done. Rejects when a loss is no number. */
  async advance(steps: number): Promise<void> {
    const end = this.#done + steps;
    const batchAt = (index: number) => train.toBatch(this.#batches.at(index));
    const { state } = await train.runSteps(this.#step, this.#state, batchAt, { start: this.#done, steps: end });
    this.#state = state;
    this.#done = end;
    await this.device.done();
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.#step.dispose();
    treeDispose(this.#state);
    treeDispose(this.#base);
  }
}
