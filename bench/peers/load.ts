import { paced } from "../../lib/device/settle.ts";

/**
 * A package that only this benchmark needs, fetched from npm the first time it is asked for. Throws an Error that says
 * what to do where it cannot be fetched.
 */
export async function loadPeer<Module>(name: string): Promise<Module> {
  try {
    // A name in a variable: what stands in the source as text, Deno would fetch before the program starts.
    return await paced(import(name)) as Module;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : error;
    throw new Error(
      `cannot load ${name}: ${reason}; it is fetched from npm once: check the network, or leave --peers out`,
    );
  }
}
