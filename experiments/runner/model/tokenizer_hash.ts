import { TOKENIZER_FILES } from "../../../lib/data/mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";

/** What tells a folder's tokenizer from others: names and hashes of its files. */
export async function tokenizerHash(folder: string): Promise<string> {
  const hashes = await Promise.all(TOKENIZER_FILES.map(async (name) => {
    try {
      return `${name} ${await sha256(await Deno.readFile(`${folder}/${name}`))}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }));
  return hashes.join("\n");
}
