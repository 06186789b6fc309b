// deno task ok: the gate. Format, lint, types, import direction, documentation, tests and examples, publishing.
import { PEERS_CONFIG } from "../experiments/runner/locked.ts";
import { fail } from "../experiments/terminal/fail.ts";
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

const HELP = `The gate: format, lint, types, imports, documentation, publishing, tests.

  deno task ok [--quick]

  --quick  all but the tests
  --help   this text`;

if (import.meta.main) {
  if (Deno.args.includes("--help")) {
    console.log(HELP);
    Deno.exit();
  }
  const unknown = Deno.args.find((word) => word !== "--quick");
  if (unknown !== undefined) {
    console.error(`ok: unknown argument ${unknown}: see --help`);
    Deno.exit(1);
  }
  const isQuick = Deno.args.includes("--quick");
  const lines: string[] = [];
  let failed = 0;
  for (const [name, check] of STEPS) {
    if (isQuick && name === "tests") continue;
    const began = performance.now();
    const isFine = await Promise.resolve(check()).catch((error) => fail("ok", error)) === 0;
    if (!isFine) failed++;
    lines.push(`${isFine ? "ok    " : "FAILED"}  ${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`);
    console.log(lines[lines.length - 1]);
  }
  if (failed > 0) console.error(`${failed} of ${lines.length} steps failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}
