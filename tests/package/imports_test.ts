import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { circlesOf, importFaults } from "../../tools/import_faults.ts";
import { FREE, ORDERS } from "../../tools/import_order.ts";
import { notebookSource, readImports } from "../../tools/read_imports.ts";
import { readSources } from "../../tools/read_sources.ts";

const ROOT = new URL("../../", import.meta.url);
const FILES = readSources(ROOT, config.exclude);
const RULES = { packages: { ...config.imports, ...config.scopes["./"] } };

/** Faults of the project with further files in it. */
const faultsWith = (added: Readonly<Record<string, string>>) =>
  importFaults(new Map([...FILES, ...Object.entries(added)]), RULES);

/** A path in a rung of a folder, where a file may be planted or already is. */
function pathIn(folder: string, name: string): string {
  const at = folder === "." ? "" : `${folder}/`;
  if (name === "*") return `${at}planted.ts`;
  if (name.includes(".")) return at + name;
  // A folder that has an order of its own takes files where that knows of other files, or in a child of it.
  const order = ORDERS[at + name];
  if (!order || order.includes("*") || FREE.includes(at + name)) return `${at}${name}/planted.ts`;
  return pathIn(at + name, [order[0]].flat()[0]);
}

describe("the direction of imports", () => {
  it("is down in every folder of the project, without a circle of values", () => {
    expect(importFaults(FILES, RULES)).toEqual([]);
    for (const folder of ["kernels", "lib", "experiments", "bench", "tools", "notebooks", "tests"]) {
      expect([...FILES.keys()].filter((path) => path.startsWith(`${folder}/`)).length).toBeGreaterThan(3);
    }
  });

  for (const [folder, order] of Object.entries(ORDERS)) {
    it(`is checked in ${folder}: each rung may not import the next one, be it a type`, () => {
      order.slice(1).forEach((rung, i) => {
        for (const from of [order[i]].flat().filter((name) => !name.endsWith(".json"))) {
          const path = pathIn(folder, from);
          const target = pathIn(folder, [rung].flat()[0]);
          const specifier = `./${"../".repeat(path.split("/").length - 1)}${target}`;
          const source = `import type { X } from "${specifier}";\n${FILES.get(path) ?? ""}`;
          const faults = faultsWith({ [path]: source });
          expect(faults).toHaveLength(1);
          expect(faults[0]).toContain(`${path} imports ${target}: imports only go down (${folder}: `);
        }
      });
    });
  }

  it("is checked between files that know nothing of each other", () => {
    const [fault] = faultsWith({ "bench/planted.ts": 'import { checkImports } from "../tools/check_imports.ts";' });
    expect(fault).toContain("bench and tools know nothing of each other");
  });

  it("is checked of imports by the package's name", () => {
    const [fault] = faultsWith({ "lib/ops/planted.ts": 'import { add } from "@delta-dawn/delta-lora";' });
    expect(fault).toContain("lib/ops/planted.ts imports mod.ts: imports only go down");
  });

  it("lets nothing import tests", () => {
    const [fault] = faultsWith({ "experiments/cli/planted.ts": 'import { x } from "../../tests/support/tiny.ts";' });
    expect(fault).toContain("imports tests/support/tiny.ts: imports only go down");
  });

  it("finds JSR packages under mod.ts", () => {
    const faults = faultsWith({ "lib/io/planted.ts": 'import { parseArgs } from "jsr:@std/cli@1/parse-args";' });
    expect(faults).toEqual([
      "lib/io/planted.ts imports jsr:@std/cli@1/parse-args: what mod.ts reaches takes nothing from JSR",
    ]);
  });
});

describe("circles of values", () => {
  it("are found within a folder, over several files", () => {
    const [fault] = faultsWith({
      "lib/ops/one.ts": 'export * from "./two.ts";',
      "lib/ops/two.ts": 'import { x } from "./three.ts";',
      "lib/ops/three.ts": 'const { y } = await import("./one.ts");',
    });
    expect(fault).toBe("a circle of values: lib/ops/one.ts → lib/ops/two.ts → lib/ops/three.ts → lib/ops/one.ts");
  });

  it("are none where one import is of types", () => {
    const one = 'import type { X } from "./two.ts";\nimport { type Y } from "./two.ts";';
    expect(faultsWith({ "lib/ops/one.ts": one, "lib/ops/two.ts": 'import { x } from "./one.ts";' })).toEqual([]);
  });

  it("are told apart from two ways to one file", () => {
    const edges = [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]].map(([from, to]) => ({ from, to }));
    expect(circlesOf(edges)).toEqual([]);
    expect(circlesOf([...edges, { from: "d", to: "a" }])).toEqual(["a → b → d → a"]);
  });
});

describe("the table of orders", () => {
  it("must know every folder", () => {
    const [fault] = faultsWith({ "lib/utils/a.ts": "" });
    expect(fault).toContain("lib: the order knows nothing of utils (text < device < tensor < ");
  });

  it("must know every folder that has folders", () => {
    const [fault] = faultsWith({ "kernels/matmul/a.ts": "" });
    expect(fault).toContain("kernels has folders and no order");
  });

  it("must name nothing that is not there", () => {
    const orders = { ...ORDERS, lib: [...ORDERS.lib, "cluster"] };
    expect(importFaults(FILES, { ...RULES, orders })).toEqual(["lib: the order names cluster, which is not there"]);
  });
});

describe("readImports()", () => {
  it("sees imports over several lines, re-exports, effects, dynamic imports, and which are types alone", () => {
    const source = [
      'import {\n  a,\n  type B,\n} from "./one.ts";',
      'export * from "./two.ts";',
      'export * as three from "./three.ts";',
      'import type { C } from "./four.ts";',
      'import { type D, type E } from "./five.ts";',
      'export type { F } from "./six.ts";',
      'import g, { h } from "./seven.ts";',
      'import config from "./eight.json" with { type: "json" };',
      'import "./nine.ts";',
      '  await import("./ten.ts");',
    ].join("\n");
    const found = readImports(source).map(({ specifier, isType }) => `${specifier.slice(2)}${isType ? " type" : ""}`);
    expect(found).toEqual([
      ...["one.ts", "two.ts", "three.ts", "four.ts type", "five.ts type", "six.ts type", "seven.ts", "eight.json"],
      ...["nine.ts", "ten.ts"],
    ]);
  });

  it("sees none in comments, texts and exports of one's own", () => {
    expect(readImports(' * import { a } from "./a.ts";\nexport const from = "./b.ts";\nexport { from };')).toEqual([]);
  });

  it("reads notebooks", () => {
    const cells = [
      { cell_type: "markdown", source: 'import { x } from "./no.ts";' },
      { cell_type: "code", source: ["1;\n", 'import { x } from "./yes.ts";'] },
    ];
    expect(readImports(notebookSource(JSON.stringify({ cells })))).toEqual([
      { specifier: "./yes.ts", isType: false },
    ]);
  });
});

describe("deno run tools/check_imports.ts", () => {
  it("ends well on the project as it is", async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-read", new URL("tools/check_imports.ts", ROOT).href],
    }).output();
    expect([code, new TextDecoder().decode(stderr)]).toEqual([0, ""]);
  });
});
