import { expect } from "expect";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { writeAtomically } from "../../lib/io/mod.ts";

describe("writeAtomically", () => {
  let folder: string;
  beforeEach(async () => void (folder = await Deno.makeTempDir()));
  afterEach(() => Deno.remove(folder, { recursive: true }));

  const names = () => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

  it("writes texts and bytes, and leaves nothing else", async () => {
    await writeAtomically(`${folder}/text`, "ü");
    await writeAtomically(`${folder}/bytes`, Uint8Array.of(1, 2));
    expect(await Deno.readTextFile(`${folder}/text`)).toBe("ü");
    expect(await Deno.readFile(`${folder}/bytes`)).toEqual(Uint8Array.of(1, 2));
    expect(names()).toEqual(["bytes", "text"]);
  });

  it("keeps the old file where writing fails, removes what it began, and says why", async () => {
    const path = `${folder}/there`;
    await Deno.mkdir(path); // a file cannot take a folder's name
    await expect(writeAtomically(path, "new")).rejects.toThrow(`cannot write ${path}: `);
    expect(names()).toEqual(["there"]);
    await expect(writeAtomically(`${folder}/missing/x`, "new")).rejects.toThrow(`cannot write ${folder}/missing/x: `);
    expect(names()).toEqual(["there"]);
  });

  it("gives readers one whole file or another while several write", async () => {
    const path = `${folder}/shared`;
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(200_000));
    await writeAtomically(path, texts[0]);
    const writing = Promise.all(texts.map((text) => writeAtomically(path, text)));
    for (let i = 0; i < 20; i++) expect(texts).toContain(await Deno.readTextFile(path));
    await writing;
    expect(texts).toContain(await Deno.readTextFile(path));
    expect(names()).toEqual(["shared"]);
  });

  it("leaves the old file as it was when the process ends in the middle", async () => {
    const path = `${folder}/kept`;
    await Deno.writeTextFile(path, "old");
    const module = import.meta.resolve("../../lib/io/mod.ts");
    const program = `import { writeAtomically } from "${module}";
      writeAtomically(${JSON.stringify(path)}, new Uint8Array(2 ** 27));
      const begun = () => Array.from(Deno.readDirSync(${JSON.stringify(folder)})).length > 1;
      setInterval(() => begun() && Deno.kill(Deno.pid, "SIGKILL"), 0);`;
    const { code } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", program] }).output();
    expect(code).not.toBe(0);
    const { size } = await Deno.stat(path);
    expect([3, 2 ** 27]).toContain(size); // the whole new one, if it came first
  });
});
