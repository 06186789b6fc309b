import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { lockFolder } from "../../../lib/experiment/mod.ts";
import { filesUnder, withFolder } from "../samples.ts";

const LOCK = new URL("../../../lib/experiment/records/lock.ts", import.meta.url).href;

/** A process of its own that holds a folder's lock until it is killed. */
async function holder(folder: string): Promise<{ pid: number; kill: () => Promise<void> }> {
  const code = `import { lockFolder } from ${JSON.stringify(LOCK)};
    const lock = await lockFolder(${JSON.stringify(folder)});
    console.log("locked");
    setInterval(() => lock, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", code], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("locked\n");
  return {
    pid: child.pid,
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

describe("lockFolder()", () => {
  it("refuses a folder that another process holds, names that process, and takes it once that one is killed", async () => {
    await withFolder(async (folder) => {
      const other = await holder(folder);
      await expect(lockFolder(folder)).rejects.toThrow(
        `${folder} is in use by another process (process ${other.pid}): wait for it, or choose another \`out\``,
      );
      await other.kill();
      using lock = await lockFolder(folder);
      expect(lock.folder).toBe(folder);
    });
  });

  it("gives the folder back at the end of its scope", async () => {
    await withFolder(async (folder) => {
      {
        using _lock = await lockFolder(`${folder}/new/one`);
        await expect(lockFolder(`${folder}/new/one`)).rejects.toThrow("is in use");
      }
      expect(filesUnder(`${folder}/new/one`)).toEqual([]);
      using _again = await lockFolder(`${folder}/new/one`);
    });
  });

  it("removes files that never got their final name, and nothing else", async () => {
    await withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/runs`);
      for (const name of ["runs/a.arrow", "runs/b.arrow.123.tmp", "report.md.7.tmp", "notes.tmp"]) {
        await Deno.writeTextFile(`${folder}/${name}`, "x");
      }
      using _lock = await lockFolder(folder);
      expect(filesUnder(folder)).toEqual([".lock", "notes.tmp", "runs/a.arrow"]);
    });
  });

  it("leaves alone what a folder within it holds that has an owner of its own", async () => {
    await withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/runs`);
      using _inner = await lockFolder(`${folder}/runs`);
      await Deno.writeTextFile(`${folder}/runs/a.arrow.1.2.tmp`, "x");
      using _outer = await lockFolder(folder);
      expect(filesUnder(`${folder}/runs`)).toContain("a.arrow.1.2.tmp");
    });
  });

  it("has one owner at a time, however many ask for it while others give it back", async () => {
    await withFolder(async (folder) => {
      let owners = 0;
      let turns = 0;
      await Promise.all(Array.from({ length: 8 }, async () => {
        while (turns < 200) {
          try {
            using _lock = await lockFolder(folder);
            turns++;
            expect(++owners).toBe(1);
            await new Promise((done) => setTimeout(done));
            owners--;
          } catch (error) {
            if (!(error instanceof Deno.errors.Busy)) throw error;
            await new Promise((done) => setTimeout(done, 1));
          }
        }
      }));
    });
  });

  it("names a folder that cannot be made", async () => {
    await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      await expect(lockFolder(`${folder}/file/out`)).rejects
        .toThrow(`cannot write into ${folder}/file/out: Not a directory`);
      await expect(lockFolder(`${folder}/file`)).rejects.toThrow("choose another folder with `out`");
    });
  });
});
