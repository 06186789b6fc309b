// deno task test [files]: all tests, and every example of the documentation.
import { run } from "./run.ts";

const PERMISSIONS = [
  "--allow-ffi",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-net",
  "--allow-sys",
];

/** Arguments of `deno` for all tests, or for some files. */
export function testArguments(files: readonly string[], extra: readonly string[] = []): string[] {
  const all = files.length > 0 ? files : ["tests/", "mod.ts", "lib/", "README.md"];
  return ["test", "--quiet", ...files.length > 0 ? [] : ["--doc"], ...PERMISSIONS, ...extra, ...all];
}

if (import.meta.main) {
  const flags = Deno.args.filter((word) => word.startsWith("-"));
  const files = Deno.args.filter((word) => !word.startsWith("-"));
  Deno.exit(await run(testArguments(files, flags)));
}
