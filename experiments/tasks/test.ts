// deno task test [files] [flags of deno test]: all tests, and every example of the documentation.
import { run } from "./run.ts";

const ROOT = new URL("../../", import.meta.url);
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

/** What is tested together: the files of a folder of tests, or the examples. */
interface Group {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * Each folder of tests has a process of its own: a driver that crashes, or is taken down while another file still uses
 * it, must not take the tests of others with it.
 */
function groups(): Group[] {
  const folders = [...Deno.readDirSync(new URL("tests/", ROOT))].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => `tests/${name}/`).filter(holdsTests).sort();
  return [
    ...folders.map((folder) => ({ name: folder, args: [folder] })),
    { name: "examples", args: ["--doc", "mod.ts", "lib/", "README.md"] },
  ];
}

function holdsTests(folder: string): boolean {
  return [...Deno.readDirSync(new URL(folder, ROOT))].some(({ name }) => name.endsWith("_test.ts"));
}

async function test(args: readonly string[]): Promise<number> {
  // Types are checked by `deno task ok`, once and not for each folder.
  return await run(["test", "--quiet", "--no-check", ...PERMISSIONS, ...args]);
}

/** Runs all tests; the last line says how many passed and failed. The exit code is 1 where one failed, or none ran. */
export async function testAll(flags: readonly string[] = []): Promise<number> {
  const reports = await Deno.makeTempDir({ prefix: "delta-dawn-tests-" });
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const faults: string[] = [];
  try {
    for (const [i, { name, args }] of groups().entries()) {
      const report = `${reports}/${i}.xml`;
      const code = await test([...flags, `--junit-path=${report}`, ...args]);
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

if (import.meta.main) {
  // What names a file or folder is tested; everything else, such as `--filter softmax`, goes to `deno test` as it is.
  const files = Deno.args.filter((word) => !word.startsWith("-") && exists(word));
  const flags = Deno.args.filter((word) => !files.includes(word));
  Deno.exit(files.length > 0 ? await test([...flags, ...files]) : await testAll(flags));
}
