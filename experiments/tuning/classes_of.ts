import { hub, models, peft } from "../../mod.ts";

/**
 * How many outputs the head in an adapter has for the model of a folder; `undefined` where the adapter has no head, and the
 * model's own stays.
 */
export async function classesOf(folder: string, { tensors }: peft.Adapter): Promise<number | undefined> {
  const { config } = await hub.loadPretrained(folder, { select: () => false });
  const { headNames } = models.fromConfig(config, { head: "classification", labels: 1 });
  return tensors[`${peft.PEFT_PREFIX}${headNames.at(-1)}`]?.shape[0];
}
