import type { LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { ownAdapter } from "./files/adapter_files.ts";
import { countParameters } from "./low_rank.ts";
import type { BaseParams, Method } from "./method.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a method trains that has no factors: parameters of the model, whole and by name, all of them in `heads`. */
export type ChosenTrainable = LowRankTrainable<never>;

/** A method that trains some of a model's parameters whole, and leaves all others as they are. */
export function chosenParameters(
  { name, peftType, choose }: {
    readonly name: string;
    /** Our kind of its file. */
    readonly peftType: string;
    /** Copies of what is trained. */
    readonly choose: (base: BaseParams) => Record<string, Tensor>;
  },
): Method<ChosenTrainable, Record<string, never>> {
  return {
    name,
    init: (_, base) => ({ trainable: { factors: {}, heads: choose(base) }, aux: {} }),
    writes: () => [],
    adapt: (base, { heads }) => ({ ...base, ...heads }),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ base, trainable: { heads } }) => ({ ...base, ...heads }),
    export({ trainable: { heads } }) {
      const modules = Object.keys(heads).filter((name) => !name.endsWith("bias"));
      const whole = [...new Set(modules.map((name) => name.replace(/\.weight$/, "")))];
      return ownAdapter({
        settings: { peft_type: peftType, modules_to_save: whole },
        targets: [],
        parts: {},
        heads,
      });
    },
    describe: ({ base, trainable }) => countParameters(base, trainable),
  };
}

/** Reads what {@linkcode chosenParameters} saved as that kind, if it is one. */
export function readChosen(
  file: AdapterFile,
  peftType: string,
  make: (heads: RegExp) => Method<ChosenTrainable, Record<string, never>>,
): AdapterReading | undefined {
  if (file.type !== peftType) return undefined;
  return { method: make(file.savedModules), options: {}, part: () => ({}) };
}
