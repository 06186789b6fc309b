/** URL of real data beside the repository, `../shared/data` from its root, which is not part of the project. */
export const sharedData: URL = new URL("../../../shared/data/", import.meta.url);

/** Whether a path inside {@linkcode sharedData} is there and may be read. */
export function hasSharedData(path: string): boolean {
  try {
    Deno.statSync(new URL(path, sharedData));
    return true;
  } catch {
    return false;
  }
}

/** Text of a gzipped file inside {@linkcode sharedData}. */
export async function readSharedText(path: string): Promise<string> {
  const bytes = await Deno.readFile(new URL(path, sharedData));
  return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
