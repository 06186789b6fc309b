import type { peft } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { isObject } from "../../../lib/text/is_object.ts";
import { OWN_METHODS, type OwnMethod } from "../../recipes/methods.ts";
import { isModulePath, OwnModules } from "../own_module.ts";

/** What an object lacks to be a method; nothing where it is one. */
function lackOf(
  { summary, options, recipe, make }: Readonly<Record<string, unknown>>,
): string | undefined {
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

const modules = new OwnModules<peft.MethodDescription>({
  known: OWN_METHODS,
  lackOf,
  form: "It must export one as lib/peft has them: " +
    "export const method = peft.defineMethod({ name, summary, options, recipe: { learningRate }, make })",
});

/** Loads the method that a module of one's own exports as `method`. Throws as {@linkcode OwnModules.load}. */
export async function loadMethod(path: string): Promise<OwnMethod> {
  return await modules.load(path);
}

/** Loads the method of a spec, where that is one's own. Throws as {@linkcode OwnModules.loadAs}. */
export async function loadMethodOf({ method }: Pick<RunSpec, "method">): Promise<void> {
  const { name, module, source } = method;
  if (module !== undefined) await modules.loadAs({ name, module: String(module), source: String(source) });
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

/** Methods of a list, by name, with those of one's own by the paths of their modules; see {@linkcode OwnModules.list}. */
export async function methodList(text: string, names: readonly string[]): Promise<string[]> {
  return await modules.list(text, names);
}
