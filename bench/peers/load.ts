import { paced } from "../../lib/device/settle.ts";

/**
 * A package that only this benchmark needs, such as `npm:name@1.2.3`, fetched from npm the first time it is asked for.
 * Throws an Error that says what to do where it cannot be fetched.
 */
export async function loadPeer<Module>(specifier: string): Promise<Module> {
  try {
    // Computed: what stands in the source as text, Deno would fetch before the program starts.
    return await paced(import(specifier)) as Module;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : error;
    throw new Error(
      `cannot load ${specifier}: ${reason}; it is fetched from npm once: check the network, or leave --peers out`,
    );
  }
}
