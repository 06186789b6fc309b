import { type optim, type peft, type Tensor, tensor, train } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { readRecord, recordPath } from "../../../lib/experiment/records/mod.ts";
import { isFile } from "../../../lib/io/is_file.ts";
import { treeFlatten, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";
import { loadChecked, saveChecked } from "./checked_tensors.ts";

/** What a run leaves to those that start from it: the weights that its method wrote, and what was trained. */
function outcomeOf({ base, trainable }: peft.MethodState, method: peft.Method) {
  return { base: Object.fromEntries(method.writes(base).map((name) => [name, base[name]])), trainable };
}

/** Where the outcome of a run lies in a folder of records. */
function outcomePath(out: string, hash: string): string {
  return `${out}/trained/${hash}.safetensors`;
}

/** A state's outcome as copies on the host, which stay when the state moves on. */
export async function copyOutcome(state: peft.MethodState, method: peft.Method): Promise<Record<string, Tensor>> {
  const copies: Record<string, Tensor> = {};
  for (const [name, leaf] of namedLeaves(outcomeOf(state, method))) {
    copies[name] = tensor((await leaf.data()).slice(), { shape: leaf.shape });
  }
  return copies;
}

/** Writes an outcome beside the records. */
export async function saveOutcome(out: string, hash: string, outcome: Readonly<Record<string, Tensor>>): Promise<void> {
  await Deno.mkdir(`${out}/trained`, { recursive: true });
  await saveChecked(outcomePath(out, hash), outcome, { run: hash });
}

/** Reads the outcome that a run starts from. Throws an Error where it is missing or of another run. */
export async function loadOutcome(out: string, { task, run }: NonNullable<RunSpec["start"]>) {
  const path = outcomePath(out, run);
  const fail = (reason: string): never => {
    throw new Error(
      `cannot start from the ${task} run ${run}: ${reason}; remove ${out}/runs/${run}.arrow to repeat it`,
    );
  };
  if (!await isFile(path)) {
    const record = await readRecord(recordPath(out, run)).catch(() => undefined);
    if (record?.status === "failed") throw new train.TrainingFailed(`the ${task} run that it starts from failed`);
    fail(`there is no ${path}`);
  }
  const { tensors, metadata } = await loadChecked(path).catch((error) => fail(`${path} is damaged: ${error.message}`));
  if (metadata.run !== run) fail(`${path} is of run ${metadata.run}`);
  return tensors;
}

/**
 * A fresh state with what another run left in the place of what was drawn; heads for another number of classes stay as
 * they were drawn, and what the method counts begins anew.
 *
 * Throws an Error where the other run was of another method or model.
 */
export function startFrom(
  fresh: train.TrainState,
  outcome: Readonly<Record<string, Tensor>>,
  { method, optimizer }: { readonly method: peft.Method; readonly optimizer: optim.Optimizer },
): train.TrainState {
  if (method.hasHiddenChange) {
    throw new Error(
      `${method.name} cannot start from another run in this form, as part of what it changes is in neither the weights ` +
        "nor what it trains: where it has one that writes weights (in-place), use that",
    );
  }
  const own = outcomeOf(fresh, method);
  const leaves = namedLeaves(own).map(([name, drawn]) => {
    const found = outcome[name];
    if (!found) throw new Error(`cannot start from a run that has no ${name}: it was of another method or model`);
    return found.shape.join() === drawn.shape.join() && found.dtype === drawn.dtype ? found : drawn;
  });
  const { base, trainable } = treeUnflatten(treeFlatten(own).structure, leaves);
  return train.beginFrom({ ...fresh, base: { ...fresh.base, ...base } }, trainable, { method, optimizer });
}
