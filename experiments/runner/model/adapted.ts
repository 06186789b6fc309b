import { peft, type Tensor } from "../../../mod.ts";
import { hashTensors } from "./hash_tensors.ts";
import type { LoadedModel } from "./load_model.ts";
import { readAdapter } from "../heads/read_adapter.ts";

/** A model's parameters as a method holds them. */
export interface Adapted {
  readonly method: peft.Method;
  readonly state: peft.MethodState;
}

/** A model as it is, without an adapter. Throws an Error where part of its head would be one made afresh. */
export function plain({ base, report, folder }: LoadedModel): Adapted {
  if (report.fresh.length > 0) {
    throw new Error(
      `${folder} has no head for this task: it lacks ${report.fresh.join(", ")}; \`adapter\` may bring them`,
    );
  }
  return { method: peft.full(), state: { base: {}, trainable: base, aux: {} } };
}

/**
 * A model with the adapter of a folder, in PEFT's format.
 *
 * Throws an Error where the adapter does not fit, or a part of the head is in neither.
 */
export async function withAdapter({ base: own, report }: LoadedModel, folder: string): Promise<Adapted> {
  const { method, trainable, aux, base } = peft.adapterMethod(await readAdapter(folder), own);
  const lost = report.fresh.filter((name) => !Object.hasOwn(trainable.heads, name) && base[name] === own[name]);
  if (lost.length > 0) {
    throw new Error(`neither the model nor the adapter in ${folder} has the head's ${lost.join(", ")}`);
  }
  return { method, state: { base, trainable, aux } };
}

/** Where a run begins from an adapter: its method, and what it trained. */
export interface Beginning extends Omit<peft.AdapterMethod, "base" | "aux"> {
  /** Parameters of heads for another number of classes, which were left out. */
  readonly left: readonly string[];
  /** Hex sha-256 of what it holds. */
  readonly hash: string;
}

/** Options of {@linkcode beginFrom}. */
export interface BeginFromOptions {
  /** Parameters of the model's head that stay the model's; none by default. */
  readonly without?: readonly string[];
}

/**
 * Reads the adapter that a run begins from; heads for another number of classes are the model's.
 *
 * Throws an Error where it changes what a run's own adapter would not hold.
 */
export async function beginFrom(
  folder: string,
  base: Readonly<Record<string, Tensor>>,
  { without = [] }: BeginFromOptions = {},
): Promise<Beginning> {
  const { config, tensors } = await readAdapter(folder);
  const left = Object.keys(tensors).filter((name) => {
    if (!name.startsWith(peft.PEFT_PREFIX)) return false;
    const own = name.slice(peft.PEFT_PREFIX.length);
    if (without.includes(own)) return true;
    // Embeddings of another vocabulary are no matter of classes.
    if (base[own] === undefined || own.includes("embeddings")) return false;
    return base[own].shape.join() !== tensors[name].shape.join();
  });
  const fitted = Object.fromEntries(left.map((name) => [name, base[name.slice(peft.PEFT_PREFIX.length)]]));
  const { base: changed, aux: _, ...read } = peft.adapterMethod({ config, tensors: { ...tensors, ...fitted } }, base);
  const beside = Object.keys(base).filter((name) => changed[name] !== base[name]);
  if (beside.length > 0) {
    throw new Error(
      `cannot begin from ${folder} as it changes more than its method trains: ${beside[0]}` +
        (beside.length > 1 ? ` and ${beside.length - 1} more` : "") +
        ": make a model of it by deno task merge, and begin from that",
    );
  }
  const hash = await hashTensors(tensors, JSON.stringify(config));
  return { ...read, left: left.map((one) => one.slice(peft.PEFT_PREFIX.length)), hash };
}
