import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { labelSet } from "../../experiments/runner/heads/label_set.ts";
import { readTable } from "../../experiments/runner/data/read_table.ts";
import { readTask as readSource } from "../../experiments/runner/data/read_task.ts";
import { TASK } from "../../experiments/cli/flag_table.ts";
import { type TaskFlags, taskOf } from "../../experiments/cli/task_flags.ts";
import { readFlags } from "../../experiments/terminal/read_flags.ts";
import type { ReadTaskOptions } from "../../experiments/runner/data/raw_task.ts";
import { withFolder } from "../experiment/samples.ts";
import { sampleTables } from "../fixtures/tables.ts";

/** Reads what flags name, as commands do. */
const readTask = async (flags: TaskFlags, options?: ReadTaskOptions) => await readSource(taskOf(flags), options);

const { read, refused } = await sampleTables();

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function withFile(name: string, data: string | Uint8Array, test: (file: string) => Promise<void>) {
  await withFolder(async (folder) => {
    const file = `${folder}/${name}`;
    if (typeof data === "string") await Deno.writeTextFile(file, data);
    else await Deno.writeFile(file, data);
    await test(file);
  });
}

describe("readTable() of files that pandas, Polars, pyarrow and Python's csv module wrote", () => {
  for (const { name, data, rows, kind = "classes" } of read) {
    it(`reads ${name}`, async () => {
      const columns = rows[0].length === 2 ? ["text", "label"] : ["first", "second", "label"];
      const words = [...new Set(rows.map((row) => row.at(-1)!))].sort((a, b) => a < b ? -1 : 1);
      const wanted = rows.map((row) => {
        const label = kind === "scores" ? row.at(-1) : words.indexOf(row.at(-1)!);
        return row.length === 2 ? { text: row[0], label } : { text: row[0], text2: row[1], label };
      });
      await withFile(name, Uint8Array.fromBase64(data), async (file) => {
        const table = await readTable(file, { columns });
        expect(table.examples).toEqual(wanted);
        expect(table.labels).toEqual(kind === "scores" ? [] : words.map(String));
      });
    });
  }

  for (const { name, data, reason, columns = ["text", "label"] } of refused) {
    it(`refuses ${name} with its place and the reason: ${reason}`, async () => {
      await withFile(name, Uint8Array.fromBase64(data), async (file) => {
        await expect(readTable(file, { columns })).rejects.toThrow(reason);
      });
    });
  }
});

const columns = ["text", "label"];

describe("readTable()", () => {
  it("reads columns by name in any order, carriage returns and all", async () => {
    await withFile("a.tsv", "label\tid\ttext\r\nbad\t1\tIt fell.\r\ngood\t2\tIt rose.\r\n", async (file) => {
      expect(await readTable(file, { columns })).toEqual({
        files: [file],
        firstAt: new Map([["bad", `${file}:2`], ["good", `${file}:3`]]),
        kind: "classes",
        labels: ["bad", "good"],
        examples: [{ text: "It fell.", label: 0 }, { text: "It rose.", label: 1 }],
      });
    });
  });

  it("reads gzip's files of several parts", async () => {
    const parts = ["text,label\na,0\n", "b,1\n"].map((text) => gzipSync(text));
    await withFile("a.csv", new Uint8Array(Buffer.concat(parts)), async (file) => {
      expect((await readTable(file, { columns })).examples.map(({ text }) => text)).toEqual(["a", "b"]);
    });
  });

  it("finds the classes of another file, equal numbers among them", async () => {
    const known = { kind: "classes", labels: ["0", "1"] } as const;
    await withFile("a.csv", "text,label\na,1.0\nb,01\nc,0\n", async (file) => {
      const { examples, labels } = await readTable(file, { columns, known });
      expect([labels, examples.map(({ label }) => label)]).toEqual([["0", "1"], [1, 1, 0]]);
    });
  });

  it("takes whole numbers for scores where the user says so", async () => {
    await withFile("a.csv", "text,label\na,5\nb,1\nc,4\n", async (file) => {
      const { kind, examples } = await readTable(file, { columns, kind: "scores" });
      expect([kind, examples.map(({ label }) => label)]).toEqual(["regression", [5, 1, 4]]);
    });
  });

  it("reads all shards of the split that one of them names, in their order", async () => {
    await withFolder(async (folder) => {
      const name = (i: number) => `${folder}/train-0000${i}-of-00003.csv`;
      for (const i of [2, 0, 1]) await Deno.writeTextFile(name(i), `text,label\nrow ${i},${i}\n`);
      const { examples } = await readTable(name(1), { columns });
      expect(examples.map(({ text }) => text)).toEqual(["row 0", "row 1", "row 2"]);
      await Deno.remove(name(2));
      await expect(readTable(name(1), { columns })).rejects.toThrow(`there is no ${name(2)}`);
    });
  });

  const known = { kind: "classes", labels: ["0", "1"] } as const;
  const wrong: [fault: string, name: string, text: string | readonly number[], message: string][] = [
    ["a column that is not there", "b.tsv", "text\tlable\nIt fell.\t0\n", `b.tsv:1 as it names no column "label"`],
    ["and names the nearest", "b.tsv", "id\ttext\tlable\n1\tIt fell.\t0\n", 'id, text, lable; "lable" is nearest'],
    ["a column that is there twice", "b.tsv", "text\ttext\tlabel\na\tb\t0\n", `b.tsv:1 as the column "text" stands`],
    ["a key that is there twice", "b.jsonl", '{"text":"a","text":"b","label":0}', `b.jsonl:1 as its key "text" stands`],
    ["too few fields", "b.tsv", "text\tlabel\nIt fell.\n", "b.tsv:2 as it has 1 tab-separated field where 2 must be"],
    ["too many fields", "b.csv", "text,label\na,0\nb, c,1\n", "b.csv:3 as it has 3 comma-separated fields where 2"],
    ["and says what to do", "b.csv", "text,label\nb, c,1\n", "a field that holds a comma stands in quotes"],
    ["a blank line within", "b.csv", "text,label\na,0\n\nb,1\n", "b.csv:3 as it is empty"],
    ["a blank line within JSON lines", "b.jsonl", '{"text":"a","label":0}\n\n{"text":"a"}', "b.jsonl:2 as it is empty"],
    ["a bad row behind fields of several lines", "b.csv", 'text,label\n"a\nb\n",0\n"c",1,2\n', "b.csv:5 as it has 3"],
    ["a quote that is not closed", "b.csv", 'text,label\na,0\n"b,1\nc,0\n', "b.csv:3 as a quote is opened in it"],
    ["a quote within a quoted field", "b.csv", 'text,label\n"a" b,0\n', "b.csv:2 as a quoted field goes on"],
    ["an empty line of names", "b.csv", "\ntext,label\na,0\n", "b.csv:1 as it is empty, and must name the columns"],
    ["an object without keys", "b.jsonl", "{}", "b.jsonl:1 as it is empty"],
    ["no rows", "b.tsv", "text\tlabel\n", "b.tsv as it has no rows"],
    ["no text", "b.csv", "", "b.csv as it has no rows"],
    ["a foreign label", "b.tsv", "text\tlabel\nIt fell.\t2\n", `b.tsv:2 as label "2" is none of 0, 1`],
    ["a label that is no whole JSON", "b.jsonl", '{"text":"a","label":0}\n{"text":', "b.jsonl:2 as it is no JSON"],
    ["Python's NaN", "b.jsonl", '{"text":"a","label":NaN}\n', "b.jsonl:1 as it is no JSON"],
    [
      "a list for a label",
      "b.jsonl",
      '{"text":"a","label":[0,1]}\n',
      "b.jsonl:1 as its label is [0,1], which is no word or number: a text has one class",
    ],
    ["a list for a text", "b.jsonl", '{"text":["a"],"label":0}\n', `b.jsonl:1 as its "text" is ["a"], not a text or a`],
    ["null for a row", "b.jsonl", "null\n", `b.jsonl:1 as it is no object with columns as its keys, but null`],
    ["null for a text", "b.jsonl", '{"text":null,"label":0}\n', `b.jsonl:1 as its "text" is null`],
    ["null for a label", "b.jsonl", '{"text":"a","label":null}\n', `b.jsonl:1 as its label is null`],
    [
      "a row without a label",
      "b.jsonl",
      '{"text":"a","label":0}\n{"text":"b"}\n',
      'b.jsonl:2 as it names no column "label"',
    ],
    ["an empty text", "b.jsonl", '{"text":" ","label":0}\n', `b.jsonl:1 as its "text" is empty`],
    ["one JSON list", "b.json", '[{"text":"a","label":0}]', "b.json as it is one JSON list: write JSON lines"],
    ["Latin-1", "b.csv", [...bytesOf("text,label\na,0\ncaf"), 0xe9, ...bytesOf(",1\n")], "b.csv:3 as it is no UTF-8"],
    [
      "UTF-16 without its mark",
      "b.csv",
      [...bytesOf("text,label\na,0\n")].flatMap((byte) => [byte, 0]),
      "may be UTF-16",
    ],
    ["UTF-32", "b.csv", [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], "b.csv as its encoding is UTF-32LE"],
    ["half a UTF-16 character", "b.csv", [0xff, 0xfe, 0x61], "b.csv as its byte order mark says UTF-16LE"],
    ["an Excel workbook", "b.csv", [0x50, 0x4b, 3, 4, 0], "b.csv as it is a zip archive or an Excel workbook"],
    ["a name of gzip's alone", "b.csv.gz", "text,label\na,0\n", "b.csv.gz as it is no whole gzip file"],
    ["half a gzip file", "b.csv", [0x1f, 0x8b, 8, 0], "b.csv as it is no whole gzip file"],
    ["a name of Parquet's alone", "b.parquet", "text,label\na,0\n", "b.parquet as it is no whole Parquet file"],
  ];
  for (const [fault, name, data, message] of wrong) {
    it(`refuses ${fault}`, async () => {
      await withFile(name, typeof data === "string" ? data : Uint8Array.from(data), async (file) => {
        await expect(readTable(file, { columns, known })).rejects.toThrow(message);
      });
    });
  }
});

describe("readTask() of columns", () => {
  const ratings = "text,stars\nbad,1\ngood,5\nfair,3\n";

  it("takes whole numbers for classes, and for scores where --kind says so", async () => {
    await withFile("a.csv", ratings, async (data) => {
      const flags = { data, columns: "text,stars" };
      expect(await readTask(flags)).toMatchObject({ kind: "classes", labels: ["1", "3", "5"] });
      const scores = await readTask({ ...flags, kind: "scores" });
      expect(scores).toMatchObject({ kind: "regression", labels: [], metrics: ["pearson", "spearman"] });
    });
  });

  it("refuses a kind that is none, and a column named twice", async () => {
    await withFile("a.csv", ratings, async (data) => {
      expect(() => readFlags(["--kind=score"], TASK)).toThrow('did you mean "scores"?');
      await expect(readTask({ data, columns: "text,text,stars" })).rejects.toThrow('--columns names "text" twice');
    });
  });
});

describe("labelSet()", () => {
  const refuse = (labels: readonly unknown[], kind?: "classes" | "scores") => {
    const fail = (row: number | undefined, reason: string): never => {
      throw new SyntaxError(`${row}: ${reason}`);
    };
    return expect(() => labelSet(labels, { kind, fail }));
  };

  it("sorts whole numbers by size and words by alphabet, and takes other numbers for scores", () => {
    expect(labelSet(["10", "9", "-1", "9"])).toEqual({ kind: "classes", labels: ["-1", "9", "10"] });
    expect(labelSet(["no", "yes", "1"])).toEqual({ kind: "classes", labels: ["1", "no", "yes"] });
    expect(labelSet(["1", "2.5", "1e-3"])).toEqual({ kind: "regression", labels: [] });
  });

  it("takes equal numbers for one class, whatever their form", () => {
    expect(labelSet(["1.0", "0.0", "1", 0, "01", "+1", "1e0", 1n, "-0"]).labels).toEqual(["0", "1"]);
    expect(labelSet(["9007199254740993", "9007199254740992"]).labels).toHaveLength(2);
  });

  it("takes true and false for classes", () => {
    expect(labelSet([true, false, true]).labels).toEqual(["false", "true"]);
  });

  it("does what the user says labels are", () => {
    expect(labelSet(["1", "2", "5"], { kind: "scores" })).toEqual({ kind: "regression", labels: [] });
    expect(labelSet(["0.5", "1.50", "1.5"], { kind: "classes" }).labels).toEqual(["0.5", "1.5"]);
    expect(labelSet(["1", "2", "3", "x"], { kind: "classes" }).labels).toEqual(["1", "2", "3", "x"]);
    expect(labelSet(["good", "None"], { kind: "classes" }).labels).toEqual(["None", "good"]);
    const many = Array.from({ length: 40 }, (_, i) => String(i));
    expect(labelSet(many, { kind: "classes" }).labels).toEqual(many);
  });

  const scores = Array.from({ length: 9 }, (_, i) => `${i / 4}`);
  for (const bad of ["1,5", "abc", "1.5.2", "0x1F", "1_000", "five", "inf"]) {
    it(`refuses "${bad}" among scores, with its row and what to do`, () => {
      refuse([...scores, bad]).toThrow(`9: label "${bad}" is no number`);
      refuse([...scores, bad]).toThrow("`data.labels` classes if it is a class");
      refuse([...scores, bad], "scores").toThrow(`9: label "${bad}" is no number`);
    });
  }
  for (const nothing of ["nan", "NaN", "N/A", "NA", "null", "None", "#N/A", "<NA>"]) {
    it(`refuses "${nothing}" among scores and among classes, unless the user says that it is a class`, () => {
      refuse([...scores, nothing]).toThrow(`9: label "${nothing}" says that there is none: leave the row out`);
      refuse(["0", "1", "0", nothing], "classes").toThrow(`3: label "${nothing}" says that there is none`);
      refuse(["a", nothing, "b"]).toThrow(`1: label "${nothing}" says that there is none: \`data.labels\` classes if`);
      refuse([...scores, nothing], "scores").toThrow(`9: label "${nothing}" is no number`);
    });
  }
  const holes: [name: string, hole: unknown][] = [
    ["null", null],
    ["an absent key", undefined],
    ["NaN", NaN],
    ["an infinite number", Infinity],
    ["an empty text", ""],
    ["spaces", "  "],
    ["a list", [1]],
    ["an object", {}],
  ];
  for (const [name, hole] of holes) {
    it(`refuses ${name} whatever labels are`, () => {
      for (const kind of ["classes", "scores", undefined] as const) {
        refuse(["1", "0", hole], kind).toThrow(/^2: (its label is|label .+ is no number)/);
      }
    });
  }

  it("refuses lists of labels, as texts too unless the user says that they are classes, and says what to do", () => {
    const advice = "a text has one class or one score here: give each label a column of 0 and 1, and train on one";
    for (const kind of ["classes", "scores", undefined] as const) {
      refuse(["0", ["0", "1"]], kind).toThrow(`1: its label is ["0","1"], which is no word or number: ${advice}`);
    }
    refuse(["['joy', 'fear']", "['joy']"]).toThrow(`0: label "['joy', 'fear']" is a list, and ${advice}`);
    expect(labelSet(["[a]", "[b]"], { kind: "classes" }).labels).toEqual(["[a]", "[b]"]);
  });

  it("refuses a number with a comma, even where all have one", () => {
    refuse(["1,5", "2,0", "0,5"]).toThrow('0: label "1,5" is no number: fractions are written with a point');
  });

  it("refuses quotes that are part of a label, as they are behind a space", async () => {
    await withFile("a.csv", 'text,label\na,"x"\nb, "y"\n', async (file) => {
      await expect(readTable(file, { columns })).rejects.toThrow('a.csv:3 as label " \\"y\\"" holds its quotes');
    });
  });

  it("refuses a word where most labels are numbers", () => {
    refuse(["0", "1", "x", "0"]).toThrow(
      '2: label "x" is no number, and 3 of 4 labels are numbers: `data.labels` classes',
    );
    refuse(["a", "b", "c", "0.5"]).toThrow('0: label "a" is no number, and 1 of 4');
  });

  it("refuses to guess where classes beyond twenty have not two rows each", () => {
    const numbers = Array.from({ length: 21 }, (_, i) => String(i));
    refuse(numbers).toThrow(
      "undefined: its 21 labels are 21 different ones: `data.labels` scores or `data.labels` classes says which",
    );
    refuse(numbers.map((word) => `word ${word}`)).toThrow("`data.labels` classes if they are classes");
    expect(labelSet([...numbers, ...numbers]).labels).toEqual(numbers);
    expect(labelSet(numbers.slice(1)).labels).toEqual(numbers.slice(1));
  });
});
