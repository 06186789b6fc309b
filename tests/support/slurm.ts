// A Slurm of one node, without systemd: munged, slurmctld and slurmd as children of the test.

/** Programs that it needs, of Debian's packages slurm-wlm and munge. */
const PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol"] as const;

/** Where programs of Debian's packages lie: a user's PATH need not have the second. */
const FOLDERS = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/usr/bin"];

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const programAt = (name: string) => FOLDERS.map((folder) => `${folder}/${name}`).find(exists);

/** Why there is no Slurm here, in words; `undefined` where there is one. */
export function slurmLacks(): string | undefined {
  const missing = PROGRAMS.filter((name) => programAt(name) === undefined);
  return missing.length > 0 ? `without ${missing.join(", ")} of Debian's slurm-wlm and munge` : undefined;
}

/** A Slurm that runs. */
export interface Slurm extends AsyncDisposable {
  /** With which its commands find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls one of its commands, and gives what it prints. */
  readonly call: (name: string, ...args: string[]) => Promise<string>;
}

/** A port that nobody listens at. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const config = (folder: string, { host, user, cpus, maxArraySize }: Readonly<Record<string, string | number>>) => `
ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=${user}
SlurmdUser=${user}
SlurmctldPort=${freePort()}
SlurmdPort=${freePort()}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${folder}/munge.socket,cred_expire=5
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
MaxArraySize=${maxArraySize}
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cpus} State=UNKNOWN
PartitionName=small Nodes=${host} Default=YES MaxTime=60 State=UP
`;

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

/** Starts it in a folder of its own, with room for so many tasks at once and arrays of so many. */
export async function startSlurm(
  folder: string,
  { cpus, maxArraySize }: { readonly cpus: number; readonly maxArraySize: number },
): Promise<Slurm> {
  await Deno.mkdir(`${folder}/state`, { recursive: true });
  await Deno.mkdir(`${folder}/spool`);
  for (const path of [folder, `${folder}/state`, `${folder}/spool`]) await Deno.chmod(path, 0o755);
  const run = async (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await new Deno.Command(programAt(name) ?? name, { args: [...args], env }).output();
    if (code !== 0) throw new Error(`${name} ${args.join(" ")} ended with ${code}: ${textOf(stderr)}`);
    return textOf(stdout);
  };
  const [host, user] = [await run("hostname", ["-s"]), await run("id", ["-un"])];
  await Deno.writeFile(`${folder}/munge.key`, crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o600 });
  const conf = `${folder}/slurm.conf`;
  await Deno.writeTextFile(conf, config(folder, { host, user, cpus, maxArraySize }));
  const env = { SLURM_CONF: conf };
  const places = { socket: "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed" };
  const munge = Object.entries(places).map(([flag, ending]) => `--${flag}=${folder}/munge.${ending}`);
  const start = (name: string, args: readonly string[]) =>
    new Deno.Command(programAt(name)!, { args: [...args], env, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  const daemons = [start("munged", ["--foreground", "--force", ...munge])];
  const call = (name: string, ...args: string[]) => run(name, args, env);
  const stop = async () => {
    for (const daemon of daemons.toReversed()) {
      try {
        daemon.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
      await daemon.status;
    }
  };
  try {
    await until(() => Promise.resolve(exists(`${folder}/munge.pid`)), "munged begins");
    daemons.push(start("slurmctld", ["-D", "-f", conf]), start("slurmd", ["-D", "-f", conf, "-N", host]));
    await until(async () => /idle/.test(await call("sinfo", "-h", "-o", "%t").catch(() => "")), "the node is idle");
  } catch (error) {
    const logs = ["slurmctld", "slurmd", "munge"].map((name) => `${folder}/${name}.log`).filter(exists);
    const said = logs.map((path) => Deno.readTextFileSync(path).trim().split("\n").slice(-5).join("\n"));
    await stop();
    throw new Error(`${error}\n${said.join("\n")}`, { cause: error });
  }
  return { env, call, [Symbol.asyncDispose]: stop };
}

/** Asks until the answer is yes, for half a minute at most. */
export async function until(ask: () => Promise<boolean>, what: string, seconds = 30): Promise<void> {
  for (let i = 0; i < 10 * seconds; i++) {
    if (await ask()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`it does not come to it that ${what}`);
}
