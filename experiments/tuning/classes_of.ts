import { models, type peft } from "../../mod.ts";
import { readConfig } from "./load_model.ts";

/**
 * How many outputs the head in an adapter has for a model; `undefined` where the adapter has no head, and the model's own
 * stays.
 */
export async function classesOf(model: string, { tensors }: peft.Adapter): Promise<number | undefined> {
  const { headNames } = models.fromConfig(await readConfig(model), { head: "classification", labels: 1 });
  const last = tensors[`base_model.model.${headNames.at(-1)}`];
  return last?.shape[0];
}
