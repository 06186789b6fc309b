// deno task test [--device NAME] [files and folders] [flags of deno test]
//   all tests and every example of the documentation, or what is named; with a device's name (swiftshader, lavapipe,
//   browser, or part of a name) the tests compute on it alone, and examples, which open the default one, are left out
import { fail } from "../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { flagHelp } from "../experiments/terminal/read_flags.ts";
import { peersFlags } from "../experiments/runner/locked.ts";
import { Interrupted } from "../experiments/terminal/interrupt.ts";
import { type Listener, run } from "./run.ts";
import { Turns } from "./turns.ts";

const ROOT = new URL("../", import.meta.url);
const PERMISSIONS = [
  "--allow-ffi",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-net",
  "--allow-sys",
];

/** Tests by outcome. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts of a report in JUnit's format; tests are the steps inside of tests, too. */
export function countTests(xml: string): Counts {
  const sum = (name: string) =>
    Array.from(xml.matchAll(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`, "g")), ([, count]) => Number(count))
      .reduce((a, b) => a + b, 0);
  const [failed, skipped] = [sum("failures") + sum("errors"), sum("disabled")];
  return { passed: sum("tests") - failed - skipped, failed, skipped };
}

/** What is tested, and on what. */
export interface TestOptions {
  /** The one device on which tests compute; by default the best that is found, and kernels on two of them. */
  readonly device?: string;
  /** Files and folders of tests, each with a process of its own; by default all folders, and the examples. */
  readonly paths?: readonly string[];
  /** Flags of `deno test`. */
  readonly flags?: readonly string[];
}

/** What is tested together: the files of a folder of tests, or the examples. */
interface Group {
  readonly name: string;
  readonly args: readonly string[];
}

/** Types are checked by `deno task ok`, once and not for each folder; but for those of peers, which it does not fetch. */
const UNCHECKED = ["--no-check"];

/** Whether tests are of the benchmark's peers, which nothing but them and `deno task bench --peers` fetches. */
function areOfPeers(path: string): boolean {
  return new URL(path, ROOT).href.startsWith(new URL("tests/bench/peers", ROOT).href);
}

/** Groups that are tested at once: tests that start commands, read files or compile leave cores idle. */
const AT_ONCE = Math.min(2, navigator.hardwareConcurrency);

/** How many files of tests a folder of the project has. */
function countFiles(folder: string): number {
  return [...Deno.readDirSync(new URL(folder, ROOT))].reduce(
    (count, { name, isDirectory }) =>
      count + (isDirectory ? countFiles(`${folder}${name}/`) : Number(name.endsWith("_test.ts"))),
    0,
  );
}

/**
 * Each folder of tests has a process of its own: a driver that crashes, or is taken down while another file still uses
 * it, must not take the tests of others with it. The largest come first, so that none of them is left over in the end.
 */
export function groups({ device, paths }: TestOptions): Group[] {
  const folders = [...Deno.readDirSync(new URL("tests/", ROOT))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => `tests/${name}/`).map((path) => ({ path, files: countFiles(path) }))
    .filter(({ files }) => files > 0).sort((a, b) => b.files - a.files || (a.path < b.path ? -1 : 1))
    .map(({ path }) => path);
  const found = (paths ?? folders).map((path) => ({
    name: path,
    args: [...areOfPeers(path) ? peersFlags() : UNCHECKED, path],
  }));
  if (paths !== undefined || device !== undefined) return found;
  return [...found, { name: "examples", args: [...UNCHECKED, "--doc", "mod.ts", "lib/", "README.md"] }];
}

/** What came of a group. */
interface Outcome extends Counts {
  /** What is to be said of it in the end. */
  readonly fault?: string;
}

/** Tests a group; `report` is a file for its counts. */
async function testGroup(
  { name, args }: Group,
  { device, flags = [], report, listener }: TestOptions & { readonly report: string; readonly listener?: Listener },
): Promise<Outcome> {
  const env: Record<string, string> = device === undefined ? {} : { TEST_DEVICE: device };
  const all = ["test", "--quiet", ...PERMISSIONS, ...flags, `--junit-path=${report}`, ...args];
  const code = await run(all, { env, listener });
  const counts = countTests(await readReport(report));
  if (code === 0) return counts;
  return {
    ...counts,
    // A process that crashed, or a file that does not load, fails without a failing test.
    failed: Math.max(counts.failed, 1),
    fault: `${name} ended with exit code ${code}, ${counts.failed} of its tests failed`,
  };
}

/** Tests groups, two at once, and gives what came of each. */
async function testGroups(options: TestOptions, reports: string): Promise<Outcome[]> {
  const all = groups(options);
  const queue = all.entries();
  const turns = new Turns();
  const outcomes = new Array<Outcome>(all.length);
  const begin = async (): Promise<void> => {
    const { value, done } = queue.next();
    if (done) return;
    const [i, group] = value;
    const listener: Listener | undefined = all.length === 1 ? undefined : (...said) => turns.print(i, ...said);
    outcomes[i] = await testGroup(group, { ...options, report: `${reports}/${i}.xml`, listener });
    turns.end(i);
    await begin();
  };
  // What ends one by a signal ends the others, too: this waits for all of them, so that no process is left behind.
  for (const ending of await Promise.allSettled(Array.from({ length: AT_ONCE }, begin))) {
    if (ending.status === "rejected") throw ending.reason;
  }
  return outcomes;
}

/** Runs tests; the last line says how many passed and failed. The exit code is 1 where one failed, or none ran. */
export async function testAll(options: TestOptions = {}): Promise<number> {
  const reports = await Deno.makeTempDir({ prefix: "delta-dawn-tests-" });
  let outcomes: readonly Outcome[];
  try {
    outcomes = await testGroups(options, reports);
  } finally {
    await Deno.remove(reports, { recursive: true });
  }
  for (const { fault } of outcomes) if (fault !== undefined) console.error(fault);
  const sum = (name: keyof Counts) => outcomes.reduce((total, { [name]: count }) => total + count, 0);
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

async function readReport(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // it ended before it could write one
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The device's name and what is left of the arguments. */
function takeDevice(args: readonly string[]): { readonly device?: string; readonly rest: readonly string[] } {
  const at = args.findIndex((word) => /^--device(=|$)/.test(word));
  if (at < 0) return { rest: args };
  const isApart = args[at] === "--device";
  const device = isApart ? args[at + 1] : args[at].slice("--device=".length);
  if (!device || device.startsWith("-")) throw new RangeError("--device needs a value: the name of a device");
  return { device, rest: args.toSpliced(at, isApart ? 2 : 1) };
}

/** Flags of the command; all others go on to `deno test`. */
export const FLAGS = {
  device: {
    takes: "text",
    value: "NAME",
    help: "computes on swiftshader, lavapipe, browser, or a device of which this is a part of the name, alone; " +
      "examples, which open the default one, are left out",
  },
  filter: { takes: "text", value: "WORD", help: 'and other flags of "deno test" go on to it' },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Runs the tests and the examples of the documentation; the last line says how many passed and failed.

  deno task test [--device NAME] [files and folders] [flags of deno test]

${flagHelp(FLAGS)}`;

async function main(): Promise<number> {
  if (Deno.args.includes("--help")) {
    console.log(HELP);
    return 0;
  }
  try {
    const { device, rest } = takeDevice(Deno.args);
    // What names a file or folder is tested; all else, such as `--filter softmax`, goes to `deno test` as it is.
    const paths = rest.filter((word) => !word.startsWith("-") && exists(word));
    const flags = rest.filter((word) => !paths.includes(word));
    return await testAll({ device, paths: paths.length > 0 ? paths : undefined, flags });
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof Interrupted)) throw error;
    fail("test", error);
  }
}

if (import.meta.main) Deno.exit(await main());
