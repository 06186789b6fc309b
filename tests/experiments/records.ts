import { tableFromIPC } from "apache-arrow";

/** Rows of an Arrow file as plain objects. */
export async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  return tableFromIPC(await Deno.readFile(path)).toArray().map((row) => row.toJSON());
}

/**
 * Columns that say how long something took, how much memory, or how runs were shared out: nothing else may differ between
 * two runs.
 */
const MEASURED = /(Seconds|PerSecond|Bytes)$|^(parallel|cells|kernels)$/;

/** What `runs.arrow` and `curves.arrow` of a folder hold, but for times, memory, and how runs were shared out. */
export async function valuesOf(out: string): Promise<Record<string, unknown>[][]> {
  const tables = await Promise.all(["runs", "curves"].map((name) => rowsOf(`${out}/${name}.arrow`)));
  return tables.map((rows) =>
    rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !MEASURED.test(name))))
  );
}
