import { fileURLToPath } from "node:url";
import { fingerprint } from "../../kernels/fingerprint.ts";
import { cacheFolder } from "../../lib/device/cache_folder.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * A copy of a lock file for Deno to write into: JSR's packages are added there, whose hashes differ between JSR and the
 * stand-ins for it, while the project's file holds npm's alone. One for each state of the file and each place of JSR.
 */
function copyLock(name: string, jsr: string): string {
  const lock = Deno.readTextFileSync(new URL(name, ROOT));
  const hash = fingerprint([lock, jsr]);
  const [folder, path] = [`${cacheFolder()}/locks`, `${cacheFolder()}/locks/${hash}.lock`];
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(folder, { recursive: true });
    const fresh = Deno.makeTempFileSync({ dir: folder });
    Deno.writeTextFileSync(fresh, lock);
    Deno.renameSync(fresh, path);
  }
  return path;
}

/**
 * Flags with which Deno takes the versions of npm's packages that `deno.lock` has, indirect ones too, and checks what it
 * fetches against the hashes there. `deno.json` does not name the file, as `deno task` would then fetch all that is in it
 * before any task begins.
 *
 * @param jsr Where JSR's packages come from: the value of `JSR_URL` that Deno will see
 */
export function lockFlags(jsr: string = Deno.env.get("JSR_URL") ?? ""): readonly string[] {
  return [`--lock=${copyLock("deno.lock", jsr)}`];
}

/** The configuration of the libraries that the benchmark measures beside this one. */
export const PEERS_CONFIG: string = `--config=${fileURLToPath(new URL("bench/peers/deno.json", ROOT))}`;

/** {@linkcode lockFlags} for a program that loads those libraries, too, with their configuration. */
export function peersFlags(jsr: string = Deno.env.get("JSR_URL") ?? ""): readonly string[] {
  return [PEERS_CONFIG, `--lock=${copyLock("bench/peers/deno.lock", jsr)}`];
}
