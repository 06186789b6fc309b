import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { GLUE_TASKS, glueTask, type GlueTaskName, parseGlue, readGlueFiles, readGlueTask } from "../../lib/data/mod.ts";
import { hasSharedData, sharedData } from "./shared_data.ts";

/** One row of each task in its own columns, with what is read of it. */
const rows: Record<GlueTaskName, { header: string; row: string; text: string; text2?: string; label: number }> = {
  cola: { header: "", row: "gj04\t0\t*\tThey drank the pub.", text: "They drank the pub.", label: 0 },
  sst2: { header: "sentence\tlabel", row: 'a "charming" film \t1', text: 'a "charming" film ', label: 1 },
  mrpc: {
    header: "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
    row: '1\t10\t11\t" He left .\tHe " left " .',
    text: '" He left .',
    text2: 'He " left " .',
    label: 1,
  },
  stsb: {
    header: "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
    row: "0\tmain\tMSRvid\t2012\t1\tnone\tnone\tA plane.\tAn air plane.\t3.250",
    text: "A plane.",
    text2: "An air plane.",
    label: 3.25,
  },
  rte: {
    header: "index\tsentence1\tsentence2\tlabel",
    row: "0\tIt rains.\tIt is wet.\tnot_entailment",
    text: "It rains.",
    text2: "It is wet.",
    label: 1,
  },
  qnli: {
    header: "index\tquestion\tsentence\tlabel",
    row: "0\tWho?\tShe did.\tentailment",
    text: "Who?",
    text2: "She did.",
    label: 0,
  },
  qqp: {
    header: "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
    row: "0\t1\t2\tWhy?\tWhat for?\t1",
    text: "Why?",
    text2: "What for?",
    label: 1,
  },
  mnli: {
    header: "index\tpromptID\tpairID\tgenre\tb1\tb2\tp1\tp2\tsentence1\tsentence2\tlabel1\tgold_label",
    row: "0\ta\tb\tc\td\te\tf\tg\tIt rains.\tIt is dry.\tneutral\tcontradiction",
    text: "It rains.",
    text2: "It is dry.",
    label: 2,
  },
  wnli: {
    header: "index\tsentence1\tsentence2\tlabel",
    row: "0\tIt rains.\tIt is wet.\t1",
    text: "It rains.",
    text2: "It is wet.",
    label: 1,
  },
};
const sst2 = "sentence\tlabel\ngood\t1\nbad\t0\n";

async function withFolder(files: Record<string, string | Uint8Array>, test: (dir: string) => Promise<void>) {
  const dir = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(`${dir}/${path.split("/")[0]}`, { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(`${dir}/${path}`, content);
      else await Deno.writeFile(`${dir}/${path}`, content);
    }
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe("parseGlue()", () => {
  for (const [name, { header, row, ...example }] of Object.entries(rows)) {
    it(`reads text, second text and label of ${name}'s columns`, () => {
      const text = `${header === "" ? "" : `${header}\n`}${row}\n${row}\n`;
      expect(parseGlue(text, name as GlueTaskName)).toEqual([example, example]);
    });
  }

  it("reads MNLI's dev columns, which are more than its train columns", () => {
    const fields = rows.mnli.row.split("\t");
    const dev = [...fields.slice(0, 11), "neutral", "x", "y", "z", "neutral"].join("\t");
    const header = new Array(16).fill("name").join("\t");
    expect(parseGlue(`${header}\n${dev}`, "mnli", { split: "dev" })[0].label).toBe(1);
  });

  it("splits at line feeds alone and drops carriage returns and a byte order mark", () => {
    expect(parseGlue("\uFEFFsentence\tlabel\r\na\u2028b\u0085c\rd\t1\r\n", "sst2"))
      .toEqual([{ text: "a\u2028b\u0085c\rd", label: 1 }]);
  });

  it("drops blank lines at the end", () => {
    expect(parseGlue(`${sst2}\n\r\n \n\t\n`, "sst2")).toEqual(parseGlue(sst2, "sst2"));
  });

  it("takes an equal number for a class's word, and Hugging Face's name of the class", () => {
    const text = "sentence\tlabel\na\t1.0\nb\t0\nc\tnegative\n";
    expect(parseGlue(text, "sst2").map(({ label }) => label)).toEqual([1, 0, 0]);
  });

  const bad: [reason: string, task: GlueTaskName, text: string, message: string][] = [
    ["too few fields", "sst2", "sentence\tlabel\ngood\n", "SST-2/train.tsv:2 as it has 1 tab-separated field where 2"],
    ["too many fields", "sst2", `${sst2}a\tb\t1\n`, "SST-2/train.tsv:4 as it has 3 tab-separated fields where 2"],
    ["an empty line", "sst2", "sentence\tlabel\n\ngood\t1\n", "SST-2/train.tsv:2 as it has 1 tab-separated field"],
    ["a foreign label", "rte", `${rows.rte.header}\n0\ta\tb\tneutral\n`, 'RTE/train.tsv:2 as label "neutral" must be'],
    [
      "no label",
      "sst2",
      "sentence\tlabel\ngood\t\n",
      'SST-2/train.tsv:2 as its label is missing: it must be "0" or "1" or "negative" or "positive"',
    ],
    ...["nan", "None", "N/A", "0.5", "01x", "1,0"].map((label): typeof bad[number] => [
      `label "${label}"`,
      "sst2",
      `${sst2}fair\t${label}\n`,
      `SST-2/train.tsv:4 as label "${label}" must be "0" or "1"`,
    ]),
    ["no sentence", "sst2", "sentence\tlabel\n \t1\n", "SST-2/train.tsv:2 as its sentence in column 1 is missing"],
    ["no column names", "sst2", "good\t1\nbad\t0\n", "SST-2/train.tsv:1 as the line of column names is missing"],
    ["column names in CoLA", "cola", "source\tlabel\tstar\tsentence\n", 'CoLA/train.tsv:1 as label "label" must be'],
    ["no rows", "sst2", "sentence\tlabel\n", "SST-2/train.tsv as it has no rows"],
    ["no text", "cola", "", "CoLA/train.tsv as it has no rows"],
    ...["", "x", "5.1", "-1", "NaN", "0x1", "1e999", "2,5"].map((score): typeof bad[number] => [
      `score "${score}"`,
      "stsb",
      `${rows.stsb.header}\n${rows.stsb.row.replace("3.250", score)}\n`,
      "a score from 0 to 5",
    ]),
  ];
  for (const [reason, task, text, message] of bad) {
    it(`refuses ${reason} with file, line and reason`, () => {
      expect(() => parseGlue(text, task)).toThrow(SyntaxError);
      expect(() => parseGlue(text, task)).toThrow(message);
    });
  }
});

describe("readGlueTask()", () => {
  it("reads plain, gzipped and in-memory files to the same data and hash", async () => {
    const dev = "sentence\tlabel\nfair\t1\n";
    const files = { "SST-2/train.tsv": sst2, "SST-2/dev.tsv": dev };
    const memory = await readGlueFiles(new Map(Object.entries(files)), "sst2");
    expect(memory.train).toEqual([{ text: "good", label: 1 }, { text: "bad", label: 0 }]);
    expect(memory.dev).toEqual([{ text: "fair", label: 1 }]);
    expect(memory.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(memory.files).toEqual(["SST-2/train.tsv", "SST-2/dev.tsv"]);
    await withFolder(files, async (dir) => {
      const own = { ...memory, files: [`${dir}/SST-2/train.tsv`, `${dir}/SST-2/dev.tsv`] };
      expect(await readGlueTask(dir, "sst2")).toEqual(own);
    });
    await withFolder(
      { "SST-2/train.tsv.gz": await gzip(sst2), "SST-2/dev.tsv": dev },
      async (dir) => {
        const own = { ...memory, files: [`${dir}/SST-2/train.tsv.gz`, `${dir}/SST-2/dev.tsv`] };
        expect(await readGlueTask(`${dir}/`, GLUE_TASKS.sst2)).toEqual(own);
      },
    );
    const swapped = await readGlueFiles(new Map([["SST-2/train.tsv", dev], ["SST-2/dev.tsv", sst2]]), "sst2");
    expect(swapped.hash).not.toBe(memory.hash);
  });

  it("names the folder or file that is missing", async () => {
    await withFolder({ "SST-2/train.tsv": sst2 }, async (dir) => {
      await expect(readGlueTask(dir, "cola")).rejects.toThrow(`there is no folder ${dir}/CoLA`);
      await expect(readGlueTask(dir, "sst2")).rejects.toThrow(
        `Cannot read ${dir}/SST-2/dev.tsv as there is no such file`,
      );
    });
    await expect(readGlueFiles(new Map(), "mnli")).rejects.toThrow("there is no file MNLI/train.tsv");
  });

  it("names the file and line of a bad row on disk", async () => {
    await withFolder({ "SST-2/train.tsv": sst2, "SST-2/dev.tsv": "sentence\tlabel\nbad\t2\n" }, async (dir) => {
      await expect(readGlueTask(dir, "sst2")).rejects.toThrow(
        `Cannot read ${dir}/SST-2/dev.tsv:2 as label "2" must be "0" or "1"`,
      );
    });
  });

  it("refuses a gzip file that is cut short, one that is none, and text that is not UTF-8", async () => {
    const packed = await gzip(sst2);
    for (const content of [packed.slice(0, -6), new TextEncoder().encode(sst2)]) {
      await withFolder({ "SST-2/train.tsv.gz": content, "SST-2/dev.tsv": sst2 }, async (dir) => {
        await expect(readGlueTask(dir, "sst2")).rejects.toThrow(
          "train.tsv.gz as it is no whole gzip file",
        );
      });
    }
    const latin1 = Uint8Array.from("sentence\tlabel\ngood\t1\ncaf\xe9\t0\n", (letter) => letter.charCodeAt(0));
    await withFolder({ "SST-2/train.tsv": latin1, "SST-2/dev.tsv": sst2 }, async (dir) => {
      await expect(readGlueTask(dir, "sst2")).rejects.toThrow("train.tsv:3 as it is no UTF-8 text: it may be Latin-1");
    });
  });

  const counts: Record<string, [train: number, dev: number, labelsOfDev: number[]]> = {
    cola: [8551, 1043, [322, 721]],
    sst2: [67349, 872, [428, 444]],
    mrpc: [3668, 408, [129, 279]],
    stsb: [5749, 1500, []],
    rte: [2490, 277, [146, 131]],
    wnli: [635, 71, [40, 31]],
  };
  for (const [name, [train, dev, labels]] of Object.entries(counts)) {
    const { folder } = glueTask(name);
    const there = hasSharedData(`glue/${folder}`);
    (there ? it : it.skip)(
      `reads GLUE's own ${folder}: ${train} + ${dev} rows${there ? "" : " (skipped: no files)"}`,
      async () => {
        const data = await readGlueTask(decodeURIComponent(new URL("glue", sharedData).pathname), name as GlueTaskName);
        expect([data.train.length, data.dev.length]).toEqual([train, dev]);
        expect(labels.map((_, label) => data.dev.filter((row) => row.label === label).length)).toEqual(labels);
        const mean = data.dev.reduce((sum, row) => sum + row.label, 0) / dev;
        if (name === "stsb") expect(mean).toBeCloseTo(2.364, 3);
      },
    );
  }
});

describe("glueTask()", () => {
  it("finds each task by its name, with its main metric among its metrics", () => {
    for (const [name, task] of Object.entries(GLUE_TASKS)) {
      expect(glueTask(name)).toBe(task);
      expect(task.name).toBe(name);
      expect(task.metrics).toContain(task.mainMetric);
    }
  });

  it("refuses other names, those of Object.prototype too", () => {
    expect(() => glueTask("CoLA")).toThrow('Cannot find task "CoLA" as GLUE\'s tasks here are cola, sst2');
    expect(() => glueTask("toString")).toThrow(RangeError);
  });
});
