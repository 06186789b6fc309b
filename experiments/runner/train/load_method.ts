import { relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { peft } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { nameList } from "../../terminal/flags.ts";
import { addMethod, type OwnMethod } from "../../recipes/methods.ts";
import { isObject } from "../../../lib/text/is_object.ts";

/** Whether a method is named by the path of a module, such as `./my_method.ts`, and not by a name. */
export function isModulePath(text: string): boolean {
  return /[\\/]|\.[cm]?[jt]sx?$/.test(text);
}

/** What belongs to this package, whose version stands in every spec: it is no part of a method's source. */
const PACKAGE = ["lib/", "kernels/", "experiments/", "mod.ts"].map((part) =>
  new URL(part, new URL("../../../", import.meta.url)).href
);
const isOurs = (url: string) => PACKAGE.some((part) => url === part || part.endsWith("/") && url.startsWith(part));

/** What `deno info --json` says of a module, as far as it is asked. */
interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly specifier: string; readonly code?: { readonly specifier?: string } }[];
}

/** A module and all that it imports from files beside it, and they in turn, by their addresses. */
async function localModules(url: string): Promise<string[]> {
  const args = ["info", "--json", "--no-lock", "--no-config", url];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`cannot read what ${url} imports: ${decoder.decode(stderr).trim()}`);
  const { modules }: { modules: readonly ModuleInfo[] } = JSON.parse(decoder.decode(stdout));
  const known = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set([url]);
  for (const one of found) {
    for (const { specifier, code } of known.get(one)?.dependencies ?? []) {
      const target = code?.specifier;
      if (!/^(\.|\/|file:)/.test(specifier) || !target?.startsWith("file:") || isOurs(target)) continue;
      found.add(target);
    }
  }
  return [...found];
}

/** Beginning of the sha-256 of modules, each by its path from the first and its bytes: it stays when all move together. */
async function hashModules(urls: readonly string[]): Promise<string> {
  const first = resolve(fileURLToPath(urls[0]), "..");
  const parts = await Promise.all(urls.map(async (url) => {
    const path = fileURLToPath(url);
    return `${relative(first, path).replaceAll("\\", "/")} ${await sha256(await Deno.readFile(path))}`;
  }));
  return (await sha256(parts.sort().join("\n"))).slice(0, 16);
}

/** What a module lacks to be a method; nothing where it is one. */
function lackOf(exported: Record<string, unknown>): string | undefined {
  const { method } = exported;
  if (!isObject(method)) {
    const names = Object.keys(exported);
    return `it exports no \`method\`${names.length > 0 ? `, but ${names.join(", ")}` : ""}`;
  }
  const { name, summary, options, recipe, make } = method;
  if (typeof name !== "string" || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    return "its `name` is no text of lower-case words with dashes between";
  }
  if (typeof summary !== "string") return "it has no `summary` in a line";
  if (!isObject(options)) return "it has no `options`, of which there may be none: {}";
  const kinds = ["integer", "number", "text", "boolean"];
  const wrong = Object.entries(options).find(([, option]) => !isObject(option) || !kinds.includes(String(option.kind)));
  if (wrong) return `its option ${wrong[0]} has no \`kind\`: ${kinds.join(", ")}`;
  const taken = ["name", "module", "source", "heads"].find((option) => Object.hasOwn(options, option));
  if (taken) return `its option cannot be called ${taken}, as specs have that of their own`;
  if (!isObject(recipe) || !(Number(recipe.learningRate) > 0)) return "it has no `recipe` with a `learningRate`";
  return typeof make === "function" ? undefined : "it has no function `make`";
}

const loaded = new Map<string, Promise<OwnMethod>>();

async function load(path: string): Promise<OwnMethod> {
  const url = pathToFileURL(path).href;
  const module = relative(Deno.cwd(), path).replaceAll("\\", "/");
  const named = module.startsWith(".") ? module : `./${module}`;
  let exported: Record<string, unknown>;
  try {
    exported = await import(url);
  } catch (error) {
    throw new Error(`cannot load the method ${named}: ${(error as Error).message}`, { cause: error });
  }
  const lack = lackOf(exported);
  if (lack !== undefined) {
    throw new Error(
      `cannot use ${named} as a method: ${lack}. It must export one as lib/peft has them: ` +
        "export const method = peft.defineMethod({ name, summary, options, recipe: { learningRate }, make })",
    );
  }
  // Checked just now.
  const description = exported.method as peft.MethodDescription;
  return { description, module: named, source: await hashModules(await localModules(url)) };
}

/**
 * Loads the method that a module of one's own exports as `method`, and makes it known by its name. The hash is of the
 * module's source and of all that it imports from files beside it, directly or not; packages and this library are no part
 * of it.
 *
 * Throws an Error where there is no such file, or it exports no method (with what it must export), or one of a name that
 * another has.
 */
export async function loadMethod(path: string): Promise<OwnMethod> {
  const whole = path.startsWith("file:") ? fileURLToPath(path) : resolve(path);
  if (!loaded.has(whole)) loaded.set(whole, load(whole));
  const own = await loaded.get(whole)!;
  addMethod(own);
  return own;
}

/**
 * Loads the method of a spec, where that is one's own.
 *
 * Throws an Error where its module is not what it was when the spec was made.
 */
export async function loadMethodOf({ method }: Pick<RunSpec, "method">): Promise<void> {
  const { name, module, source } = method;
  if (module === undefined) return;
  const own = await loadMethod(String(module));
  if (own.description.name !== name) {
    throw new Error(`cannot run ${name} as ${module} has the method ${own.description.name} now`);
  }
  if (own.source !== source) {
    throw new Error(
      `cannot run ${name} as ${module} or what it imports changed: its hash is ${own.source} now, and ${source} in the spec`,
    );
  }
}

/**
 * A method's name and options as a person chose them, with the name of one's own in the place of the path of its module,
 * which is loaded: `{ name: "./lora_xs.ts", rank: 4 }` becomes `{ name: "lora-xs", rank: 4 }`.
 *
 * Throws an Error as {@linkcode loadMethod}, and where a hash of its source is given that is not the module's.
 */
export async function nameMethod(chosen: peft.MethodOptions): Promise<peft.MethodOptions> {
  const { module, source, ...rest } = chosen;
  const path = module ?? (isModulePath(String(rest.name ?? "")) ? rest.name : undefined);
  if (path === undefined) return chosen;
  const { description: { name } } = await loadMethod(String(path));
  if (source !== undefined) await loadMethodOf({ method: { name, module: path, source } });
  return { ...rest, name };
}

/**
 * Methods of a list with commas between, by name: `all` for all of the names, and for a path the method of that module,
 * which is loaded. Throws a RangeError that names the nearest where there is none.
 */
export async function methodList(text: string, names: readonly string[]): Promise<string[]> {
  const words = text.split(",").map((word) => word.trim());
  const own = words.filter(isModulePath);
  const loaded = new Map(
    await Promise.all(own.map(async (path) => [path, (await loadMethod(path)).description.name] as const)),
  );
  return [...new Set(words.flatMap((word) => loaded.get(word) ?? nameList("method", word, names)))];
}
