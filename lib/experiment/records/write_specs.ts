import { writeAtomically } from "../../io/write_atomically.ts";
import { canonicalJson, type RunSpec } from "../specs/spec.ts";

/** Writes the specs of a grid into its folder of records, a line each, in their order. */
export async function writeSpecs(out: string, specs: readonly RunSpec[]): Promise<void> {
  await writeAtomically(`${out}/specs.json`, `[\n${specs.map(canonicalJson).join(",\n")}\n]\n`);
}
