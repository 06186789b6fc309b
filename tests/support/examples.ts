import config from "../../deno.json" with { type: "json" };
import { lockFlags } from "../../experiments/runner/locked.ts";

const ROOT = new URL("../../", import.meta.url);

/** What `deno doc --json` says of one declaration, as far as it is asked here. */
interface Declaration {
  readonly kind: string;
  readonly jsDoc?: {
    readonly doc?: string;
    readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
  };
  readonly def: {
    readonly hasBody?: boolean;
    readonly methods?: readonly Member[];
    readonly properties?: readonly Member[];
  };
}

interface Member {
  readonly name: string;
  readonly accessibility?: string;
  readonly jsDoc?: { readonly doc?: string };
}

/** An exported name, and what is said of each of its declarations. */
export interface Documented {
  /** With the namespace in front: `random.key`. */
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

interface DocumentedModule {
  readonly symbols: readonly Documented[];
  readonly module_doc?: Declaration["jsDoc"];
}

/**
 * Modules and what they export, by their namespaces: `""` for the top level. What an earlier one exports, too, is looked at
 * there.
 */
export async function documentedNames(modules: Readonly<Record<string, string>>): Promise<Documented[]> {
  const args = ["doc", "--quiet", "--json", ...lockFlags(), ...Object.values(modules)];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  const { nodes }: { nodes: Record<string, DocumentedModule> } = JSON.parse(new TextDecoder().decode(stdout));
  return Object.entries(modules).flatMap(([namespace, path]) => {
    const { symbols, module_doc } = nodes[new URL(path, ROOT).href];
    const itself = { name: path, declarations: [{ kind: "module", jsDoc: module_doc, def: {} }] };
    const names = symbols.map(({ name, declarations }) => ({
      name: namespace ? `${namespace}.${name}` : name,
      declarations: declarations.filter(({ kind }) => kind !== "namespace" && kind !== "reference"),
    }));
    return [itself, ...names];
  });
}

/** Names of functions, classes, types and methods without a word of documentation. */
export function undocumented({ name, declarations }: Documented): string[] {
  return declarations.flatMap(({ kind, jsDoc, def }) => {
    // What implements several signatures is seen by nobody.
    const isSeen = kind !== "function" || declarations.length === 1 || !def.hasBody;
    return [...isSeen && !jsDoc?.doc ? [name] : [], ...silent(name, def.methods)];
  });
}

/** Properties of classes and interfaces without a word of documentation. */
export function undocumentedProperties({ name, declarations }: Documented): string[] {
  return declarations.flatMap(({ def }) => silent(name, def.properties));
}

function silent(owner: string, members: readonly Member[] = []): string[] {
  return members.filter(({ accessibility, jsDoc }) => accessibility !== "private" && !jsDoc?.doc)
    .map(({ name }) => `${owner}.${name}`);
}

/** The examples of a name, without the fences around them. */
export function examplesOf({ declarations }: Documented): string[] {
  return declarations.flatMap(({ jsDoc }) =>
    (jsDoc?.tags ?? []).filter(({ kind }) => kind === "example")
      .flatMap(({ doc }) => /^```ts\n([^]*?)^```/m.exec(doc ?? "")?.slice(1) ?? [])
  );
}

/** Runs an example on the device that is open, and gives each line that it prints. */
export async function linesOf(example: string, folder: string): Promise<string[]> {
  const path = `${folder}/${crypto.randomUUID()}.ts`;
  const source = Object.entries(config.exports).reduce(
    (text, [entry, file]) =>
      text.replace(`"${config.name}${entry.slice(1)}"`, JSON.stringify(new URL(file, ROOT).href)),
    example.replace(/^await dd\.openDevice\(\);$/m, ""),
  );
  await Deno.writeTextFile(path, source);
  const lines: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]) =>
    void lines.push(values.map((value) => typeof value === "string" ? value : Deno.inspect(value)).join(" "));
  try {
    await import(new URL(path, "file:///").href);
  } finally {
    console.log = log;
  }
  return lines;
}

/** What an example says that it prints: the comment behind each `console.log()`. */
export function promisesOf(example: string): string[] {
  return Array.from(example.matchAll(/^\s*console\.log\(.*\);(?: \/\/ (.*))?$/gm), ([, comment]) => comment ?? "");
}

const NUMBER = /-?\d+(?:\.\d+)?(?:e[-+]?\d+)?/g;

/** Text as comments write it: on one line, without the lengths of typed arrays and the spaces within brackets. */
function plain(text: string): string {
  return text.replaceAll(/\(\d+\) (?=\[)/g, " ").replaceAll(/\s+/g, " ").replaceAll("[ ", "[").replaceAll(" ]", "]");
}

/** Whether a printed line is what a comment says: to the digits that stand there where it begins with `≈`. */
export function keeps(line: string, promise: string): boolean {
  const [got, wanted] = [plain(line), plain(promise.replace(/^≈ /, ""))];
  if (!promise.startsWith("≈ ")) return got === wanted;
  const [found, named] = [got, wanted].map((text) => text.match(NUMBER) ?? []);
  return got.replaceAll(NUMBER, "#") === wanted.replaceAll(NUMBER, "#") && named.every((text, i) => {
    const digits = /\.(\d+)$/.exec(text)?.[1].length ?? 0;
    return Math.abs(Number(found[i]) - Number(text)) <= 0.6 * 10 ** -digits;
  });
}
