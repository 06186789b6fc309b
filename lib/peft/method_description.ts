import type { ParameterFilter } from "../optim/leaf_paths.ts";
import type { Optimizer, Schedule } from "../optim/optimizer.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import type { Tree } from "../tensor/tree.ts";
import type { Method } from "./method.ts";
import {
  completeOptions,
  type MethodData,
  type MethodOptions,
  type MethodPlace,
  type OptionSchema,
  type OptionValues,
  partData,
} from "./method_options.ts";

/** How a method is trained in the table of `deno task reproduce glue`, on the suite's small encoder. */
export interface MethodRecipe {
  /** Peak learning rate. */
  readonly learningRate: number;
  /** The optimizer, where that is not AdamW. */
  readonly optimizer?: "sgd";
  /** Options for a run of so many steps; all defaults when absent. */
  readonly options?: (steps: number) => MethodOptions;
}

/** Options that change nothing in the first steps of a run. */
export interface DormantOptions {
  /** Their names. */
  readonly options: readonly string[];
  /**
   * Steps up to which they do not matter, of complete options: runs that differ in nothing else have states of the same
   * bits after so many steps, the least of theirs, and after any fewer. −1 where not even the first states agree.
   */
  until(options: MethodOptions): number;
}

/** Another method, by its name and complete options. */
export interface MethodProgram {
  /** The method's name. */
  readonly method: string;
  /** Its options. */
  readonly options: MethodOptions;
}

/** Where the optimizer of a method is used: rate and decay as a run has them. */
export interface OptimizerPlace extends MethodPlace {
  /** The rate of all steps, or a schedule by step. */
  readonly learningRate: number | Tensor | Schedule;
  /** Share of each parameter, times the rate, that a step takes away. */
  readonly weightDecay: number | Tensor;
  /** Which trainables decay; all by default. */
  readonly isDecayed?: ParameterFilter;
}

/** Runs of another method that may be cells of a method's programs, beside runs of its own: it trains them to the same bits. */
export interface GuestMethod {
  /** The other method's name; it keeps nothing for itself. */
  readonly method: string;
  /** The options of the method at which it trains a run of such complete options of the other one; `undefined` where none do. */
  options(options: MethodOptions): MethodOptions | undefined;
  /** What the method keeps for itself beside such trainables, before any step and after. */
  auxOf(trainable: Tree): Tree;
}

/** What {@linkcode MethodDescription} and what {@linkcode defineMethod} is given have in common. */
interface Described {
  /** The name in command lines, specs and tables: lower case, with dashes. */
  readonly name: string;
  /** What it is, in one line without a full stop. */
  readonly summary: string;
  /** The paper's address. */
  readonly paper?: string;
  readonly recipe: MethodRecipe;
  /** Peak rate of AdamW on pre-trained models of usual size, where `deno task train` is not told one; 5e-4 by default. */
  readonly learningRate?: number;
  /** Whether it trains weights of the model themselves, or writes them in whatever form, so that they cannot be kept in f16. */
  readonly trainsWeights?: true;
  /** Whether `deno task convert` makes adapters of its states, as one holds more than the factors, or there are several. */
  readonly isConverted?: true;
  /** Names of other methods whose adapters a run may begin from, as it trains the same parts. */
  readonly beginsFrom?: readonly string[];
  /** Options that change nothing in the first steps, so that runs that differ in them alone have a beginning in common. */
  readonly dormant?: DormantOptions;
  /**
   * The method whose steps, and states, are those of this one at such complete options to the bit: runs of both are cells of
   * its program. `undefined` where that is its own.
   */
  readonly programOf?: (options: MethodOptions) => MethodProgram | undefined;
  /**
   * Other methods whose runs may be cells of this one's programs. By themselves those have a program with less work, whose
   * steps have the same bits.
   */
  readonly guests?: readonly GuestMethod[];
  /** Fields of `adapter_config.json` that it reads beside those of its options. */
  readonly adapterFields?: readonly string[];
  /**
   * Reads an adapter that was made by the method, or gives `undefined` where its configuration is another method's. Throws
   * an Error where the configuration asks for what is not here.
   */
  readonly readAdapter?: (file: AdapterFile) => AdapterReading | undefined;
}

/**
 * Everything about a method that trainers, command lines, records and documentation need, so that none of them knows a
 * method by name. {@linkcode defineMethod} makes one, and {@linkcode METHODS} are those that are here.
 */
export interface MethodDescription extends Described {
  /** Its options by name: flags, help texts, checks of specs and columns of records are made of them. */
  readonly options: OptionSchema;
  /**
   * The method by its options, with the defaults of those that are absent. They are plain, or scalar tensors where an option
   * is data; a method that has any neither exports nor describes its states where it would need their numbers.
   *
   * Throws a RangeError where an option is unknown, is missing, or has a value that it cannot have, and a TypeError where a
   * tensor has another dtype than the option's kind.
   */
  make(options: MethodData, place: MethodPlace): Method;
  /**
   * The optimizer that the method is, by its options, in the place of AdamW, for methods whose trainables any other would step
   * as plain weights. Throws as `make` does.
   */
  readonly optimizer?: (options: MethodData, place: OptimizerPlace) => Optimizer;
}

/** What {@linkcode defineMethod} takes for a method: a description whose `make` is given options that are checked. */
export interface MethodDefinition<Schema extends OptionSchema> extends Described {
  /** The method's options by name; one that comes later may have a default that depends on those before it. */
  readonly options: Schema;
  /** Makes the method of options that are checked and complete; their types come from the schema. */
  make(options: OptionValues<Schema>, place: MethodPlace): Method;
  /** Makes the optimizer that the method is, of such options, where it is one. */
  optimizer?(options: OptionValues<Schema>, place: OptimizerPlace): Optimizer;
}

/**
 * A method's description, with `make` checking and completing the options before the method's own `make` sees them typed by
 * their descriptions. The option `targets`, where there is one, is the place's when that names targets. An option that is
 * marked with `isData` may come as a scalar tensor.
 *
 * @example LoRA under another name, whose α is always twice the rank
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const method = dd.peft.defineMethod({
 *   name: "my-lora",
 *   summary: "LoRA with α = 2r",
 *   options: {
 *     rank: { kind: "integer", help: "rank of the factors", default: 4, minimum: 1 },
 *     targets: { kind: "text", help: "which layers get factors", required: true },
 *   },
 *   recipe: { learningRate: 5e-3 },
 *   make: ({ rank, targets }, { heads }) => dd.peft.lora({ rank, alpha: 2 * rank, targets, heads }),
 * });
 * console.log(method.make({ targets: ".*query" }, { steps: 100 }).name); // lora
 * ```
 */
export function defineMethod<const Schema extends OptionSchema>(
  definition: MethodDefinition<Schema>,
): MethodDescription {
  const { name, options: schema, recipe } = definition;
  const complete = (options: MethodOptions, place: MethodPlace) => completeOptions(definition, options, place);
  const valuesOf = (options: MethodData, place: MethodPlace): OptionValues<Schema> => {
    const { plain, data } = partData(definition, options);
    const values: Record<string, unknown> = { ...complete(plain, place), ...data };
    if (place.targets !== undefined && Object.hasOwn(schema, "targets")) values.targets = place.targets;
    for (const [key, { required }] of Object.entries(schema)) {
      if (required && values[key] === undefined) {
        throw new RangeError(`${name}: ${key} is missing: ${schema[key].help}`);
      }
    }
    // Checked above, one by one, against what the type is made of.
    return values as OptionValues<Schema>;
  };
  const { optimizer, ...described } = definition;
  return {
    ...described,
    recipe: { ...recipe, options: recipe.options ?? ((steps) => complete({}, { steps })) },
    make: (options, place) => definition.make(valuesOf(options, place), place),
    ...optimizer && { optimizer: (options, place) => optimizer(valuesOf(options, place), place) },
  };
}
