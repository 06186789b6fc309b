// deno run --allow-read tools/check_imports.ts: says which imports go up, and which files need each other in a circle.
import config from "../deno.json" with { type: "json" };
import { importFaults } from "./import_faults.ts";
import { readSources } from "./read_sources.ts";

/** Prints the faults of the project's imports, which `import_order.ts` has the order of; gives their number. */
export function checkImports(): number {
  const files = readSources(new URL("../", import.meta.url), config.exclude);
  const faults = importFaults(files, { packages: { ...config.imports, ...config.scopes["./"] } });
  for (const fault of faults) console.error(fault);
  return faults.length;
}

if (import.meta.main) Deno.exit(checkImports() > 0 ? 1 : 0);
