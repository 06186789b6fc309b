// deno task ok: the gate. Format, lint, types, import direction, documentation, tests and examples, publishing.
import { PEERS_CONFIG } from "../experiments/runner/locked.ts";
import { fail } from "../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { flagHelp, readFlags } from "../experiments/terminal/read_flags.ts";
import { checkImports } from "./check_imports.ts";
import { run } from "./run.ts";
import { testAll } from "./test.ts";

/** Runs Deno on the project, and on the benchmark's peers, which have a configuration of their own. */
async function onEach(args: readonly string[]): Promise<number> {
  return Math.max(await run(args), await run([...args, PEERS_CONFIG, "bench/peers/", "tests/bench/peers/"]));
}

/** Steps of the gate, those without a device first. */
const STEPS: readonly (readonly [name: string, check: () => number | Promise<number>])[] = [
  ["format", () => onEach(["fmt", "--check", "--quiet"])],
  ["lint", () => onEach(["lint", "--quiet"])],
  [
    "types",
    () => run(["check", "--quiet", "mod.ts", "lib/", "kernels/", "experiments/", "tests/", "bench/", "tools/"]),
  ],
  ["imports", checkImports],
  [
    "documentation",
    () => run(["doc", "--quiet", "--lint", "mod.ts", "lib/experiment/mod.ts", "lib/experiment/instruments/mod.ts"]),
  ],
  ["publish", () => run(["publish", "--dry-run", "--allow-dirty", "--quiet"])],
  ["tests", () => testAll()],
];

/** Flags of the command. */
export const FLAGS = {
  quick: { takes: "nothing", help: "all but the tests" },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP = `The gate: format, lint, types, imports, documentation, publishing, tests.

  deno task ok [--quick]

${flagHelp(FLAGS)}`;

async function main(): Promise<number> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const lines: string[] = [];
  let failed = 0;
  for (const [name, check] of STEPS) {
    if (flags.quick && name === "tests") continue;
    const began = performance.now();
    const isFine = await check() === 0;
    if (!isFine) failed++;
    lines.push(`${isFine ? "ok    " : "FAILED"}  ${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`);
    console.log(lines[lines.length - 1]);
  }
  if (failed > 0) console.error(`${failed} of ${lines.length} steps failed`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main().catch((error) => fail("ok", error)));
