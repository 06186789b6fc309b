import type { Tensor } from "../tensor/tensor.ts";
import { isFile } from "./is_file.ts";
import { quoted } from "../text/quoted.ts";
import { repeatedKey } from "./repeated_key.ts";
import type { ReadHalves } from "./safetensors_elements.ts";
import { type Fail, failFor } from "./safetensors_header.ts";
import { openSafetensors, type TensorReader } from "./safetensors_reader.ts";
import { messageOf } from "../text/message_of.ts";
import { isObject } from "../text/is_object.ts";

/** The file in a model's folder that has all of its weights. */
export const WEIGHTS_FILE = "model.safetensors";
/** The file in a model's folder that says which file has which tensor, where weights lie in several. */
export const WEIGHTS_INDEX_FILE = "model.safetensors.index.json";

/**
 * The files that an index of weights names (`model.safetensors.index.json`), with the names of the tensors in each.
 * `file` is what messages call it.
 *
 * Throws a SyntaxError where the text is no JSON object with a `weight_map` of file names.
 *
 * @example
 * ```ts
 * import { io } from "@delta-dawn/delta-lora";
 *
 * const index = { weight_map: { a: "1.safetensors", b: "2.safetensors", c: "1.safetensors" } };
 * console.log(io.parseWeightsIndex(JSON.stringify(index)).get("1.safetensors")); // ["a", "c"]
 * ```
 */
export function parseWeightsIndex(text: string, file: string = WEIGHTS_INDEX_FILE): Map<string, string[]> {
  const fail: Fail = failFor(file);
  let index: { weight_map?: unknown } | null;
  try {
    index = JSON.parse(text);
  } catch (error) {
    return fail(messageOf(error));
  }
  const map = index?.weight_map;
  if (!isObject(map)) return fail("it has no weight_map");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) fail(`it has the name ${repeated} twice`);
  const files = new Map<string, string[]>();
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== "string" || !/^[\w][\w.-]{0,200}\.safetensors$/.test(name)) {
      return fail(`tensor ${tensor} is said to lie in ${quoted(name)}, which is no name of a safetensors file`);
    }
    const names = files.get(name);
    if (names) names.push(tensor);
    else files.set(name, [tensor]);
  }
  return files;
}

/**
 * Opens the weights of a model's folder: `model.safetensors`, or the files that `model.safetensors.index.json` names.
 * All headers are checked; tensors are read when they are asked for.
 *
 * Throws an Error that names the file and what is wrong with it or missing.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * await dd.io.saveSafetensors(`${folder}/model.safetensors`, { w: dd.tensor([[1, 2]]) });
 * const { entries } = await dd.io.openWeights(folder);
 * console.log([...entries.keys()]); // ["w"]
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function openWeights(folder: string): Promise<TensorReader> {
  const index = `${folder}/${WEIGHTS_INDEX_FILE}`;
  if (await isFile(`${folder}/${WEIGHTS_FILE}`)) return await openSafetensors(`${folder}/${WEIGHTS_FILE}`);
  if (await isFile(index)) return await openShards(folder, parseWeightsIndex(await Deno.readTextFile(index), index));
  const old = await isFile(`${folder}/pytorch_model.bin`);
  throw new Deno.errors.NotFound(
    `cannot read ${folder}: it has no ${WEIGHTS_FILE} and no ${WEIGHTS_INDEX_FILE}` +
      (old ? ", only pytorch_model.bin: load it in transformers and save it by save_pretrained()" : ""),
  );
}

async function openShards(folder: string, files: ReadonlyMap<string, readonly string[]>): Promise<TensorReader> {
  const readers = new Map<string, TensorReader>();
  const entries: [string, TensorReader["entries"] extends ReadonlyMap<string, infer E> ? E : never][] = [];
  for (const [file, names] of files) {
    const path = `${folder}/${file}`;
    const reader = await openSafetensors(path);
    const missing = names.find((name) => !reader.entries.has(name));
    if (missing !== undefined) {
      throw new SyntaxError(
        `cannot read ${path}: it has no tensor ${missing}, which ${WEIGHTS_INDEX_FILE} says it has`,
      );
    }
    const said = new Set(names);
    for (const [name, entry] of reader.entries) {
      if (!said.has(name)) {
        throw new SyntaxError(
          `cannot read ${path}: it has the tensor ${name}, of which ${WEIGHTS_INDEX_FILE} says nothing`,
        );
      }
      readers.set(name, reader);
      entries.push([name, entry]);
    }
  }
  return {
    entries: new Map(entries),
    metadata: [...readers.values()][0]?.metadata ?? {},
    async read(name, options): Promise<Tensor> {
      const reader = readers.get(name);
      if (!reader) throw new RangeError(`cannot read ${folder}: no file of ${WEIGHTS_INDEX_FILE} has a tensor ${name}`);
      return await reader.read(name, options);
    },
  };
}

/** Options of {@linkcode loadWeights}. */
export interface LoadWeightsOptions extends ReadHalves {
  /** Whether a tensor of that name is wanted; all by default. */
  readonly select?: (name: string) => boolean;
}

/**
 * Reads the weights of a model's folder onto the host, by name: those that `select` wants of what {@linkcode
 * openWeights} finds, one after the other.
 *
 * Throws an Error that names the file and what is wrong with it or missing.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const folder = await Deno.makeTempDir();
 * await dd.io.saveSafetensors(`${folder}/model.safetensors`, { "a.bias": dd.tensor([1]), "b.bias": dd.tensor([2]) });
 * const weights = await dd.io.loadWeights(folder, { select: (name) => name.startsWith("a.") });
 * console.log(Object.keys(weights)); // ["a.bias"]
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function loadWeights(
  folder: string,
  { select = () => true, halves }: LoadWeightsOptions = {},
): Promise<Record<string, Tensor>> {
  const { entries, read } = await openWeights(folder);
  const tensors: [string, Tensor][] = [];
  for (const name of entries.keys()) if (select(name)) tensors.push([name, await read(name, { halves })]);
  return Object.fromEntries(tensors);
}
