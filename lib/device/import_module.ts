/**
 * Imports a module when the program runs, by a specifier in two parts, `npm` and `webgpu@0.6.2` say: bundlers for browsers
 * follow no specifier that is computed.
 */
export async function importModule<Module>(kind: "npm" | "node", name: string): Promise<Module> {
  // What a module exports is known to whoever names it, from its types.
  return await import([kind, name].join(":")) as Module;
}
