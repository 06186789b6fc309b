import type { RunRecord } from "./record.ts";
import { loadArrow, parseRecord } from "./record_file.ts";
import { hashSpec, type RunSpec } from "../specs/spec.ts";
import { messageOf } from "../../text/message_of.ts";

/** What lies where a run's record should be. */
export type FoundRecord =
  | { readonly kind: "finished"; readonly record: RunRecord }
  /** The run failed, and is tried again. */
  | { readonly kind: "failed"; readonly record: RunRecord }
  | { readonly kind: "missing" }
  /** The file is no whole record of this run. */
  | { readonly kind: "damaged"; readonly reason: string };

/**
 * Path of a run's own file in a folder of records; `hash` is {@linkcode hashSpec}'s.
 *
 * @example
 * ```ts
 * import { recordPath } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(recordPath("runs/glue", "0123456789abcdef")); // runs/glue/runs/0123456789abcdef.arrow
 * ```
 */
export function recordPath(out: string, hash: string): string {
  return `${out}/runs/${hash}.arrow`;
}

async function contentsOf(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Looks for the record of a run in a folder of records; it only reads. A file that is no whole record of this run is
 * found as `damaged`.
 *
 * Throws an Error where there is a file that cannot be read: it may be whole, and is not to be made again.
 *
 * @example
 * ```ts
 * import { findRecord, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * async function isFinished(out: string, spec: RunSpec) {
 *   return (await findRecord(out, spec)).kind === "finished";
 * }
 * ```
 */
export async function findRecord(out: string, spec: RunSpec): Promise<FoundRecord> {
  const hash = await hashSpec(spec);
  const path = recordPath(out, hash);
  const contents = await contentsOf(path);
  if (contents === undefined) return { kind: "missing" };
  await loadArrow(); // where that fails, the record is not damaged
  try {
    const record = await parseRecord(contents);
    const found = await hashSpec(record.spec);
    if (record.hash !== hash || found !== hash) {
      return { kind: "damaged", reason: `it is of run ${found}, not ${hash}` };
    }
    return { kind: record.status, record };
  } catch (error) {
    return { kind: "damaged", reason: messageOf(error) };
  }
}

/**
 * Gives a damaged file a name that nothing else has, so that the run can be recorded anew and nothing is lost; that
 * name is what it gives.
 *
 * @example
 * ```ts
 * import { setAside } from "@delta-dawn/delta-lora/experiment";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a.arrow`, "half a rec");
 * console.log(await setAside(`${folder}/a.arrow`) === `${folder}/a.arrow.damaged`); // true
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function setAside(path: string): Promise<string> {
  for (let count = 1;; count++) {
    const aside = `${path}.damaged${count > 1 ? `.${count}` : ""}`;
    try {
      await Deno.lstat(aside);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.rename(path, aside);
      return aside;
    }
  }
}
