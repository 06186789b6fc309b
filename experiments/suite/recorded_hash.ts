import { sha256 } from "../../lib/io/sha256.ts";

/** What `FILE.json` says of the weights, where it is there. */
async function recordedHash(url: URL): Promise<string | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(new URL(`${url}.json`))).sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`cannot read ${url}.json: ${error instanceof Error ? error.message : error}`);
  }
}

/** Hex sha-256 of a file of weights. Calls `fail` where it is not the one that the `.json` beside it was written with. */
export async function checkedHash(url: URL, fail: (reason: string) => never): Promise<string> {
  const hash = await sha256(await Deno.readFile(url));
  const recorded = await recordedHash(url);
  if (recorded === undefined || recorded === hash) return hash;
  return fail(`its sha-256 is ${hash.slice(0, 12)}…, and ${recorded.slice(0, 12)}… in the .json beside it`);
}
