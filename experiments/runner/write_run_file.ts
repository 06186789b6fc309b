import {
  factorRuns,
  RUN_FILE_VERSION,
  type RunFile,
  type RunFileInputs,
  type RunSpec,
} from "../../lib/experiment/specs/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { PACKAGE_VERSION } from "./versions.ts";

/** Where the schema of files is published. */
const SCHEMA = `https://jsr.io/@delta-dawn/delta-lora/${PACKAGE_VERSION}/lib/experiment/specs/run_file.schema.json`;

/** What is written beside the runs of a command. */
export interface WriteRunFileOptions {
  /** Where they lie; what is no part of a file is left out. */
  readonly inputs: RunFileInputs & { readonly offline?: boolean };
  readonly out: string;
}

function jsonText(file: RunFile): string {
  return `${JSON.stringify({ $schema: SCHEMA, ...file }, undefined, 2)}\n`;
}

async function yamlText(file: RunFile): Promise<string> {
  const { stringify } = await import("yaml"); // which commands that write no such file go without
  return `# yaml-language-server: $schema=${SCHEMA}\n${stringify(file)}`;
}

/** Writes runs as a file that `deno task run` repeats to the same bits: JSON by its ending, else YAML. */
export async function writeRunFile(
  path: string,
  specs: readonly RunSpec[],
  { inputs, out }: WriteRunFileOptions,
): Promise<void> {
  const { offline: _, ...places } = inputs;
  const given = Object.fromEntries(Object.entries(places).filter(([, place]) => place !== undefined));
  const file: RunFile = { version: RUN_FILE_VERSION, inputs: given, out, ...factorRuns(specs) };
  await writeAtomically(path, path.endsWith(".json") ? jsonText(file) : await yamlText(file));
}
