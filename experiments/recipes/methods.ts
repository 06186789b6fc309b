import type { optim, peft } from "../../mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { QUERIES_AND_VALUES } from "../../lib/peft/low_rank_options.ts";
import * as registry from "../../lib/peft/registry.ts";
import { requireName } from "../../lib/text/nearest.ts";
import { type Own, OwnByName } from "./own.ts";

/** A method's options as a spec has them, with its name and where it comes from. */
type NamedOptions = peft.MethodData & { readonly name: string };

/** A method as the table runs it: its options as plain data, its rate, and how it is made of them. */
export interface Recipe {
  /** What is known of the method. */
  readonly description: peft.MethodDescription;
  readonly learningRate: number;
  /** Its optimizer, where that is not AdamW. */
  readonly optimizer?: "sgd";
  readonly options: (steps: number) => RunSpec["method"];
  /** Options that are data may be scalar tensors. */
  readonly make: (options: NamedOptions, place: peft.MethodPlace) => peft.Method;
  /** The optimizer that the method is, where it is one. */
  readonly makeOptimizer?: (options: NamedOptions, place: peft.OptimizerPlace) => optim.Optimizer;
}

/** A method under another name, with a recipe of its own. */
interface Variant extends peft.MethodRecipe {
  readonly method: string;
}

const [switched, delta, periodic] = ["lora-scaled", "delta-lora", "periodic-lora"].map((name) =>
  registry.methodNamed(name)
);

/** Delta-LoRA whose λ moves over the run: forms that do not telescope. */
function withSchedule(lambdaSchedule: string): Variant {
  const { learningRate, options } = delta.recipe;
  return { method: delta.name, learningRate, options: (steps) => ({ ...options?.(steps), lambdaSchedule }) };
}

/** PeriodicLoRA that moves half of the product at the end of a stage. */
function withMomentum(unload: string): Variant {
  const { learningRate, options } = periodic.recipe;
  return { method: periodic.name, learningRate, options: (steps) => ({ ...options?.(steps), unload, momentum: 0.5 }) };
}

/** What tables compare beside the methods as their own files have them. */
const VARIANTS: Readonly<Record<string, Variant>> = {
  "full-sgd": { method: "full", learningRate: 0.3, optimizer: "sgd" },
  // Delta-LoRA's other control: LoRA that goes over to (1+λ)α where Delta-LoRA begins to write.
  "lora-switched": {
    method: "lora-scaled",
    learningRate: 5e-3,
    options: (steps) => ({ ...switched.recipe.options?.(steps), startStep: Math.floor(0.25 * steps) }),
  },
  "delta-lora-falling": withSchedule("linear"),
  "delta-lora-rising": withSchedule("rising-linear"),
  // PeriodicLoRA with momentum, in the form that leaves the model as it is and in that of public code, which does not.
  "periodic-lora-share": withMomentum("share"),
  "periodic-lora-jump": withMomentum("share-and-jump"),
};

/** A method of a module of one's own. */
export type OwnMethod = Own<peft.MethodDescription>;

const unnamed = ({ name: _, module: __, source: ___, ...options }: NamedOptions): peft.MethodData => options;

function recipe(name: string, description: peft.MethodDescription, own: peft.MethodRecipe): Recipe {
  const { learningRate, optimizer, options } = own;
  const { optimizer: makeOptimizer } = description;
  return {
    description,
    learningRate,
    ...optimizer && { optimizer },
    options: (steps) => ({ name, ...options?.(steps) }),
    make: (options, place) => description.make(unnamed(options), place),
    ...makeOptimizer && { makeOptimizer: (options, place) => makeOptimizer(unnamed(options), place) },
  };
}

/**
 * What a table may compare, by name: all methods by the recipes in their files, and variants of them. Rates of those that
 * it has by default are the best by the mean over the default tasks of 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01 and 0.02
 * among those at which no task stays at chance, with seeds that the table does not use:
 * `deno task reproduce glue --steps 120 --first-seed 100 --learning-rate X`. The others' are from a coarser sweep, over CoLA
 * and STS-B with one such seed: some of 0.001 to 0.02, and of SGD 0.03, 0.1, 0.3 and 1.
 */
export const RECIPES: Readonly<Record<string, Recipe>> = Object.fromEntries([
  ...registry.METHODS.map((method) => [method.name, recipe(method.name, method, method.recipe)]),
  ...Object.entries(VARIANTS).map(([name, own]) => [name, recipe(name, registry.methodNamed(own.method), own)]),
]);

/** Names of all of them. */
export const ALL_METHODS: readonly string[] = Object.keys(RECIPES);

/** Names of the methods that the table has unless told otherwise. */
export const METHODS: readonly string[] = ["full", "lora", "adalora", "delta-lora", "lora-scaled"];

/** The method of `deno task train` unless told otherwise. */
export const DEFAULT_METHOD = "delta-lora";

/** Methods of one's own that were loaded. */
export const OWN_METHODS: OwnByName<peft.MethodDescription> = new OwnByName(
  "method",
  (name) => ALL_METHODS.includes(name),
);

/** The methods of one's own that are known. */
export function ownMethods(): readonly OwnMethod[] {
  return OWN_METHODS.all();
}

/** The description of a method, ours or one's own. Throws a RangeError with the nearest name where there is none. */
export function methodNamed(name: string): peft.MethodDescription {
  return registry.methodNamed(name, [...registry.METHODS, ...ownMethods().map(({ description }) => description)]);
}

/** The options of a method of one's own in the table: what layers it adapts are the usual ones, where it does not say. */
function ownRecipe({ description, module, source }: OwnMethod): Recipe {
  const { name, recipe: own, options: schema } = description;
  const usual: peft.MethodOptions = schema.targets?.required ? { targets: QUERIES_AND_VALUES } : {};
  const options = (steps: number) => ({ module, source, ...usual, ...own.options?.(steps) });
  return recipe(name, description, { ...own, options });
}

/** A recipe of the table by name, of a method of ours, a variant or a method of one's own. Throws as {@linkcode methodNamed}. */
export function recipeNamed(name: string): Recipe {
  const own = OWN_METHODS.get(name);
  const names = [...ALL_METHODS, ...ownMethods().map(({ description }) => description.name)];
  return own ? ownRecipe(own) : RECIPES[requireName("method", name, names)];
}
