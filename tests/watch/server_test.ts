import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { watchPage } from "../../experiments/watch/page.ts";
import { FolderWatch } from "../../experiments/watch/folder_watch.ts";
import { respond, serve } from "../../experiments/watch/serve.ts";
import { decode, encode } from "../../experiments/watch/snapshot.ts";
import { recordPath, runAll } from "../../lib/experiment/mod.ts";
import { sampleResult, sampleSpec } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { waitFor } from "../support/chromium.ts";
import { fill, record, specsOf } from "./folder.ts";

describe("FolderWatch", () => {
  const folder = testFolder();

  it("gives recorded and waiting runs in the grid's order, and afterwards what is new alone", async () => {
    const out = `${folder}/a`;
    const specs = specsOf(2);
    const [first] = await fill(out, specs);
    const watch = new FolderWatch(out);
    const all = await watch.look();
    expect(all.runs.map(({ status, spec }) => [status, spec.seed])).toEqual([
      ["finished", 0],
      ["finished", 1],
      ["finished", 0],
      ["waiting", 1],
    ]);
    expect(all.order[0]).toBe(first.hash);
    expect(all.runs[0].curve.at(-1)).toEqual([3, first.result!.curve[3].loss]);
    expect((await watch.look(all)).runs).toEqual([]);
    await record(out, specs[3]);
    const later = await watch.look(all);
    expect(later.runs.map(({ hash, status }) => [hash, status])).toEqual([[all.order[3], "finished"]]);
    expect((await watch.look({ session: "another", revision: later.revision })).runs).toHaveLength(4);
  });

  it("names files that are no whole records, and says where a folder has no runs", async () => {
    const out = `${folder}/b`;
    const [first] = await fill(out, specsOf(1));
    await Deno.writeTextFile(recordPath(out, first.hash), "half a record");
    const { damaged, runs } = await new FolderWatch(out).look();
    expect(damaged).toEqual([expect.stringContaining(`${first.hash}.arrow: cannot read the record`)]);
    expect(runs.map(({ status }) => status)).toEqual(["waiting", "waiting"]);
    await expect(new FolderWatch(`${folder}/nothing`).requireRuns()).rejects.toThrow("holds no runs: name a folder");
  });

  it("hears of runs while a grid trains them, and that they ended", async () => {
    const out = `${folder}/c`;
    const spec = sampleSpec({ steps: 50 });
    const goOn = Promise.withResolvers<void>();
    const ended = Array.fromAsync(runAll([spec], {
      out,
      async run(_, { onProgress }) {
        onProgress({ step: 1, steps: 50, loss: 0.75 });
        await new Promise((resolve) => setTimeout(resolve, 1100)); // the folder is told once a second
        onProgress({ step: 2, steps: 50, loss: 0.5 });
        await goOn.promise;
        return sampleResult();
      },
    }));
    const watch = new FolderWatch(out);
    const [run] = await waitFor(async () => {
      const { runs, isInUse } = await watch.look();
      return runs[0]?.step === 2 && isInUse ? runs : undefined;
    });
    expect([run.status, run.curve]).toEqual(["running", [[0, 0.75], [1, 0.5]]]);
    goOn.resolve();
    await ended;
    const { runs, isInUse } = await watch.look();
    expect([runs[0].status, isInUse]).toEqual(["finished", false]);
    expect([...Deno.readDirSync(out)].map(({ name }) => name)).not.toContain("live.json");
  });
});

describe("what the page is told", () => {
  it("keeps numbers that JSON has no word for", () => {
    expect(decode(encode({ a: [NaN, Infinity, -Infinity, 1.5], b: "NaN" }))).toEqual({
      a: [NaN, Infinity, -Infinity, 1.5],
      b: "NaN",
    });
  });
});

describe("the server", () => {
  const folder = testFolder();
  const page = { html: "<p>the page</p>", policy: "default-src 'none'" };
  const ask = (headers: Record<string, string>, method = "GET") =>
    respond(new Request("http://127.0.0.1:7/", { method, headers }), { watch: new FolderWatch(folder), page, port: 7 });

  it("answers this machine under its own names alone", async () => {
    for (const host of ["127.0.0.1:7", "localhost:7"]) expect((await ask({ host })).status).toBe(200);
    for (const host of ["evil.example:7", "127.0.0.1:8", "127.0.0.1", ""]) {
      expect((await ask({ host })).status).toBe(403);
    }
  });

  it("refuses pages of others, and everything but reading", async () => {
    const host = "127.0.0.1:7";
    expect((await ask({ host, origin: `http://${host}` })).status).toBe(200);
    for (const origin of ["http://evil.example", "null", "http://localhost:7"]) {
      expect((await ask({ host, origin })).status).toBe(403);
    }
    expect((await ask({ host }, "POST")).status).toBe(405);
  });

  it("listens on this machine alone, and gives the page with its policy and what is new", async () => {
    await fill(folder, specsOf(1));
    const server = serve({ watch: new FolderWatch(folder), page });
    try {
      const { hostname, port } = server.addr;
      expect(hostname).toBe("127.0.0.1");
      const shown = await fetch(`http://127.0.0.1:${port}/`);
      expect(await shown.text()).toBe(page.html);
      expect(shown.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      const told = await (await fetch(`http://127.0.0.1:${port}/runs`)).json();
      expect(told.order).toHaveLength(2);
      const lost = await fetch(`http://127.0.0.1:${port}/etc`);
      expect([lost.status, await lost.text()]).toEqual([404, "There is / and /runs.\n"]);
    } finally {
      await server.shutdown();
    }
  });
});

describe("watchPage()", () => {
  it("lets no program and no data end the element that they stand in", async () => {
    const { html } = await watchPage({ script: "const a = '</script><!--';", style: "" });
    expect(html).toContain("const a = '\\x3C/script>\\x3C!--';");
    const watch: Parameters<typeof watchPage>[0]["data"] = {
      ...{ session: "", revision: 0, folder: "</script><b>", at: "", isInUse: false },
      ...{ order: [], runs: [], damaged: [] },
    };
    const carried = (await watchPage({ script: "", style: "", data: watch })).html;
    expect(carried).not.toContain("</script><b>");
    expect(carried).toContain("connect-src 'none'");
  });
});
