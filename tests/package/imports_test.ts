import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { importFaults, importsOf, readSources } from "../../tools/imports.ts";

const faultsOf = (path: string, source: string) => importFaults(new Map([[path, source]]));

describe("the direction of imports", () => {
  it("is down everywhere in lib and kernels", () => {
    const files = readSources(new URL("../../", import.meta.url), ["lib", "kernels"]);
    expect(files.size).toBeGreaterThan(80);
    expect(importFaults(files)).toEqual([]);
  });

  it("finds an import that goes up", () => {
    const [fault] = faultsOf("lib/ops/add.ts", 'import { x } from "../train/state.ts";');
    expect(fault).toContain("lib/ops/add.ts imports lib/train/state.ts: imports only go down");
  });

  it("finds a kernel that knows of the rest", () => {
    expect(faultsOf("kernels/a.ts", 'import { x } from "../lib/tensor/mod.ts";')).toHaveLength(1);
  });

  it("finds a folder that is no layer, and imports that leave lib", () => {
    expect(faultsOf("lib/utils/a.ts", 'import { x } from "./b.ts";')).toHaveLength(1);
    expect(faultsOf("lib/train/a.ts", 'import { x } from "../../experiments/glue.ts";')).toHaveLength(1);
  });

  it("finds JSR packages under mod.ts", () => {
    expect(faultsOf("lib/io/a.ts", 'import { parseArgs } from "@std/cli/parse-args";')).toHaveLength(1);
  });

  it("sees imports over several lines, re-exports and dynamic imports", () => {
    const source =
      'import {\n  a,\n  type B,\n} from "./one.ts";\nexport * from "./two.ts";\nawait import("./three.ts");';
    expect(importsOf(source)).toEqual(["./one.ts", "./two.ts", "./three.ts"]);
  });
});
