// What the package exports is documented, and its examples print what their comments say.
import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import * as dd from "../../mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import {
  type Documented,
  documentedNames,
  examplesOf,
  keeps,
  linesOf,
  promisesOf,
  undocumented,
  undocumentedProperties,
} from "../support/examples.ts";

/** The top level, and all namespaces. */
const NAMESPACES = {
  "": "mod.ts",
  data: "lib/data/mod.ts",
  device: "lib/device/mod.ts",
  generate: "lib/generate/mod.ts",
  hub: "lib/hub/mod.ts",
  inspect: "lib/compile/inspect_mod.ts",
  io: "lib/io/mod.ts",
  linalg: "lib/linalg/mod.ts",
  metrics: "lib/metrics/mod.ts",
  models: "lib/models/mod.ts",
  nn: "lib/nn/mod.ts",
  optim: "lib/optim/mod.ts",
  peft: "lib/peft/mod.ts",
  random: "lib/ops/random_mod.ts",
  train: "lib/train/mod.ts",
  tree: "lib/tensor/tree_mod.ts",
};

/** Entries of the package beside `mod.ts`. */
const ENTRIES = {
  experiment: "lib/experiment/mod.ts",
  "experiment/instruments": "lib/experiment/instruments/mod.ts",
};

const isFunction = ({ declarations }: Documented) => declarations.some(({ kind }) => kind === "function");

describe("documentation", () => {
  let names: Documented[];
  const folder = deviceFolder();
  beforeAll(async () => void (names = await documentedNames({ ...NAMESPACES, ...ENTRIES })));

  it("says something of every exported name and its members", () => {
    expect(names.length).toBeGreaterThan(500);
    expect([...names.flatMap(undocumented), ...names.flatMap(undocumentedProperties)]).toEqual([]);
  });

  it("knows all namespaces of mod.ts, and all entries of the package", () => {
    expect(Object.keys(ENTRIES).map((name) => `./${name}`)).toEqual(
      Object.keys(config.exports).filter((name) => name !== "."),
    );
    const namespaces = Object.entries(dd).filter(([, value]) =>
      Object.prototype.toString.call(value) === "[object Module]"
    );
    const known = Object.keys(NAMESPACES).filter((name) => name !== "");
    expect(namespaces.map(([name]) => name).sort()).toEqual(known.sort());
  });

  it("has an example for every function", () => {
    const without = names.filter((one) => isFunction(one) && examplesOf(one).length === 0);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("has examples that print what their comments say", async () => {
    const broken: string[] = [];
    for (const one of names) {
      for (const example of examplesOf(one)) {
        const [lines, promises] = [await linesOf(example, folder), promisesOf(example)];
        const isKept = lines.length === promises.length && lines.every((line, i) => keeps(line, promises[i]));
        if (!isKept) broken.push(`${one.name} prints\n${lines.join("\n")}\nand says\n${promises.join("\n")}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it("finds what is not documented", () => {
    const bare = { kind: "function", def: {} };
    const said = { ...bare, jsDoc: { doc: "Says something." } };
    const owner = { ...said, kind: "class", def: { methods: [{ name: "run" }], properties: [{ name: "size" }] } };
    expect(undocumented({ name: "f", declarations: [bare] })).toEqual(["f"]);
    expect(undocumented({ name: "f", declarations: [said, { ...bare, def: { hasBody: true } }] })).toEqual([]);
    expect(undocumented({ name: "C", declarations: [owner] })).toEqual(["C.run"]);
    expect(undocumentedProperties({ name: "C", declarations: [owner] })).toEqual(["C.size"]);
  });

  it("takes a printed line for what a comment says only where it is", () => {
    expect(keeps("Float32Array(2) [ 1, 0.5 ]", "Float32Array [1, 0.5]")).toBe(true);
    expect(keeps("Float32Array(2) [ 1, 0.5001 ]", "Float32Array [1, 0.5]")).toBe(false);
    expect(keeps("Float32Array(2) [ 1, 0.5001 ]", "≈ Float32Array [1, 0.500]")).toBe(true);
    expect(keeps("Float32Array(2) [ 1, 0.51 ]", "≈ Float32Array [1, 0.500]")).toBe(false);
    expect(keeps("Float32Array(2) [ 1, NaN ]", "≈ Float32Array [1, 0]")).toBe(false);
    expect(keeps("1", "")).toBe(false);
  });
});
