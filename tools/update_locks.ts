// deno run --allow-run --allow-read --allow-write tools/update_locks.ts: after a change of packages in deno.json
// or bench/peers/packages.ts, writes into the lock files what is new, and takes out what nothing names any more; versions
// that are there stay.
import { PEERS_CONFIG } from "../experiments/runner/locked.ts";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** Takes out of a lock file the packages that were named once, with what only they need. */
function prune(path: URL, named: readonly string[]): void {
  const lock = JSON.parse(Deno.readTextFileSync(path));
  for (const specifier of Object.keys(lock.specifiers)) {
    if (!named.includes(specifier)) delete lock.specifiers[specifier];
  }
  const ids = Object.keys(lock.npm);
  const reached = new Set<string>();
  const reach = (name: string) => {
    const wanted = name.replace(/^.+@npm:/, "");
    const id = ids.find((one) => one === wanted) ?? ids.find((one) => one.replace(/(.)@.*$/, "$1") === wanted);
    if (id === undefined || reached.has(id)) return;
    reached.add(id);
    const { dependencies = [], optionalDependencies = [], optionalPeers = [] } = lock.npm[id];
    [...dependencies, ...optionalDependencies, ...optionalPeers].forEach(reach);
  };
  for (const [specifier, version] of Object.entries(lock.specifiers)) {
    reach(specifier.replace(/^npm:(.+)@[^@]*$/, `$1@${version}`));
  }
  lock.npm = Object.fromEntries(Object.entries(lock.npm).filter(([id]) => reached.has(id)));
  Deno.writeTextFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}

async function update(path: string, named: readonly string[], flags: readonly string[]): Promise<void> {
  prune(new URL(path, ROOT), named);
  const args = ["cache", "--quiet", ...flags, `--lock=${path}`, ...named];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status;
  if (!success) throw new Error(`cannot write ${path}: see above`);
}

if (import.meta.main) {
  const own = Object.values(config.scopes["./"]).filter((to) => to.startsWith("npm:") && !to.startsWith("npm:/"));
  const peers = Deno.readTextFileSync(new URL("bench/peers/packages.ts", ROOT)).match(/npm:[^"]+/g) ?? [];
  await update("deno.lock", own, []);
  await update("bench/peers/deno.lock", [...own, ...new Set(peers)], [PEERS_CONFIG]);
  await update("notebooks/deno.lock", own, ["--config=notebooks/deno.json"]);
}
