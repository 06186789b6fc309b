// deno run -A tools/write_schema.ts: writes the JSON Schema of configuration files, which a test holds to the code.
import { toJsonSchema } from "@valibot/to-json-schema";
import { RunFileSchema } from "../lib/experiment/specs/run_file.ts";

/** Where the schema lies: it is published with the package. */
export const SCHEMA_FILE: URL = new URL("../lib/experiment/specs/run_file.schema.json", import.meta.url);

/** The JSON Schema of a file of runs, as text. */
export function schemaText(): string {
  // Checks across places have no form in JSON Schema: reading a file makes them.
  const schema = toJsonSchema(RunFileSchema, { errorMode: "ignore" });
  const described = { title: "Runs of Delta Dawn, for deno task run", ...schema };
  return `${JSON.stringify(described, undefined, 2)}\n`;
}

if (import.meta.main) await Deno.writeTextFile(SCHEMA_FILE, schemaText());
