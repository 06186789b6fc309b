import { cast } from "../../ops/mod.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { BaseParams } from "../method.ts";

/** Modules that PEFT saves whole for a sequence classifier (`task_type: SEQ_CLS`), whatever its settings say. */
export const CLASSIFIERS = ["classifier", "score"] as const;

/** The path of the module that a parameter belongs to. */
export const modulePath = (name: string) => name.replace(/\.(weight|bias)$/, "");

/** The modules around a parameter, the outermost first. */
function modulesAround(name: string): string[] {
  const parts = name.split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}

/** Whether PEFT saves a parameter with the modules of such names: it takes all modules whose path ends in one, inside of a word, too. */
export function isSavedWith(modules: readonly string[], name: string): boolean {
  return modulesAround(name).some((path) => modules.some((module) => path.endsWith(module)));
}

/** What PEFT saves whole. */
export interface SavedModules {
  /** `modules_to_save`. */
  readonly modules: readonly string[];
  readonly task: "SEQ_CLS" | null;
  /** The parameters of these modules, all of them. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * How PEFT saves what was trained whole: by names of whole modules, none inside of another, the classifier's among them
 * where it was trained and no target lies in it. What such a module holds beside is saved as it is in the base.
 *
 * Throws an Error where a target would lie in what PEFT saves.
 */
export function savedModules(
  { base, heads, targets }: {
    readonly base: BaseParams;
    readonly heads: Readonly<Record<string, Tensor>>;
    readonly targets: readonly string[];
  },
): SavedModules {
  const isIn = (path: string, module: string) => path === module || path.startsWith(`${module}.`);
  const isWhole = (module: string) =>
    Object.keys(base).every((name) => !isIn(name, module) || Object.hasOwn(heads, name));
  const moduleOf = (name: string): string => {
    const around = modulesAround(name);
    const classifier = CLASSIFIERS.find((root) =>
      around.includes(root) && !targets.some((target) => isIn(target, root))
    );
    return classifier ?? around.find(isWhole) ?? modulePath(name);
  };
  const modules = [...new Set(Object.keys(heads).map(moduleOf))];
  const isClassifier = CLASSIFIERS.some((root) => modules.includes(root));
  const names = isClassifier ? [...modules, ...CLASSIFIERS] : modules;
  const nested = targets.find((target) => isSavedWith(names, `${target}.weight`));
  if (nested !== undefined) {
    throw new Error(
      `cannot write an adapter for PEFT: it saves ${
        modules.join(", ")
      } whole, and with that ${nested}, which is a target`,
    );
  }
  const saved = Object.entries(base).filter(([name]) => Object.hasOwn(heads, name) || isSavedWith(names, name));
  return {
    modules,
    task: isClassifier ? "SEQ_CLS" : null,
    tensors: Object.fromEntries(saved.map(([name, value]) => [name, heads[name] ?? cast(value, "f32")])),
  };
}
