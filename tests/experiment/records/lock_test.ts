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
        `${folder} is in use by another process (process ${other.pid}): wait for it, or choose another --out`,
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

  it("names a folder that cannot be made", async () => {
    await withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      await expect(lockFolder(`${folder}/file/out`)).rejects
        .toThrow(`cannot write into ${folder}/file/out: Not a directory`);
      await expect(lockFolder(`${folder}/file`)).rejects.toThrow("choose another folder with --out");
    });
  });
});
