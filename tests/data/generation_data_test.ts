import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import {
  type GenerationTaskName,
  groupReferences,
  linearizeMeaning,
  linearizeTriples,
  readGenerationTask,
} from "../../lib/data/mod.ts";
import { hasSharedData, sharedData } from "./shared_data.ts";

async function withFolder(files: Record<string, string>, test: (dir: string) => Promise<void>) {
  const dir = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries(files)) {
      if (path.includes("/")) await Deno.mkdir(`${dir}/${path.split("/")[0]}`, { recursive: true });
      await Deno.writeTextFile(`${dir}/${path}`, content);
    }
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Reads a task from one file, and gives the message that it is refused by. */
async function refusal(name: GenerationTaskName, file: string, content: string): Promise<string> {
  let message = "nothing was refused";
  await withFolder({ [file]: content }, async (dir) => {
    await readGenerationTask(dir, name).catch((error: Error) => {
      message = `${error.name}: ${error.message.replaceAll(`${dir}/`, "")}`;
    });
  });
  return message;
}

const entry = (changes: Record<string, unknown> = {}) => ({
  category: "Airport",
  modifiedtripleset: [{ subject: "Aarhus_Airport", property: "cityServed", object: '"Aarhus, Denmark"' }],
  lexicalisations: [{ comment: "good", lex: "It serves Aarhus. " }, { comment: "toFix", lex: "It serve Aarhus." }],
  ...changes,
});
const entries = (...list: unknown[]) => JSON.stringify({ entries: list.map((one, i) => ({ [i + 1]: one })) });

describe("linearizeMeaning()", () => {
  it("writes names and values as the LoRA paper's data has them", () => {
    expect(linearizeMeaning("name[The Vaults], eatType[pub], priceRange[more than £30], customer rating[5 out of 5]"))
      .toBe("name : The Vaults | Type : pub | price : more than £30 | customer rating : 5 out of 5");
    expect(linearizeMeaning("familyFriendly[no], near[Café Adriatic]")).toBe(
      "family friendly : no | near : Café Adriatic",
    );
  });

  it("refuses what is no list of attributes", () => {
    for (const text of ["", "name", "name[a", "name[a] area[b]x", "name[a],, area[b]", "[a]"]) {
      expect(() => linearizeMeaning(text)).toThrow("is no list of attributes");
    }
  });
});

describe("linearizeTriples()", () => {
  it("joins subject, property and object by colons, triples by bars", () => {
    const triple = { subject: "A_B", property: "of", object: '"C, D"' };
    expect(linearizeTriples([triple, { ...triple, subject: "E" }])).toBe('A_B : of : "C, D" | E : of : "C, D"');
  });
});

describe("groupReferences()", () => {
  it("keeps every reference of a source, and the order of both", () => {
    const pairs = [["a", "1"], ["b", "2"], ["a", "3"], ["a", "1"]].map(([source, target]) => ({ source, target }));
    expect(groupReferences(pairs)).toEqual([
      { source: "a", references: ["1", "3", "1"] },
      { source: "b", references: ["2"] },
    ]);
  });
});

describe("readGenerationTask()", () => {
  it("reads E2E's CSV with line breaks and quotes inside of fields", async () => {
    const csv =
      'mr,ref\r\n"name[A], area[b]","One ""line"",\nand another."\r\nname[C],Here is C.\r\n"name[A], area[b]",A.\r\n';
    await withFolder({ "e2e/trainset.csv": csv }, async (dir) => {
      const { splits, files } = await readGenerationTask(dir, "e2e");
      expect(splits.train?.pairs[0]).toEqual({ source: "name : A | area : b", target: 'One "line",\nand another.' });
      expect(splits.train?.groups.map(({ references }) => references.length)).toEqual([2, 1]);
      expect([splits.dev, splits.test]).toEqual([undefined, undefined]);
      expect(files).toEqual([`${dir}/e2e/trainset.csv`]);
    });
  });

  it("reads WebNLG's JSON: references marked good, seen and unseen categories, entries in their order", async () => {
    const bad = entry({ lexicalisations: [{ comment: "toFix", lex: "x" }] });
    const json = entries(entry(), bad, entry({ category: "Politician" }), entry());
    await withFolder({ "test.json": json }, async (dir) => {
      const { splits: { test } } = await readGenerationTask(dir, "webnlg");
      const source = 'Aarhus_Airport : cityServed : "Aarhus, Denmark"';
      expect(test?.groups).toEqual(["seen", "unseen", "seen"].map((part) => ({
        source,
        references: ["It serves Aarhus."],
        part,
      })));
      expect(test?.pairs.length).toBe(3);
    });
  });

  it("reads XSum's part by its column of splits", async () => {
    const row = (split: string) => JSON.stringify({ id: "1", split, document: "Long\ntext.", summary: "Short." });
    const lines = ["test", "unknown", "test"].map(row).join("\n");
    await withFolder({ "xsum_partial.jsonl": `${lines}\n` }, async (dir) => {
      const { splits } = await readGenerationTask(dir, "xsum");
      expect(Object.keys(splits)).toEqual(["test", "unknown"]);
      expect(splits.test?.groups).toEqual([1, 2].map(() => ({ source: "Long\ntext.", references: ["Short."] })));
    });
  });

  // Made by `python tests/fixtures/generation_parquet.py`.
  const fixtures = new URL("../fixtures/generation_parquet/", import.meta.url).pathname;

  it("reads all three as Hugging Face's hub has them, in Parquet and in shards", async () => {
    const e2e = await readGenerationTask(fixtures, "e2e");
    expect(e2e.files.map((file) => file.split("/").at(-1))).toEqual([
      "train-00000-of-00002.parquet",
      "train-00001-of-00002.parquet",
      "validation-00000-of-00001.parquet",
    ]);
    expect(e2e.splits.train?.groups).toEqual([{
      source: "name : Café Aromi | Type : pub | price : more than £30 | family friendly : yes",
      references: [0, 1].map((shard) => `Text ${shard} “of” Aromi.\nIt is a pub.`),
    }]);
    expect(e2e.splits.dev?.pairs).toEqual([{ source: "name : Zizzi", target: "There is Zizzi." }]);
    const webnlg = await readGenerationTask(fixtures, "webnlg");
    expect(webnlg.splits.test?.groups).toEqual([
      {
        source: 'Aarhus_Airport : cityServed : "Aarhus, Denmark" | Aarhus : country : Denmark',
        references: ["Aarhus is served.", "It serves Aarhus."],
        part: "seen",
      },
      { source: "Abner : party : Whig", references: ["Abner is a Whig."], part: "unseen" },
    ]);
    const xsum = await readGenerationTask(fixtures, "xsum");
    expect(xsum.splits.test?.groups.map(({ references }) => references)).toEqual([
      ["Rain put off a match."],
      ["A match was put off."],
    ]);
  });

  it("has one hash for one content, whatever its layout", async () => {
    const csv = "mr,ref\nname[Zizzi],There is Zizzi.\n";
    const hub = "meaning_representation,human_reference\nname[Zizzi],There is Zizzi.\n";
    const hashes: string[] = [];
    const twice = csv + csv.slice("mr,ref\n".length);
    for (const [file, text] of [["e2e/devset.csv", csv], ["validation.csv", hub], ["devset.csv", twice]]) {
      await withFolder({ [file]: text }, async (dir) => void hashes.push((await readGenerationTask(dir, "e2e")).hash));
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it("has one hash whatever the order of splits, and another for another order of pairs", async () => {
    const hashOf = async (file: string, text: string, name: GenerationTaskName) => {
      let hash = "";
      await withFolder({ [file]: text }, async (dir) => void (hash = (await readGenerationTask(dir, name)).hash));
      return hash;
    };
    const line = (split: string) => `{"document": "It rained.", "summary": "Rain.", "split": "${split}"}\n`;
    const file = "xsum/xsum_partial.jsonl";
    expect(await hashOf(file, line("test") + line("unknown"), "xsum")).toBe(
      await hashOf(file, line("unknown") + line("test"), "xsum"),
    );
    const rows = ["name[A],One.", "name[B],Two.", "name[A],Three."];
    const csv = (order: readonly number[]) => `mr,ref\n${order.map((row) => rows[row]).join("\n")}\n`;
    const [first, second] = [[0, 1, 2], [0, 2, 1]].map((order) => hashOf("e2e/devset.csv", csv(order), "e2e"));
    expect(await second).not.toBe(await first);
  });

  it("refuses malformed CSV with file and line", async () => {
    const message = (rows: string) => refusal("e2e", "e2e/devset.csv", `mr,ref\nname[A],"One\nline."\n${rows}\n`);
    expect(await message('name[B],"B.')).toBe(
      "SyntaxError: Cannot read e2e/devset.csv:4 as a quote is opened in it that nothing closes",
    );
    expect(await message("name[B], it is, B.")).toContain("e2e/devset.csv:4 as it has 3 comma-separated fields");
    expect(await message('"  ",B.')).toContain('e2e/devset.csv:4 as its meaning in column "mr" is missing');
    expect(await message("name[B], ")).toContain('e2e/devset.csv:4 as its reference in column "ref" is missing');
    expect(await message("B,B.")).toContain('e2e/devset.csv:4 as its meaning "B" is no list of attributes');
    expect(await refusal("e2e", "devset.csv", "mr,text\nname[B],B.\n")).toContain('names no column "ref"');
  });

  it("refuses malformed JSON with file and line, and a wrong entry by its number", async () => {
    const message = (json: string) => refusal("webnlg", "dev.json", json);
    expect(await message('{"entries": [\n{"1": {}},\n]}')).toContain(
      "SyntaxError: Cannot read dev.json:3 as it is no JSON",
    );
    expect(await message('{"entries": [')).toContain("Cannot read dev.json:1 as it is no JSON");
    expect(await message("[]")).toContain("dev.json as it has no list of entries");
    expect(await message(entries(entry(), 3))).toContain("dev.json, entry 2, as it is no object under its number");
    expect(await message(entries(entry({ category: null })))).toContain("entry 1, as its category is missing");
    expect(await message(entries(entry({ lexicalisations: [] })))).toContain("entry 1, as it has no reference");
    expect(await message(entries(entry({ lexicalisations: [{ comment: "good", lex: " " }] })))).toContain(
      "entry 1, as the text of a reference is missing",
    );
    expect(await message(entries(entry({ modifiedtripleset: [] })))).toContain("entry 1, as it has no triples");
    expect(await message(entries(entry({ modifiedtripleset: [{ subject: "a" }] })))).toContain(
      'entry 1, as it has no triple of subject, property and object: {"subject":"a"}',
    );
    expect(await message(entries())).toContain("dev.json as it has no entries");
  });

  it("refuses malformed JSON lines with file and line", async () => {
    const row = '{"document": "a", "summary": "b", "split": "test"}';
    const message = (line: string) => refusal("xsum", "xsum/xsum_partial.jsonl", `${row}\n${line}\n${row}\n`);
    expect(await message('{"document": ')).toContain(
      "SyntaxError: Cannot read xsum/xsum_partial.jsonl:2 as it is no JSON",
    );
    expect(await message('{"document": "a", "summary": "", "split": "test"}')).toContain(
      'xsum_partial.jsonl:2 as its text in column "summary" is missing',
    );
    expect(await message('{"document": "a", "summary": "b", "split": "tests"}')).toContain(
      'xsum_partial.jsonl:2 as its split is "tests", and must be one of train, validation, dev, test, unknown',
    );
  });

  it("names the places where it looked in vain", async () => {
    await withFolder({ "notes.txt": "" }, async (dir) => {
      await expect(readGenerationTask(dir, "e2e")).rejects.toThrow(
        `Cannot read task e2e as there are none of its files in ${dir}, nor in ${dir}/e2e`,
      );
    });
  });

  /** Pairs, and groups, of each split; of WebNLG's test split those of unseen categories. */
  const counts: Record<GenerationTaskName, Record<string, [pairs: number, groups: number, unseen: number]>> = {
    e2e: { train: [42061, 4862, 0], dev: [4672, 547, 0], test: [4693, 630, 0] },
    // Of 18,102 and 2,268 texts 77 and 10 are not good; so are all of five entries and of one.
    webnlg: { train: [18025, 6935, 0], dev: [2258, 871, 0], test: [4928, 1862, 891] },
    xsum: { test: [1925, 1925, 0], unknown: [215, 215, 0] },
  };
  for (const [name, expected] of Object.entries(counts)) {
    const there = hasSharedData("nlg");
    (there ? it : it.skip)(`reads the real ${name}${there ? "" : " (skipped: no files)"}`, async () => {
      const dir = decodeURIComponent(new URL("nlg", sharedData).pathname);
      // A key of the record above.
      const { splits } = await readGenerationTask(dir, name as GenerationTaskName);
      const found = Object.entries(splits).map(([split, { pairs, groups }]) =>
        [split, [pairs.length, groups.length, groups.filter(({ part }) => part === "unseen").length]] as const
      );
      expect(Object.fromEntries(found)).toEqual(expected);
      if (name === "e2e") {
        expect(splits.train?.pairs.filter(({ target }) => target.includes("\n")).length).toBe(2);
        expect(splits.train?.pairs[0]).toEqual({
          source:
            "name : The Vaults | Type : pub | price : more than £30 | customer rating : 5 out of 5 | near : Café Adriatic",
          target: "The Vaults pub near Café Adriatic has a 5 star rating.  Prices start at £30.",
        });
      }
    });
  }
});
