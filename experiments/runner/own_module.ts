import { relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sha256 } from "../../lib/io/sha256.ts";
import { isObject } from "../../lib/text/is_object.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import type { Own, OwnByName } from "../recipes/own.ts";
import { nameList } from "../terminal/flags.ts";

/** Whether something is named by the path of a module, such as `./my_method.ts`, and not by a name. */
export function isModulePath(text: string): boolean {
  return /[\\/]|\.[cm]?[jt]sx?$/.test(text);
}

/** What belongs to this package, whose version stands in every spec: it is no part of a module's source. */
const PACKAGE = ["lib/", "kernels/", "experiments/", "mod.ts"].map((part) =>
  new URL(part, new URL("../../", import.meta.url)).href
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

/** A kind of thing that modules of one's own export under its name: `method`. */
export interface OwnKind<Description extends { readonly name: string }> {
  /** Those that were loaded; its `kind` is what the export is called. */
  readonly known: OwnByName<Description>;
  /** What an exported object lacks beside its name to be one; nothing where it is one. */
  lackOf(exported: Readonly<Record<string, unknown>>): string | undefined;
  /** How a module exports one, as messages end. */
  readonly form: string;
}

/** What a spec says of what a module exports. */
export interface Origin {
  readonly name: string;
  /** The module's path. */
  readonly module: string;
  readonly source: string;
}

/** Loads modules of one kind, each once. */
export class OwnModules<Description extends { readonly name: string }> {
  readonly #loaded = new Map<string, Promise<Own<Description>>>();

  constructor(readonly kind: OwnKind<Description>) {}

  #lackOf(exported: Readonly<Record<string, unknown>>): string | undefined {
    const { known: { kind }, lackOf } = this.kind;
    const own = exported[kind];
    if (!isObject(own)) {
      const names = Object.keys(exported);
      return `it exports no \`${kind}\`${names.length > 0 ? `, but ${names.join(", ")}` : ""}`;
    }
    if (typeof own.name !== "string" || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(own.name)) {
      return "its `name` is no text of lower-case words with dashes between";
    }
    return lackOf(own);
  }

  async #read(path: string): Promise<Own<Description>> {
    const { known: { kind }, form } = this.kind;
    const url = pathToFileURL(path).href;
    const module = relative(Deno.cwd(), path).replaceAll("\\", "/");
    const named = module.startsWith(".") ? module : `./${module}`;
    let exported: Record<string, unknown>;
    try {
      exported = await import(url);
    } catch (error) {
      throw new Error(`cannot load the ${kind} ${named}: ${messageOf(error)}`, { cause: error });
    }
    const lack = this.#lackOf(exported);
    if (lack !== undefined) throw new Error(`cannot use ${named} as a ${kind}: ${lack}. ${form}`);
    // Checked just now.
    const description = exported[kind] as Description;
    return { description, module: named, source: await hashModules(await localModules(url)) };
  }

  /**
   * Loads what a module exports, and makes it known by its name. The hash is of the module's source and of all that it
   * imports from files beside it, directly or not; packages and this library are no part of it.
   *
   * Throws an Error where there is no such file, or it does not export what it must (with what that is), or one of a name
   * that another has.
   */
  async load(path: string): Promise<Own<Description>> {
    const whole = path.startsWith("file:") ? fileURLToPath(path) : resolve(path);
    const loading = this.#loaded.get(whole) ?? this.#read(whole);
    this.#loaded.set(whole, loading);
    const own = await loading;
    this.kind.known.add(own);
    return own;
  }

  /**
   * Loads what a spec says.
   *
   * Throws an Error where its module is not what it was when the spec was made, beside what {@linkcode OwnModules.load}
   * throws.
   */
  async loadAs({ name, module, source }: Origin): Promise<Own<Description>> {
    const own = await this.load(module);
    if (own.description.name !== name) {
      throw new Error(
        `cannot run ${name} as ${module} has the ${this.kind.known.kind} ${own.description.name} now`,
      );
    }
    if (own.source !== source) {
      throw new Error(
        `cannot run ${name} as ${module} or what it imports changed: its hash is ${own.source} now, and ${source} in the spec`,
      );
    }
    return own;
  }

  /**
   * Names of a list with commas between: `all` for all of ours, and for a path the name of what that module exports,
   * which is loaded. Throws a RangeError that names the nearest where there is none.
   */
  async list<Name extends string>(text: string, names: readonly Name[]): Promise<(Name | string)[]> {
    const words = text.split(",").map((word) => word.trim());
    const own = words.filter(isModulePath);
    const loaded = new Map(
      await Promise.all(own.map(async (path) => [path, (await this.load(path)).description.name] as const)),
    );
    return [
      ...new Set(words.flatMap((word) => loaded.get(word) ?? nameList(this.kind.known.kind, word, names))),
    ];
  }
}
