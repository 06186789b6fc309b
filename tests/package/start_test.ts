import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { fileURLToPath } from "node:url";
import { lockFlags } from "../../experiments/runner/locked.ts";

const ROOT = new URL("../../", import.meta.url);

interface Dependency {
  readonly code?: { readonly specifier: string };
  readonly isDynamic?: boolean;
}

interface Graph {
  readonly roots: readonly string[];
  readonly modules: readonly { readonly specifier: string; readonly dependencies?: readonly Dependency[] }[];
}

async function graphOf(script: string): Promise<Graph> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...lockFlags(), script],
    cwd: fileURLToPath(ROOT),
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Packages of npm that are loaded before a program begins, and with `late` those that it may load as it runs. */
function packagesOf({ roots, modules }: Graph, { late = false } = {}): string[] {
  const dependencies = new Map(modules.map((module) => [module.specifier, module.dependencies ?? []]));
  const [seen, queue] = [new Set<string>(), [...roots]];
  for (let module = queue.pop(); module !== undefined; module = queue.pop()) {
    if (seen.has(module)) continue;
    seen.add(module);
    for (const { code, isDynamic } of dependencies.get(module) ?? []) {
      if (code && (late || !isDynamic)) queue.push(code.specifier);
    }
  }
  return [...seen].flatMap((module) => module.match(/^npm:\/?((?:@[^/]+\/)?[^@/]+)@/)?.[1] ?? []);
}

/** What takes longer to load than all the rest of a command. */
const HEAVY = ["apache-arrow", "@observablehq/plot", "linkedom", "jstat", "yaml"];

describe("a command", () => {
  const names = [...Deno.readDirSync(new URL("experiments/cli/", ROOT))].map(({ name }) => name).toSorted();
  for (const name of names) {
    it(`begins without what draws, reads YAML or writes Arrow: ${name}`, async () => {
      expect(packagesOf(await graphOf(`experiments/cli/${name}`)).filter((one) => HEAVY.includes(one))).toEqual([]);
    });
  }

  it("names what it loads late, so that Deno fetches it before a run begins and not at its end", async () => {
    expect(packagesOf(await graphOf("experiments/cli/train.ts"), { late: true })).toContain("apache-arrow");
    const packages = packagesOf(await graphOf("experiments/cli/reproduce.ts"), { late: true });
    for (const one of HEAVY) expect(packages).toContain(one);
  });
});

describe("the entry for experiments", () => {
  it("has rooms that are loaded alone: specs, records and tables without Arrow, figures and statistics", async () => {
    for (const room of ["specs", "records", "tables"]) {
      const packages = packagesOf(await graphOf(`lib/experiment/${room}/mod.ts`));
      expect(packages.filter((one) => HEAVY.includes(one))).toEqual([]);
    }
    expect(packagesOf(await graphOf("lib/experiment/mod.ts"))).toContain("@observablehq/plot");
  });
});
