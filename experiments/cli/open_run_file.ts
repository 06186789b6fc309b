import { expandRunFile, type RunFile, type RunFileInputs, type RunSpec } from "../../lib/experiment/specs/mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { Inputs, type Sources } from "../runner/data/inputs.ts";
import { fileSpecs, isWholeSpec } from "../runner/file_specs.ts";
import { SUITE } from "../suite/suite_folder.ts";

/** What flags say of a configuration file. */
export interface OpenRunFileOptions {
  /** Settings such as `method.rank=16`, in the place of the file's own. */
  readonly set: readonly string[];
  readonly out?: string;
  readonly offline: boolean;
}

/** The runs of a configuration file. */
export interface OpenedRunFile {
  readonly file: RunFile;
  readonly specs: readonly RunSpec[];
  readonly inputs: Inputs;
  /** Where inputs lie, as files have it. */
  readonly places: RunFileInputs;
  /** The folder of records. */
  readonly out: string;
}

/** A file's text. Throws an Error that names the file where it cannot be read. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`cannot read the configuration file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A file's name without folders and endings. */
function stem(path: string): string {
  return path.split("/").at(-1)!.replace(/\.\w+$/, "");
}

/** A configuration file as it is read, and its folder of records. */
async function readFile(path: string, { set, out }: Pick<OpenRunFileOptions, "set" | "out">) {
  const { readRunFile } = await import("../runner/run_file.ts"); // which loads the library for YAML
  const { file, locate } = readRunFile(path, await textOf(path), set);
  return { file, locate, out: out ?? file.out ?? `runs/${stem(path)}` };
}

/** The folder of records of a configuration file, without its runs, for which model and data are read. */
export async function outOfRunFile(path: string, options: Pick<OpenRunFileOptions, "set" | "out">): Promise<string> {
  return (await readFile(path, options)).out;
}

/** The runs of a configuration file, completed from model and data. */
export async function openRunFile(path: string, options: OpenRunFileOptions): Promise<OpenedRunFile> {
  const { file, locate, out } = await readFile(path, options);
  const parts = locate(() => expandRunFile(file));
  // What a command wrote names the suite's encoder by leaving the model out; a file of one's own means its folder.
  const own: Sources = parts.every(isWholeSpec) ? {} : { model: SUITE, data: SUITE };
  const places = { ...own, ...file.inputs };
  const inputs = new Inputs({ ...places, ...options.offline && { offline: true } });
  return { file, specs: await fileSpecs(parts, inputs), inputs, places, out };
}
