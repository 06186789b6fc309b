import { recordPath, type RunRecord } from "../../lib/experiment/records/mod.ts";

/** When a recorded run began, in milliseconds since 1970: when its record was written, less the time that it took. */
export async function runBegan({ hash, result }: RunRecord, out: string): Promise<number> {
  const { mtime } = await Deno.stat(recordPath(out, hash));
  return (mtime?.getTime() ?? Date.now()) - 1000 * (result?.wallSeconds ?? 0);
}
