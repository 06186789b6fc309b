import { writeAtomically } from "../../io/write_atomically.ts";
import { messageOf } from "../../text/message_of.ts";
import { isObject } from "../../text/is_object.ts";
import { isRecordOf } from "../../text/is_record_of.ts";

/** Variants of products by their class, as they were measured on one device. */
export type Choices = ReadonlyMap<string, string>;

/** What {@linkcode readChoices} and {@linkcode writeChoices} need to know. */
export interface ChoicesFile {
  readonly path: string;
  /** Of the kernels: what was measured of others is not used. Read only where there is a file, or one is written. */
  readonly version: string;
  /** Name and driver of the device. */
  readonly device: string;
  /** Hears of a file that is damaged. */
  readonly report: (line: string) => void;
}

/** The file's contents: variants by device and class. */
interface Contents {
  readonly version: string;
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isChoices = (value: unknown): value is Record<string, string> => isRecordOf(value, isText);

function parse(text: string): Contents {
  const value: unknown = JSON.parse(text);
  // Older files call them adapters.
  const [version, devices] = isObject(value) ? [value.version, value.devices ?? value.adapters] : [];
  if (!isText(version) || !isObject(devices)) throw new Error("it has no version, or no devices");
  if (isRecordOf(devices, isChoices)) return { version, devices };
  const wrong = Object.keys(devices).find((device) => !isChoices(devices[device]));
  throw new Error(`what it says of ${wrong} are not names of kernels`);
}

/** What the file says of these kernels; a damaged one is set aside, so that the next one can take its place. */
async function read(file: ChoicesFile): Promise<Contents["devices"]> {
  const { path, report } = file;
  const nothing = {};
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return nothing;
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new Error(`cannot read ${path}: ${messageOf(error)}: delete it, it is only a cache`, {
      cause: error,
    });
  }
  try {
    const contents = parse(text);
    return contents.version === file.version ? contents.devices : nothing;
  } catch (error) {
    const aside = `${path}.damaged`;
    await Deno.rename(path, aside);
    report(`${path} is damaged (${messageOf(error)}): it is now ${aside}, kernels are chosen without it`);
    return nothing;
  }
}

/**
 * What is remembered of a device: nothing where there is no file, or one of other kernels.
 *
 * Throws a NotCapable without the right to read it, and an Error where it cannot be read.
 */
export async function readChoices(file: ChoicesFile): Promise<Choices> {
  return new Map(Object.entries((await read(file))[file.device] ?? {}));
}

/**
 * Adds choices to the file: what others wrote meanwhile stays, and nobody ever finds half of it. Of two processes that
 * write in the same moment, one may lose what it measured; it will measure again.
 */
export async function writeChoices(file: ChoicesFile, choices: Choices): Promise<void> {
  const { path, device } = file;
  const devices = await read(file);
  const merged = { ...devices[device], ...Object.fromEntries(choices) };
  const sorted = Object.fromEntries(Object.entries(merged).sort(([a], [b]) => a < b ? -1 : 1));
  const contents: Contents = { version: file.version, devices: { ...devices, [device]: sorted } };
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await writeAtomically(path, `${JSON.stringify(contents, null, 2)}\n`);
}
