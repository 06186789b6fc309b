import { messageOf } from "../text/message_of.ts";
import { isObject } from "../text/is_object.ts";

/**
 * Reads a JSON file that holds an object. A byte order mark is skipped.
 *
 * Throws a SyntaxError where it is no UTF-8, no JSON or no object, and an Error where it cannot be read; each names the
 * file and its fault.
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const bytes = await readWhole(path);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const fault = error instanceof TypeError ? "it is no UTF-8 text" : `it is no JSON: ${messageOf(error)}`;
    throw new SyntaxError(`cannot read ${path}: ${fault}`, { cause: error });
  }
  if (!isObject(value)) throw new SyntaxError(`cannot read ${path}: it is no JSON object`);
  return value;
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    // A pipe or a device would be waited for, or never end.
    if (!(await Deno.stat(path)).isFile) throw new Error("it is no file");
    return await Deno.readFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
