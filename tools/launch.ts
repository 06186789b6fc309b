// What every task of deno.json starts with: runs a script with its permissions, with stand-ins where JSR is out of reach.
//   deno run … tools/launch.ts TASK [arguments]

import { endOf } from "./end_of.ts";

/** A script and what it may do. */
interface Task {
  readonly script: string;
  readonly permissions: readonly string[];
}

// Dawn is a native module (ffi) and finds its drivers by the environment; SwiftShader is fetched by Deno itself (run).
const DEVICE = ["--allow-ffi", "--allow-env", "--allow-read", "--allow-write", "--allow-run", "--allow-sys"];

/** Models are fetched from Hugging Face's hub. */
const HUB = [...DEVICE, "--allow-net"];

const TASKS: Readonly<Record<string, Task>> = {
  reproduce: { script: "experiments/cli/reproduce.ts", permissions: HUB },
  train: { script: "experiments/cli/train.ts", permissions: HUB },
  evaluate: { script: "experiments/cli/evaluate.ts", permissions: HUB },
  merge: { script: "experiments/cli/merge.ts", permissions: HUB },
  convert: { script: "experiments/cli/convert.ts", permissions: HUB },
  doctor: { script: "experiments/cli/doctor.ts", permissions: DEVICE },
  pretrain: { script: "experiments/cli/pretrain.ts", permissions: DEVICE },
  generate: { script: "experiments/cli/generate.ts", permissions: ["--allow-read", "--allow-write"] },
  profile: { script: "bench/profile.ts", permissions: DEVICE },
  tune: { script: "bench/tune.ts", permissions: DEVICE },
  bench: { script: "bench/mod.ts", permissions: DEVICE },
  fuzz: { script: "tests/fuzz/mod.ts", permissions: DEVICE },
  // Tests open servers on this machine and start programs.
  test: {
    script: "tools/test.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
  },
  ok: {
    script: "tools/ok.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
  },
  notebooks: {
    script: "tools/notebooks.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
  },
};

const ROOT = new URL("../", import.meta.url);

/** Whether Deno finds a JSR package: in its cache, or over the network. */
async function reachesJsr(): Promise<boolean> {
  const info = new Deno.Command(Deno.execPath(), {
    args: ["info", "--no-config", "jsr:@std/cli@^1.0.0"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(15_000),
  });
  try {
    return (await info.output()).success;
  } catch {
    return false; // it took too long
  }
}

function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") || Deno.env.get("TMPDIR") || "/tmp"}/.cache`;
  return `${base}/delta-dawn`;
}

/** Copies a folder; each file is there whole or not at all, as others may be reading at the same time. */
function copyFolder(from: URL, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) {
      copyFolder(new URL(`${name}/`, from), `${to}/${name}`);
      continue;
    }
    const fresh = `${to}/${name}.${Deno.pid}`;
    Deno.copyFileSync(new URL(name, from), fresh);
    Deno.renameSync(fresh, `${to}/${name}`);
  }
}

/** The stand-ins' folder, outside of the project: inside, `deno publish` would take them for a part of it. */
function standIns(): string {
  const target = `${cacheFolder()}/jsr`;
  copyFolder(new URL(".jsr/", ROOT), target);
  return `file://${target}/`;
}

async function main(): Promise<number> {
  const [name, ...rest] = Deno.args;
  const args = rest.map((word) => word === "-h" ? "--help" : word);
  const task = TASKS[name];
  if (!task) {
    console.error(`unknown task "${name}": there are ${Object.keys(TASKS).join(", ")}`);
    return 1;
  }
  const env: Record<string, string> = { DENO_NO_UPDATE_CHECK: "1" };
  if (!Deno.env.get("JSR_URL") && !await reachesJsr()) env.JSR_URL = standIns();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...task.permissions, new URL(task.script, ROOT).href, ...args],
    env,
  }).spawn();
  return (await endOf(child)).code;
}

if (import.meta.main) Deno.exit(await main());
