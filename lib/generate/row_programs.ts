import type { DecoderCache } from "../models/causal.ts";
import type { Params } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeDispose } from "../tensor/tree.ts";
import { jit } from "../transform/jit.ts";
import type { Lifted } from "../transform/jit_types.ts";
import type { GenerationInput, Prompts } from "./prompts.ts";
import { capacityFor, type RowState, withRoom } from "./row_state.ts";

/** A state, and what was made of its logits, to be read. */
export interface RowStep<Cache extends DecoderCache> {
  readonly state: RowState<Cache>;
  readonly made: Tensor;
}

/** What programs compute: how rows begin, with what `Start` says of them, and how they go on with `Next`. */
export interface RowFunctions<Start extends Tree, Next extends Tree, Cache extends DecoderCache> {
  /** Reads prompts into a cache of so many slots. */
  begin(params: Params, input: GenerationInput, start: Start, capacity: number): RowStep<Cache>;
  /** Reads a token of each row, of which `generated` were there before. */
  proceed(params: Params, state: RowState<Cache>, next: Next, generated: Tensor): RowStep<Cache>;
}

/** Rows on their way: `made` is what their last step made. */
export interface Rows<Next extends Tree> {
  readonly made: Tensor;
  /** Goes on by a token, in a larger cache where this one is full; whoever read `made` disposes of it. */
  proceed(next: Lifted<Next>): Promise<void>;
  /** Gives back the state. */
  dispose(): void;
}

/** The compiled functions. */
export interface RowPrograms<Start extends Tree, Next extends Tree> {
  begin(params: Params, prompts: Prompts, start: Start): Promise<Rows<Next>>;
  /** Gives back the memory of the programs. */
  dispose(): void;
}

/** Compiles functions of rows, each once for each number of rows, of tokens and of slots. */
export function rowPrograms<Start extends Tree, Next extends Tree, Cache extends DecoderCache>(
  functions: RowFunctions<Start, Next, Cache>,
): RowPrograms<Start, Next> {
  const begin = jit(functions.begin, { static: [3] });
  const proceed = jit(functions.proceed, { donate: [1] });
  const grow = jit(withRoom<Cache>, { donate: [0], static: [1] });
  return {
    async begin(params, { input, slots }, start) {
      let capacity = capacityFor(slots + 1);
      let generated = 1;
      let { state, made } = await begin(params, input, start, capacity);
      return {
        get made() {
          return made;
        },
        async proceed(next) {
          if (slots + generated > capacity) {
            capacity = capacityFor(slots + generated);
            state = await grow(state, capacity);
          }
          ({ state, made } = await proceed(params, state, next, generated++));
        },
        dispose: () => treeDispose({ state, made }),
      };
    },
    dispose: () => [begin, proceed, grow].forEach((program) => program.dispose()),
  };
}
