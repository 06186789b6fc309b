import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { DATA_LIBRARIES } from "../../lib/data/table/npm_module.ts";

describe("DATA_LIBRARIES", () => {
  it("are of the versions that deno.json pins", () => {
    const pinned: Readonly<Record<string, string>> = config.scopes["./"];
    for (const [name, version] of Object.entries(DATA_LIBRARIES)) expect(pinned[name]).toBe(`npm:${name}@${version}`);
  });
});
