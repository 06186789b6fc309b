import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { lockFlags } from "../../../experiments/runner/locked.ts";
import { findRecord, readRecord, recordPath, runAll } from "../../../lib/experiment/mod.ts";
import { valuesOf } from "../../experiments/records.ts";
import { filesUnder, sampleResult, withFolder } from "../samples.ts";
import { testFolder } from "../../support/folder.ts";

const PROGRAM = new URL("./grid_process.ts", import.meta.url).pathname;
const RUNS = 18;
/** One of them fails each time that it is run. */
const FAILING = 1;

/** Starts the grid in a process of its own. */
function start(out: string, parallel: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...lockFlags(),
      "--no-check",
      "--allow-read",
      "--allow-write",
      PROGRAM,
      out,
      String(parallel),
    ],
    stdout: "inherit",
    stderr: "piped",
  }).spawn();
}

/** Numbers in [0, 1) that are the same for the same seed (Park and Miller's generator). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;; state = state * 48271 % 2147483647) yield state / 2147483647;
}

const lines = (path: string): string[] => {
  try {
    return Deno.readTextFileSync(path).trim().split("\n");
  } catch {
    return [];
  }
};

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** Whether a file is being written. */
function isWriting(out: string): boolean {
  try {
    return filesUnder(out).some((name) => name.endsWith(".tmp"));
  } catch {
    return false; // a file was renamed while it was looked for
  }
}

describe("a grid that is killed", () => {
  const folder = testFolder();
  let alone: string;
  beforeAll(async () => {
    alone = `${folder}/alone`;
    const { success } = await start(alone, 1).output();
    expect(success).toBe(true);
    expect(lines(`${alone}/starts.txt`)).toHaveLength(RUNS);
  });

  for (const parallel of [1, 3]) {
    it(`ends with the values of one left alone, wherever it was killed, with ${parallel} at once`, async () => {
      const out = `${folder}/killed-${parallel}`;
      const random = numbers(2309 + parallel);
      let kills = 0;
      while (kills < 8) {
        const before = lines(`${out}/starts.txt`).length;
        const child = start(out, parallel);
        const ending = child.status;
        let hasEnded = false;
        ending.then(() => hasEnded = true);
        // It is killed somewhere in its first runs, every second time as soon as a file is half-written.
        while (!hasEnded && lines(`${out}/starts.txt`).length === before) await pause(2);
        await pause(60 * random.next().value);
        while (kills % 2 === 1 && !hasEnded && !isWriting(out)) await pause(0);
        if (!hasEnded) child.kill("SIGKILL");
        if ((await child.output()).signal === null) break; // it came to its end before
        kills++;
        for (const name of filesUnder(`${out}/runs`).filter((name) => name.endsWith(".arrow"))) {
          await readRecord(`${out}/runs/${name}`); // what has its name is whole
        }
      }
      expect(kills).toBeGreaterThanOrEqual(3);
      const { success } = await start(out, parallel).output();
      expect(success).toBe(true);
      expect(await valuesOf(out)).toEqual(await valuesOf(alone));
      expect(filesUnder(out).filter((name) => name !== "starts.txt"))
        .toEqual(filesUnder(alone).filter((name) => name !== "starts.txt"));
      // Nothing is run again but what was under way when it was killed, and what had failed.
      expect(lines(`${out}/starts.txt`).length).toBeLessThanOrEqual(RUNS + kills * (parallel + FAILING));
    });
  }

  it("leaves its folder to nobody else while it lives, and says so", async () => {
    const out = `${folder}/shared`;
    const first = start(out, 1);
    while (lines(`${out}/starts.txt`).length === 0) await pause(2);
    const second = await start(out, 1).output();
    expect(second.success).toBe(false);
    expect(new TextDecoder().decode(second.stderr)).toContain(
      `${out} is in use by another process (process ${first.pid})`,
    );
    expect((await first.output()).success).toBe(true);
    expect(await valuesOf(out)).toEqual(await valuesOf(alone));
  });

  it("repeats a run whose record was cut at any length, sets the file aside, and keeps the others", async () => {
    await withFolder(async (out) => {
      await Deno.mkdir(`${out}/runs`);
      const names = filesUnder(`${alone}/runs`);
      for (const name of names) await Deno.copyFile(`${alone}/runs/${name}`, `${out}/runs/${name}`);
      const records = await Promise.all(names.map((name) => readRecord(`${out}/runs/${name}`)));
      const [record] = records.filter(({ status }) => status === "finished");
      const path = recordPath(out, record.hash);
      const bytes = await Deno.readFile(path);
      let aside = 0;
      for (let length = 0; length < bytes.length; length += 499) {
        await Deno.writeFile(path, bytes.subarray(0, length));
        const started: number[] = [];
        const damaged: string[] = [];
        const specs = records.filter(({ status }) => status === "finished").map(({ spec }) => spec);
        await Array.fromAsync(runAll(specs, {
          out,
          run: () => Promise.resolve(sampleResult(record.result)),
          onStart: (index) => started.push(index),
          onDamage: (file) => damaged.push(file),
          isModified: false,
        }));
        expect([started, damaged]).toEqual([[0], [path]]);
        expect(await findRecord(out, record.spec)).toEqual({ kind: "finished", record });
        aside++;
      }
      expect(filesUnder(`${out}/runs`).filter((name) => name.includes(".damaged"))).toHaveLength(aside);
      expect(await Deno.readFile(path)).toEqual(bytes);
    });
  });
});
