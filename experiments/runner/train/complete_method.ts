import { type models, peft, type Tensor } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { DEFAULT_METHOD, methodNamed, ownMethods } from "../../recipes/methods.ts";
import type { Beginning } from "../model/adapted.ts";
import { parseTargets } from "./make_method.ts";

/** A method's name, and those of its options that were chosen. */
export type MethodDraft = peft.MethodOptions;

/** A model as far as a method is chosen for it. */
export interface AdaptedModel {
  readonly base: Readonly<Record<string, Tensor>>;
  readonly model: Pick<models.PretrainedModel, "loraTargets">;
}

/** What an adapter decides of the method that begins from it. */
interface Decided {
  readonly method: peft.MethodDescription;
  /** None where the method is the adapter's own, which is made of its configuration. */
  readonly options?: MethodDraft;
}

/** What an adapter decides is not asked again. */
function fromAdapter({ name: wanted, ...asked }: MethodDraft, { name, options, trainable }: Beginning): Decided {
  const method = methodNamed(String(wanted ?? name));
  const refuse = (isDecided: (option: string) => boolean) => {
    const option = Object.keys(asked).find(isDecided);
    if (option === undefined) return;
    throw new RangeError(`\`method.${option}\` is the adapter's: leave it out with \`adapter\``);
  };
  if (method.name === name) {
    refuse(() => true);
    return { method };
  }
  if (!options || !method.beginsFrom?.includes(name)) {
    const what = options ? `of ${name}` : "with patterns of rank or alpha";
    throw new RangeError(
      `\`method.name\` ${method.name} cannot begin from an adapter ${what}: leave \`method.name\` out`,
    );
  }
  refuse((option) => option === "targets" || Object.hasOwn(options, option));
  const heads = Object.keys(trainable.heads).map((name) => name.replace(/\.(weight|bias)$/, ""));
  return {
    method,
    options: {
      ...options,
      targets: Object.keys(trainable.factors).join(","),
      heads: [...new Set(heads)].join(","),
    },
  };
}

/**
 * A method with all that decides it: options that were not chosen have their defaults.
 *
 * Throws a RangeError that names the option that is wrong, or nothing of the method, and the nearest name.
 */
export function completeMethod(draft: MethodDraft, { steps, loaded, beginning, weights }: {
  readonly steps: number;
  readonly loaded: AdaptedModel;
  readonly beginning?: Beginning;
  readonly weights?: "f16";
}): RunSpec["method"] {
  const decided = beginning && fromAdapter(draft, beginning);
  const method = decided?.method ?? methodNamed(String(draft.name ?? DEFAULT_METHOD));
  const { name, options: schema, trainsWeights } = method;
  if (weights === "f16" && trainsWeights) {
    throw new RangeError(
      `\`model.weights\` f16 is for weights that stay as they are, and ${name} trains them: \`model.weights\` f32`,
    );
  }
  const own = ownMethods().find(({ description }) => description === method);
  const origin = own && { module: own.module, source: own.source };
  // A method as its adapter describes it has no options here.
  if (decided && !decided.options) return { name, ...origin };
  const { name: _, targets: asked, ...given } = draft;
  const { targets: decidedTargets, heads, ...options } = decided?.options ?? {};
  const usual = schema.targets?.required ? loaded.model.loraTargets.join(",") : undefined;
  const targets = decidedTargets ?? asked ?? usual;
  if (targets !== undefined) peft.selectTargets(loaded.base, parseTargets(String(targets)));
  return {
    ...peft.completeOptions(method, { ...given, ...options }, { steps, weights }),
    ...targets !== undefined && { targets },
    ...heads !== undefined && { heads },
    ...origin,
    name,
  };
}
