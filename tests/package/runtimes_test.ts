import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { DAWN_VERSION } from "../../lib/device/dawn.ts";
import { testFolder } from "../support/folder.ts";

const ROOT = new URL("../../", import.meta.url);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string, args: readonly string[], cwd: string | URL): Promise<Ended> {
  const command = new Deno.Command(program, { args: [...args], cwd, env: { NO_COLOR: "1" }, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Deno's copy of Dawn's package, which is a package as npm has it. */
async function dawnFolder(): Promise<string> {
  const { npmCache } = JSON.parse((await run(Deno.execPath(), ["info", "--json"], ROOT)).stdout);
  const found = [...Deno.readDirSync(npmCache)].map(({ name }) => `${npmCache}/${name}/webgpu/${DAWN_VERSION}`)
    .find((folder) => {
      try {
        return Deno.statSync(folder).isDirectory;
      } catch {
        return false; // another registry's
      }
    });
  if (found === undefined) throw new Error(`Deno has no copy of webgpu ${DAWN_VERSION} in ${npmCache}`);
  return found;
}

/** The first block of code in README that holds a text, without its import of the package. */
function exampleWith(readme: string, text: string): string {
  const example = Array.from(readme.matchAll(/^```[jt]s(?: ignore)?\n(.*?)^```$/gms), ([, code]) => code)
    .find((code) => code.includes(text));
  if (example === undefined) throw new Error(`README has no example with ${text}`);
  return example.replace(/^import .* from "@delta-dawn\/delta-lora";$/m, "");
}

describe("README's first example, from a bundle of the package", () => {
  const folder = testFolder();

  beforeAll(async () => {
    const args = ["bundle", "--quiet", "--platform", "browser", "-o", `${folder}/delta-lora.js`, "mod.ts"];
    const { code, stderr } = await run(Deno.execPath(), args, ROOT);
    if (code !== 0) throw new Error(stderr);
    await Deno.mkdir(`${folder}/node_modules`);
    await Deno.symlink(await dawnFolder(), `${folder}/node_modules/webgpu`);
    await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
    const readme = await Deno.readTextFile(new URL("README.md", ROOT));
    // Files are Deno's: all but the last line of the example runs elsewhere.
    const example = exampleWith(readme, "dd.peft.deltaLora(").replace(/^await dd\.io\.saveAdapter.*$/m, "");
    const setup = exampleWith(readme, 'from "webgpu"');
    await Deno.writeTextFile(`${folder}/example.ts`, `${setup}${example}process.exit(0);\n`);
  });

  it("trains in Node and in Bun on Dawn, to one loss", async () => {
    const node = await run("npx", ["-y", "node@24", "example.ts"], folder);
    expect(node).toMatchObject({ code: 0, stdout: expect.stringMatching(/^loss 0\.\d{4}\n$/) });
    const bun = await run("npx", ["-y", "bun@1.4.5", "example.ts"], folder);
    expect(bun).toMatchObject({ code: 0, stdout: node.stdout });
  });
});
