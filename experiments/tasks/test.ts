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
  Deno.exit(await run(testArguments(files, flags)));
}
