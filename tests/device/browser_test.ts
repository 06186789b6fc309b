import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { testFolder } from "../support/folder.ts";

const ROOT = new URL("../../", import.meta.url);

async function deno(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

describe("a bundle for browsers", () => {
  const folder = testFolder();
  let bundle: string;

  beforeAll(async () => {
    const path = `${folder}/bundle.js`;
    const { code, stderr } = await deno("bundle", "--quiet", "--platform", "browser", "-o", path, "mod.ts");
    if (code !== 0) throw new Error(stderr);
    bundle = await Deno.readTextFile(path);
  });

  it("has no native module in it, and imports nothing when it is loaded", () => {
    expect(bundle).not.toMatch(/npm:webgpu|dawn\.node|createRequire/);
    expect(bundle.match(/^import .*$/gm)).toBeNull();
    // What is imported later is computed: a bundler that saw a name would have to find it.
    // What comments say of types is no import.
    const code = bundle.replaceAll(/\/\*\*.*?\*\//gs, "");
    const later = Array.from(code.matchAll(/\bimport\((.*?)\)/g), ([, what]) => what);
    expect(later.filter((what) => /^["'`]/.test(what))).toEqual([]);
  });

  it("computes on navigator.gpu where there is no Deno, or says what is missing", async () => {
    const page = `const log = console.log;
delete globalThis.Deno;
delete globalThis.process;
delete globalThis.setImmediate;
const dd = await import("./bundle.js");
try {
  const device = await dd.openDevice();
  const slope = dd.grad((x) => dd.sum(dd.mul(x, x)))(dd.tensor([1, 2, 3]));
  log(device.report.source, (await slope.data()).join());
} catch (error) {
  log(error.message);
}
`;
    await Deno.writeTextFile(`${folder}/page.js`, page);
    const { code, stdout, stderr } = await deno("run", "--no-config", "--allow-all", `${folder}/page.js`);
    expect(stderr.replaceAll(/^Warning: .*\n/gm, "")).toBe("");
    expect(code).toBe(0);
    if (stdout.startsWith("navigator.gpu")) expect(stdout).toMatch(/is missing: use a browser|found no adapter/);
    else expect(stdout).toBe("browser 2,4,6\n");
  });
});
