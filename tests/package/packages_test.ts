import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { lockFlags, peersFlags } from "../../experiments/runner/locked.ts";
import { DAWN_VERSION } from "../../lib/device/dawn.ts";
import { HUB_VERSION } from "../../lib/hub/list_repo.ts";

const ROOT = new URL("../../", import.meta.url);

/** A lock file of Deno's. */
interface Lock {
  readonly jsr?: Readonly<Record<string, unknown>>;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, { readonly integrity?: string; readonly dependencies?: readonly string[] }>>;
}

const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const lockOf = (path: string): Lock => JSON.parse(read(path));

const LOCKS = ["deno.lock", "notebooks/deno.lock", "bench/peers/deno.lock"] as const;
const LOCK = lockOf("deno.lock");
const PEERS_LOCK = lockOf("bench/peers/deno.lock");
const PEER_NAMES = ["@jax-js/jax", "@tensorflow/tfjs", "@tensorflow/tfjs-backend-webgpu", "onnxruntime-node"];

/** What `bench/peers/packages.ts` names; it is no part of what is checked here, as its types would be fetched. */
const PEER_SPECIFIERS = [...new Set(read("bench/peers/packages.ts").match(/npm:[^"]+/g))];

async function deno(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Gives work a folder that goes with it. */
async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Modules that a program reaches, types too, by their specifiers, and the packages among them by name. */
async function graphOf(script: string): Promise<{ modules: readonly string[]; packages: readonly string[] }> {
  const { stdout } = await deno(["info", "--json", ...lockFlags(), script]);
  const found: { readonly modules: readonly { readonly specifier: string }[] } = JSON.parse(stdout);
  const modules = found.modules.map(({ specifier }) => specifier);
  const packages = modules.flatMap((module) => module.match(/^npm:\/?((?:@[^/]+\/)?[^@/]+)@/)?.[1] ?? []);
  return { modules, packages };
}

/** Every task's script, as the launcher has it. */
const SCRIPTS = [...read("tools/launch.ts").matchAll(/script: "([^"]+)"/g)].map(([, script]) => script);

describe("the packages of npm", () => {
  for (const path of LOCKS) {
    const lock = lockOf(path);
    it(`have a version and a hash each in ${path}, indirect ones too, and no address of a registry`, () => {
      const packages = Object.entries(lock.npm);
      expect(packages.length).toBeGreaterThan(100);
      for (const [id, { integrity }] of packages) {
        expect(id).toMatch(/^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+/);
        expect(integrity).toMatch(/^sha512-[\w+/]{86}==$/);
      }
      // Every dependency is there: by its name where one version is, with the version where several are.
      const names = new Set(packages.flatMap(([id]) => [id, id.replace(/(.)@.*$/, "$1")]));
      for (const [, { dependencies = [] }] of packages) {
        for (const name of dependencies) expect(names).toContain(name.replace(/^.+@npm:/, ""));
      }
      expect(read(path)).not.toMatch(/https?:|"tarball"/);
      // JSR's hashes are not those of the stand-ins.
      expect(lock.jsr).toBeUndefined();
    });
  }

  it("are those that deno.json names, at one version, and no range", () => {
    const named = Object.values(config.scopes["./"]).filter((to) => to.startsWith("npm:") && !to.startsWith("npm:/"));
    for (const specifier of named) {
      expect(specifier).toMatch(/@\d+\.\d+\.\d+$/);
      expect(Object.keys(LOCK.specifiers)).toContain(specifier);
    }
    expect(Object.keys(LOCK.specifiers).toSorted()).toEqual(named.toSorted());
    // What is loaded by a name that the library computes.
    for (const specifier of [`npm:webgpu@${DAWN_VERSION}`, `npm:@huggingface/hub@${HUB_VERSION}`]) {
      expect(named).toContain(specifier);
    }
  });

  it("are the same beside the benchmark's peers, which only their own lock file has", () => {
    const hashes = ({ npm }: Lock) =>
      Object.fromEntries(Object.entries(npm).map(([id, { integrity }]) => [id, integrity]));
    expect(hashes(PEERS_LOCK)).toMatchObject(hashes(LOCK));
    expect(hashes(lockOf("notebooks/deno.lock"))).toEqual(hashes(LOCK));
    expect(Object.keys(PEERS_LOCK.specifiers)).toEqual(expect.arrayContaining(PEER_SPECIFIERS));
    expect(PEER_SPECIFIERS.map((one) => one.replace(/^npm:(.+)@.*$/, "$1")).toSorted()).toEqual(PEER_NAMES);
    for (const name of [...PEER_NAMES, "core-js"]) {
      const ids = (lock: Lock) => Object.keys(lock.npm).filter((id) => id.startsWith(`${name}@`));
      expect([ids(LOCK).length, ids(PEERS_LOCK).length > 0]).toEqual([0, true]);
    }
  });

  for (const script of SCRIPTS) {
    it(`are all that ${script} reaches, none of them a peer: a copy of deno.lock gets entries of JSR alone`, async () => {
      const { modules, packages } = await graphOf(script);
      expect(modules.length).toBeGreaterThan(1);
      expect(modules.filter((module) => module.includes("/bench/peers/"))).toEqual([]);
      expect(packages.filter((name) => PEER_NAMES.includes(name))).toEqual([]);
      await withFolder(async (folder) => {
        const copy = `${folder}/deno.lock`;
        await Deno.copyFile(new URL("deno.lock", ROOT), copy);
        expect(await deno(["cache", "--quiet", `--lock=${copy}`, script])).toMatchObject({ code: 0 });
        const lock: Lock = JSON.parse(await Deno.readTextFile(copy));
        expect(lock.npm).toEqual(LOCK.npm);
        const added = Object.keys(lock.specifiers).filter((specifier) => !(specifier in LOCK.specifiers));
        for (const specifier of added) expect(specifier).toMatch(/^jsr:@std\//);
      });
    });
  }

  it("of the first command are none of the tests' own", async () => {
    const { packages } = await graphOf("experiments/cli/reproduce.ts");
    expect(packages).toContain("valibot");
    expect(packages.filter((name) => ["expect", "fast-check"].includes(name))).toEqual([]);
  });
});

/** JSR's protocol on what stands in for its packages; gives its address and the paths it was asked for. */
async function withJsr(work: (address: string, requests: readonly string[]) => Promise<void>): Promise<void> {
  const requests: string[] = [];
  const file = (path: string) => Deno.readFile(new URL(`.jsr${path}`, ROOT));
  /** Size and hash of each file of a version, as JSR has them. */
  async function manifestOf(folder: string): Promise<Record<string, { size: number; checksum: string }>> {
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for await (const { name } of Deno.readDir(new URL(`.jsr${folder}`, ROOT))) {
      const bytes = await file(`${folder}/${name}`);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      manifest[`/${name}`] = { size: bytes.length, checksum: `sha256-${digest.toHex()}` };
    }
    return manifest;
  }
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    if (!pathname.endsWith("_meta.json")) {
      return new Response(await file(pathname), { headers: { "content-type": "application/typescript" } });
    }
    const { exports } = JSON.parse(new TextDecoder().decode(await file(pathname)));
    return Response.json({ manifest: await manifestOf(pathname.replace("_meta.json", "")), exports });
  });
  try {
    await work(`http://127.0.0.1:${server.addr.port}/`, requests);
  } finally {
    await server.shutdown();
  }
}

/** The one copy of the lock file in a folder of caches. */
function copyIn(folder: string): Lock {
  const copies = [...Deno.readDirSync(`${folder}/delta-dawn/locks`)].map(({ name }) => name);
  expect(copies).toHaveLength(1);
  return JSON.parse(Deno.readTextFileSync(`${folder}/delta-dawn/locks/${copies[0]}`));
}

describe("a task", () => {
  const args = ["task", "--quiet", "generate", "--help"];
  const help = { code: 0, stdout: expect.stringContaining("deno task generate") };

  it("takes JSR's packages from JSR where that is reachable, and npm's as deno.lock has them", async () => {
    const before = read("deno.lock");
    await withFolder((folder) =>
      withJsr(async (JSR_URL, requests) => {
        const env = { JSR_URL, XDG_CACHE_HOME: folder, DENO_DIR: `${folder}/deno` };
        expect(await deno(args, { env })).toMatchObject(help);
        expect(requests).toContain("/@std/cli/1.0.28/parse_args.ts");
        expect(copyIn(folder).npm).toEqual(LOCK.npm);
        expect(Object.keys(copyIn(folder).jsr ?? {})).toEqual(["@std/cli@1.0.28"]);
      })
    );
    expect(read("deno.lock")).toBe(before);
  });

  it("takes the stand-ins where it is not, and npm's packages all the same", async () => {
    const before = read("deno.lock");
    await withFolder(async (folder) => {
      // A proxy that is not there: nothing is reachable.
      const env = {
        JSR_URL: "",
        XDG_CACHE_HOME: folder,
        DENO_DIR: `${folder}/deno`,
        HTTPS_PROXY: "http://127.0.0.1:1",
      };
      expect(await deno(args, { env })).toMatchObject(help);
      expect([...Deno.readDirSync(`${folder}/delta-dawn/jsr/@std`)].length).toBeGreaterThan(0);
      expect(copyIn(folder).npm).toEqual(LOCK.npm);
      expect(Object.keys(copyIn(folder).jsr ?? {})).toEqual(["@std/cli@1.0.28"]);
    });
    expect(read("deno.lock")).toBe(before);
  });

  it("says what it fetches before it does, and nothing of what Deno leaves out", async () => {
    await withFolder(async (folder) => {
      const env = { DENO_DIR: `${folder}/deno`, HTTPS_PROXY: "http://127.0.0.1:1", XDG_CACHE_HOME: folder };
      const { code, stderr } = await deno(["task", "doctor"], { env });
      expect(code).toBe(1);
      const lines = stderr.trim().split("\n");
      expect(lines[0]).toMatch(/^Task doctor /);
      expect(lines[1]).toBe('fetching Dawn, which computes (51 MB), and the packages of "doctor" from npm, once');
      expect(lines[2]).toMatch(/^(error|doctor): /);
    });
  });
});

describe("a package", () => {
  /** Runs a program of one import with a lock file of the test's own. */
  async function runWith(lock: Lock, specifier: string): Promise<{ code: number; stderr: string }> {
    return await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/deno.lock`, JSON.stringify({ version: "5", ...lock }));
      await Deno.writeTextFile(`${folder}/deno.json`, "{}");
      await Deno.writeTextFile(`${folder}/main.ts`, `import "${specifier}";\n`);
      const args = ["run", "--quiet", `--lock=${folder}/deno.lock`, "main.ts"];
      return await deno(args, { cwd: folder, env: { DENO_DIR: `${folder}/deno` } });
    });
  }

  const id = "markdown-table@3.0.4";
  const lock = (integrity?: string): Lock => ({
    specifiers: { [`npm:${id}`]: "3.0.4" },
    npm: { [id]: { integrity } },
  });

  it("is refused where its archive has another hash than the lock file", async () => {
    const { integrity } = LOCK.npm[id];
    expect((await runWith(lock(integrity), `npm:${id}`)).code).toBe(0);
    const other = integrity!.replace(/-./, integrity![7] === "A" ? "-B" : "-A");
    const { code, stderr } = await runWith(lock(other), `npm:${id}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Tarball checksum did not match .*for markdown-table@3\.0\.4/);
  });

  it("of the benchmark's peers is named by a configuration that no other command takes", () => {
    const [configuration, lock] = peersFlags();
    expect(configuration).toMatch(/^--config=.*bench\/peers\/deno\.json$/);
    expect(JSON.parse(Deno.readTextFileSync(lock.replace("--lock=", ""))).npm).toMatchObject(PEERS_LOCK.npm);
    expect(config).not.toHaveProperty("workspace");
  });
});
