import { generateSuite, SUITE_SEED } from "../../suite/mod.ts";
import { SUITE } from "../../suite/suite_folder.ts";

/** How many dev examples each generated task has where data are called `suite:N`. */
const SIZED = /^suite:(\d+)$/;

/** Whether data are the generated texts: `suite`, or `suite:N` with N dev examples of each task in place of the usual ones. */
export function isSuiteData(data: string | undefined): boolean {
  return data === undefined || data === SUITE || SIZED.test(data);
}

/** Files of the suite by their names for data. */
const made = new Map<string, ReadonlyMap<string, string>>();

/**
 * The generated tasks as GLUE's own files. With another number of dev examples those of training are others, too: they are
 * drawn after them. Throws a RangeError where there would be fewer than two.
 */
export function suiteFiles(data: string): ReadonlyMap<string, string> {
  let files = made.get(data);
  if (!files) {
    const [, count] = data.match(SIZED) ?? [];
    if (count !== undefined && Number(count) < 2) {
      throw new RangeError(`the suite has at least 2 dev examples of a task, not ${count}: ${data}`);
    }
    files = generateSuite(SUITE_SEED, count === undefined ? {} : { dev: Number(count) });
    made.set(data, files);
  }
  return files;
}
