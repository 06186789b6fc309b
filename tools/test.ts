// deno task test [--device NAME] [files and folders] [flags of deno test]
//   all tests and every example of the documentation, or what is named; with a device's name (swiftshader, lavapipe,
//   browser, or part of a name) the tests compute on it alone, and examples, which open the default one, are left out
import { fail } from "../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { flagHelp } from "../experiments/terminal/read_flags.ts";
import { peersFlags } from "../experiments/runner/locked.ts";
import { Interrupted } from "../experiments/terminal/interrupt.ts";
import { run } from "./run.ts";

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

/**
 * Each folder of tests has a process of its own: a driver that crashes, or is taken down while another file still uses
 * it, must not take the tests of others with it.
 */
function groups({ device, paths }: TestOptions): Group[] {
  const folders = [...Deno.readDirSync(new URL("tests/", ROOT))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => `tests/${name}/`).filter(holdsTests).sort();
  const found = (paths ?? folders).map((path) => ({
    name: path,
    args: [...areOfPeers(path) ? peersFlags() : UNCHECKED, path],
  }));
  if (paths !== undefined || device !== undefined) return found;
  return [...found, { name: "examples", args: [...UNCHECKED, "--doc", "mod.ts", "lib/", "README.md"] }];
}

function holdsTests(folder: string): boolean {
  return [...Deno.readDirSync(new URL(folder, ROOT))].some(({ name }) => name.endsWith("_test.ts"));
}

async function test(args: readonly string[], device: string | undefined): Promise<number> {
  const flags = ["test", "--quiet", ...PERMISSIONS];
  return await run([...flags, ...args], device === undefined ? {} : { TEST_DEVICE: device });
}

/** Runs tests; the last line says how many passed and failed. The exit code is 1 where one failed, or none ran. */
export async function testAll(options: TestOptions = {}): Promise<number> {
  const { device, flags = [] } = options;
  const reports = await Deno.makeTempDir({ prefix: "delta-dawn-tests-" });
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const faults: string[] = [];
  try {
    for (const [i, { name, args }] of groups(options).entries()) {
      const report = `${reports}/${i}.xml`;
      const code = await test([...flags, `--junit-path=${report}`, ...args], device);
      const counts = countTests(await readReport(report));
      // A process that crashed, or a file that does not load, fails without a failing test.
      const crashed = code !== 0 && counts.failed === 0 ? 1 : 0;
      if (code !== 0) faults.push(`${name} ended with exit code ${code}, ${counts.failed} of its tests failed`);
      total = {
        passed: total.passed + counts.passed,
        failed: total.failed + counts.failed + crashed,
        skipped: total.skipped + counts.skipped,
      };
    }
  } finally {
    await Deno.remove(reports, { recursive: true });
  }
  for (const fault of faults) console.error(fault);
  const { passed, failed, skipped } = total;
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
