import { importModule } from "./import_module.ts";

/** Version of `npm:webgpu` that is loaded; the one that `deno.json` pins for the types. */
export const DAWN_VERSION = "0.6.2";

/** What `create()` of `npm:webgpu` returns must stay referenced, or the process crashes. */
const instances: GPU[] = [];

/**
 * A new instance of Dawn, which looks for drivers as the environment is now. Flags are Dawn's, such as `adapter=NAME`.
 * Deno only: never bundled for a browser.
 */
export async function createDawn(flags: readonly string[] = []): Promise<GPU> {
  const { create } = await importModule<{ create(flags: readonly string[]): GPU }>("npm", `webgpu@${DAWN_VERSION}`);
  // Times of dispatches are ours to read: without this they are multiples of 65.5 µs.
  const instance = create([...flags, "disable-dawn-features=timestamp_quantization"]);
  instances.push(instance);
  return instance;
}
