// Casts say what the compiler cannot know: they are few, and each has its reason beside it.
import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { readSources } from "../../tools/read_sources.ts";

const ROOT = new URL("../../", import.meta.url);

/** Finds casts, but for `as const`. */
const PLUGIN: Deno.lint.Plugin = {
  name: "casts",
  rules: {
    cast: {
      create: (context) => ({
        TSAsExpression(node) {
          const text = context.sourceCode.getText(node);
          if (!/\bas\s+const$/.test(text)) context.report({ node, message: text });
        },
      }),
    },
  },
};

interface Cast {
  readonly place: string;
  /** Whether it is to a type with a name, a tuple or a function, and not to a primitive type. */
  readonly isNamed: boolean;
  /** Whether a comment stands on its line or on the line before. */
  readonly hasReason: boolean;
}

function castsOf(path: string, source: string): Cast[] {
  const lines = source.split("\n");
  return Deno.lint.runPlugin(PLUGIN, path, source).map(({ range: [start], message }) => {
    const line = source.slice(0, start).split("\n").length;
    return {
      place: `${path}:${line}`,
      isNamed: /\bas [A-Z{([][^]*$/.test(message),
      hasReason: / \/\/ /.test(lines[line - 1]) || /^\s*(\/\/|.*\*\/)/.test(lines[line - 2] ?? ""),
    };
  });
}

const files = [...readSources(ROOT, config.exclude)].filter(([path]) => /^(lib|kernels)\//.test(path));
const casts = files.flatMap(([path, source]) => castsOf(path, source));

/** Where types of a documentation node are `any`. */
function anyTypes(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "kind" in value && value.kind === "keyword" && "keyword" in value && value.keyword === "any"
    ? [path]
    : [];
  return [...own, ...Object.entries(value).flatMap(([key, part]) => anyTypes(part, `${path}/${key}`))];
}

describe("casts", () => {
  it("are found wherever they stand, but for `as const`, comments and texts", () => {
    const source = "const a = [1] as const; // as Tensor\nconst b = a as unknown as Tensor;\n" +
      "// It is one.\nconst c = `as Tensor ${b as Tensor}`;\nconst d = c as string; // a text";
    expect(castsOf("a.ts", source)).toEqual([
      { place: "a.ts:2", isNamed: true, hasReason: false },
      { place: "a.ts:2", isNamed: false, hasReason: false },
      { place: "a.ts:4", isNamed: true, hasReason: true },
      { place: "a.ts:5", isNamed: false, hasReason: true },
    ]);
  });

  it("to named types are fewer than 20 in lib and kernels", () => {
    expect(files.length).toBeGreaterThan(200);
    expect(casts.filter(({ isNamed }) => isNamed).map(({ place }) => place).length).toBeLessThan(20);
  });

  it("and all else that reads like one are fewer than 60 lines of lib and kernels", () => {
    // What `git grep -P` finds, comments and texts as well: "as PEFT names it" hides the casts among them.
    const lines = files.flatMap(([, source]) => source.split("\n")).filter((line) =>
      /\bas (?!const\b)[A-Z{(]/.test(line)
    );
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(60);
  });

  it("have their reason on their line or on the line before", () => {
    expect(casts.filter(({ hasReason }) => !hasReason).map(({ place }) => place)).toEqual([]);
  });

  it("give no way to comments that silence the compiler", () => {
    const silenced = files.filter(([, source]) => /@ts-(ignore|expect-error|nocheck)/.test(source)).map(([path]) =>
      path
    );
    expect(silenced).toEqual([]);
  });
});

describe("public types", () => {
  it("are never any", async () => {
    const args = ["doc", "--quiet", "--json", ...Object.values(config.exports)];
    const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    expect(success).toBe(true);
    const nodes: unknown = JSON.parse(new TextDecoder().decode(stdout));
    expect(anyTypes(nodes)).toEqual([]);
    expect(anyTypes({ type: { kind: "keyword", keyword: "any", repr: "any" } })).toEqual(["/type"]);
  });
});
