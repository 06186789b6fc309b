import * as v from "valibot";
import type { PytorchDocument } from "./document.ts";

const SCHEMA: v.GenericSchema<unknown, PytorchDocument> = v.object({
  versions: v.record(v.string(), v.string()),
  threads: v.number(),
  models: v.array(v.object({
    model: v.string(),
    steps: v.array(v.object({
      method: v.string(),
      rounds: v.pipe(v.array(v.number()), v.minLength(1)),
    })),
  })),
});

/** Reads what bench/pytorch_peft.py wrote. Throws an Error where the file is not there or is something else. */
export async function readPytorch(path: string): Promise<PytorchDocument> {
  try {
    return v.parse(SCHEMA, JSON.parse(await Deno.readTextFile(path)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`cannot read ${path}: ${reason}; python bench/pytorch_peft.py --out FILE writes one`);
  }
}
