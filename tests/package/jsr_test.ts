import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { testFolder } from "../support/folder.ts";

const ROOT = new URL("../../", import.meta.url);
const NAME = config.name;

async function deno(args: readonly string[], options: { cwd?: string | URL; env?: Record<string, string> } = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], ...options }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Paths of the files that would be published. */
async function packedFiles(): Promise<string[]> {
  const { code, stderr } = await deno(["publish", "--dry-run", "--allow-dirty", "--no-check"], {
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
  if (code !== 0) throw new Error(stderr);
  const files = Array.from(stderr.matchAll(/^ +(file:\/\/\S+) \(/gm), ([, url]) => url.slice(ROOT.href.length));
  if (files.length === 0) throw new Error(`no files in what publish says:\n${stderr}`);
  return files;
}

/** Rewrites names of the import map to what they stand for, as JSR does when a package is published. */
function rewrite(source: string): string {
  const imports: Readonly<Record<string, string>> = { ...config.imports, ...config.scopes["./"] };
  return source.replace(/(from |import |import\()"([^".][^"]*)"/g, (whole, before, name) => {
    const key = Object.keys(imports).find((known) => name === known || name.startsWith(`${known}/`));
    return key === undefined ? whole : `${before}"${imports[key]}${name.slice(key.length)}"`;
  });
}

/** A registry in JSR's layout with this package alone. */
async function servePackage(): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const files = new Map<string, string>();
  for (const path of await packedFiles()) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    files.set(`/${path}`, path.endsWith(".ts") ? rewrite(text) : text);
  }
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, text] of files) {
    const bytes = new TextEncoder().encode(text);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    manifest[path] = { size: bytes.length, checksum: `sha256-${hex}` };
  }
  const version = config.version;
  const json = (value: unknown) => Response.json(value);
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === `/${NAME}/meta.json`) {
      return json({ scope: "delta-dawn", name: "delta-lora", latest: version, versions: { [version]: {} } });
    }
    if (pathname === `/${NAME}/${version}_meta.json`) return json({ manifest, exports: config.exports });
    const text = files.get(pathname.slice(`/${NAME}/${version}`.length));
    if (text === undefined) return new Response("not found", { status: 404 });
    const type = pathname.endsWith(".ts") ? "application/typescript" : "text/plain";
    return new Response(text, { headers: { "content-type": type } });
  });
}

/** The README's example, as somebody outside would write it. */
async function readmeExample(): Promise<string> {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const [, example] = readme.match(/```ts\n(import \* as dd[\s\S]*?)```/) ?? [];
  if (!example) throw new Error("README.md has no example that imports the package");
  return example.replace(`"${NAME}"`, `"jsr:${NAME}@^${config.version}"`);
}

describe("the published package", () => {
  let server: Deno.HttpServer<Deno.NetAddr>;
  const folder = testFolder();

  beforeAll(async () => {
    server = await servePackage();
    // Packages of the versions that are fetched anyway, indirect ones too.
    const { version, specifiers, npm } = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
    await Deno.writeTextFile(`${folder}/deno.lock`, JSON.stringify({ version, specifiers, npm }));
  });
  afterAll(() => server.shutdown());

  it("holds the module, its licence and nothing of tests or experiments", async () => {
    const files = await packedFiles();
    for (const path of ["mod.ts", "LICENSE", "README.md"]) expect(files).toContain(path);
    expect(files.filter((path) => /^(tests|experiments|bench|notebooks|\.)/.test(path))).toEqual([]);
  });

  it("runs the README's example from outside, through jsr:", async () => {
    await Deno.writeTextFile(`${folder}/example.ts`, await readmeExample());
    const env = { JSR_URL: `http://127.0.0.1:${server.addr.port}/`, NO_COLOR: "1" };
    const { code, stdout, stderr } = await deno([
      "run",
      "--no-config",
      `--lock=${folder}/deno.lock`,
      "--allow-all",
      "example.ts",
    ], {
      cwd: folder,
      env,
    });
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    expect(stdout).toMatch(/loss 0\.\d+/);
    const adapter = await Deno.readTextFile(`${folder}/adapters/toy/adapter_config.json`);
    expect(JSON.parse(adapter).peft_type).toBe("LORA");
  });

  it("has grids and records under a name of their own, with types, and writes Parquet from outside", async () => {
    const spec = JSON.stringify({
      version: 1,
      experiment: "outside",
      data: { source: "folder", hash: "1f", examples: 10 },
      task: "mine",
      kind: "classification",
      metric: "accuracy",
      split: "dev",
      checkpoint: "last",
      model: { name: "m", hash: "2e", hiddenSize: 8, layers: 1, heads: 1, maxLength: 8, length: 8, vocabSize: 9 },
      method: { name: "lora", rank: 2, alpha: 4 },
      optimizer: { name: "adamw", learningRate: 1e-3, weightDecay: 0, schedule: "constant", warmup: 0 },
      steps: 1,
      batchSize: 1,
      seed: 0,
      packageVersion: config.version,
    });
    const program =
      `import { grid, runAll, type RunRecord, type RunSpec } from "jsr:${NAME}@^${config.version}/experiment";
      const base: RunSpec = ${spec};
      const common = { curve: [], wallSeconds: 1, stepsPerSecond: 1, peakBytes: 1, trainableParameters: 1 };
      const other = { totalParameters: 1, writes: 0, device: "", kernels: "", versions: "" };
      const run = ({ seed }: RunSpec) => Promise.resolve({ metrics: { accuracy: seed / 4 }, ...common, ...other });
      const records: RunRecord[] = [];
      for await (const record of runAll(grid({ ...base, seed: [0, 1, 2] }), { out: "grid", run, parquet: true })) {
        records.push(record);
      }
      // @ts-expect-error: a record's result has metrics
      records[0].result?.metricks;
      console.log(records.map(({ result }) => result?.metrics.accuracy), Deno.statSync("grid/runs.parquet").isFile);\n`;
    await Deno.writeTextFile(`${folder}/grid.ts`, program);
    const env = { JSR_URL: `http://127.0.0.1:${server.addr.port}/`, NO_COLOR: "1" };
    const flags = ["--no-config", `--lock=${folder}/deno.lock`, "--check", "--allow-all"];
    const { code, stdout, stderr } = await deno(["run", ...flags, "grid.ts"], { cwd: folder, env });
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    expect(stdout).toBe("[ 0, 0.25, 0.5 ] true\n");
  });

  it("has types that a program outside can rely on", async () => {
    const program = `import * as dd from "jsr:${NAME}@^${config.version}";\nconst x: dd.Tensor = dd.tensor([1]);\n` +
      `// @ts-expect-error: rank is a number\ndd.peft.lora({ rank: "8", alpha: 1, targets: /x/ });\nconsole.log(x.shape);\n`;
    await Deno.writeTextFile(`${folder}/types.ts`, program);
    const env = { JSR_URL: `http://127.0.0.1:${server.addr.port}/`, NO_COLOR: "1" };
    const { code, stderr } = await deno(["check", "--no-config", `--lock=${folder}/deno.lock`, "types.ts"], {
      cwd: folder,
      env,
    });
    expect(stderr).not.toContain("TS");
    expect(code).toBe(0);
  });
});
