import { isMap, isSeq, LineCounter, parse, parseDocument } from "yaml";
import { parseRunFile, type RunFile, RunFileError } from "../../lib/experiment/specs/mod.ts";
import { withValue } from "../../lib/experiment/specs/choices.ts";

/** Keys at the root of a file; what else settings name stands in every run. */
const ROOT_KEYS = ["inputs", "out", "seeds", "axes", "run"];

/** A setting as it is typed, `method.rank=16`: its value is read as YAML, so that `[2, 4]` is a list. */
function settingOf(text: string): { readonly path: string; readonly value: unknown } {
  const [, path, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined) throw new RangeError(`\`set\` takes PATH=VALUE, such as method.rank=16, not "${text}"`);
  return { path, value: parse(value) ?? value };
}

/** A file with a place set to another value. A list makes an axis, and what was an axis there is one no more. */
function withSetting(file: RunFile, text: string): RunFile {
  const { path, value } = settingOf(text);
  const keys = path.split(".");
  try {
    if (ROOT_KEYS.includes(keys[0])) return parseRunFile(withValue(file, keys, value));
    const { [path]: _, ...axes } = file.axes ?? {};
    const runs = file.runs?.map(({ [path]: _, ...one }) => one);
    const changed = { ...file, ...runs && { runs } };
    return parseRunFile(
      Array.isArray(value)
        ? { ...changed, axes: { ...axes, [path]: value } }
        : { ...changed, axes, run: withValue(file.run ?? {}, keys, value) },
    );
  } catch (error) {
    if (!(error instanceof RunFileError)) throw error;
    throw new RangeError(`\`set\` ${text}: ${error.message}`);
  }
}

/** A configuration file that was read. */
export interface ReadRunFile {
  readonly file: RunFile;
  /** Does what works on the file, and puts the line before what is wrong there. */
  locate<T>(work: () => T): T;
}

/**
 * A configuration file from its text, JSON or YAML, with settings such as `method.rank=16` in the place of its own.
 *
 * Throws a RangeError that names the file, the line and the nearest key or name.
 */
export function readRunFile(name: string, text: string, settings: readonly string[] = []): ReadRunFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) throw new RangeError(`${name}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split("\n")[0]}`);

  /** The line of a key, or of the nearest one above it that there is. */
  const lineOf = (keys: readonly (string | number)[]): number => {
    for (let length = keys.length; length > 0; length--) {
      const parent = length > 1 ? document.getIn(keys.slice(0, length - 1), true) : document.contents;
      const key = keys[length - 1];
      const node = isMap(parent)
        ? parent.items.find((pair) => String(pair.key) === String(key))?.key
        : isSeq(parent)
        ? parent.items[Number(key)]
        : undefined;
      const range = node && typeof node === "object" && "range" in node ? node.range : undefined;
      if (Array.isArray(range)) return lines.linePos(range[0]).line;
    }
    return 1;
  };
  const locate = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof RunFileError) throw new RangeError(`${name}:${lineOf(error.keys)}: ${error.message}`);
      throw error;
    }
  };
  const own = locate(() => parseRunFile(document.toJS()));
  return { file: settings.reduce(withSetting, own), locate };
}
