// What every task of deno.json starts with: runs a script with its permissions and the versions of deno.lock, with
// stand-ins where JSR is out of reach, and says what Deno fetches before that.
//   deno run … tools/launch.ts TASK [arguments]
import { lockFlags, peersFlags } from "../experiments/runner/locked.ts";
import { cacheFolder } from "../lib/device/cache_folder.ts";
import { endOf } from "./end_of.ts";
import { missingPackages } from "./missing_packages.ts";

/** A script and what it may do. */
interface Task {
  readonly script: string;
  readonly permissions: readonly string[];
  /** Packages by which one sees whether Deno has yet to fetch what it needs. */
  readonly packages: Parameters<typeof missingPackages>[0];
}

// Dawn is a native module (ffi) and finds its drivers by the environment; SwiftShader is fetched by Deno itself (run).
const DEVICE = ["--allow-ffi", "--allow-env", "--allow-read", "--allow-write", "--allow-run", "--allow-sys"];

/** Models are fetched from Hugging Face's hub. */
const HUB = [...DEVICE, "--allow-net"];

/** Dawn, and a package that stands for the small ones. */
const COMPUTES = ["webgpu", "valibot"] as const;
const TESTS = [...COMPUTES, "expect", "fast-check"] as const;

const TASKS: Readonly<Record<string, Task>> = {
  reproduce: { script: "experiments/cli/reproduce.ts", permissions: HUB, packages: COMPUTES },
  run: { script: "experiments/cli/run.ts", permissions: HUB, packages: [...COMPUTES, "yaml"] },
  sweep: { script: "experiments/cli/sweep.ts", permissions: HUB, packages: [...COMPUTES, "yaml"] },
  train: { script: "experiments/cli/train.ts", permissions: HUB, packages: COMPUTES },
  evaluate: { script: "experiments/cli/evaluate.ts", permissions: HUB, packages: COMPUTES },
  merge: { script: "experiments/cli/merge.ts", permissions: HUB, packages: COMPUTES },
  convert: { script: "experiments/cli/convert.ts", permissions: HUB, packages: COMPUTES },
  doctor: { script: "experiments/cli/doctor.ts", permissions: DEVICE, packages: COMPUTES },
  pretrain: { script: "experiments/cli/pretrain.ts", permissions: DEVICE, packages: COMPUTES },
  generate: { script: "experiments/cli/generate.ts", permissions: HUB, packages: COMPUTES },
  suite: { script: "experiments/cli/suite.ts", permissions: ["--allow-read", "--allow-write"], packages: [] },
  // The page is served to this machine alone, and its program made by Deno itself (run).
  watch: {
    script: "experiments/cli/watch.ts",
    permissions: ["--allow-net=127.0.0.1", "--allow-run", "--allow-env", "--allow-read", "--allow-write"],
    packages: ["valibot", "apache-arrow", "@observablehq/plot"],
  },
  profile: { script: "bench/profile.ts", permissions: DEVICE, packages: COMPUTES },
  tune: { script: "bench/tune.ts", permissions: DEVICE, packages: COMPUTES },
  bench: { script: "bench/mod.ts", permissions: DEVICE, packages: COMPUTES },
  fuzz: { script: "tests/fuzz/mod.ts", permissions: DEVICE, packages: COMPUTES },
  // Tests open servers on this machine and start programs.
  test: {
    script: "tools/test.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
    packages: TESTS,
  },
  ok: {
    script: "tools/ok.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
    packages: TESTS,
  },
  notebooks: {
    script: "tools/notebooks.ts",
    permissions: ["--allow-run", "--allow-read", "--allow-write", "--allow-env"],
    packages: COMPUTES,
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

/** What is said before Deno fetches, which it does in silence. */
function fetchLine(task: string, missing: readonly string[]): string {
  const dawn = missing.includes("webgpu") ? "Dawn, which computes (51 MB), and " : "";
  return `fetching ${dawn}the packages of "${task}" from npm, once`;
}

async function main(): Promise<number> {
  const [name, ...rest] = Deno.args;
  const args = rest.map((word) => word === "-h" ? "--help" : word);
  const task = TASKS[name];
  if (!task) {
    console.error(`unknown task "${name}": there are ${Object.keys(TASKS).join(", ")}`);
    return 1;
  }
  const isHelp = args.includes("--help");
  // Who asks for help starts no device.
  const missing = missingPackages(task.packages.filter((one) => !isHelp || one !== "webgpu"));
  if (missing.length > 0) console.error(fetchLine(name, missing));
  const jsr = Deno.env.get("JSR_URL") || (await reachesJsr() ? "" : standIns());
  const lock = name === "bench" && args.includes("--peers") ? peersFlags(jsr) : lockFlags(jsr);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...lock, ...task.permissions, new URL(task.script, ROOT).href, ...args],
    env: { DENO_NO_UPDATE_CHECK: "1", ...jsr === "" ? {} : { JSR_URL: jsr } },
  }).spawn();
  return (await endOf(child)).code;
}

if (import.meta.main) Deno.exit(await main());
