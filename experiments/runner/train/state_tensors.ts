import type { peft, Tensor, train, Tree } from "../../../mod.ts";
import { treeFlatten, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";

/** What says which parts of a state are the run's own. */
type Writes = Pick<peft.Method, "writes">;

/** The parts of a state that belong to the run: of the base what the method writes alone. */
function ownParts<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  state: train.TrainState<Trainable, Aux, OptimizerState>,
  method: Writes,
) {
  const { base, trainable, aux, optimizer, step, key } = state;
  const written = Object.fromEntries(method.writes(base).map((name) => [name, base[name]]));
  return { base: written, trainable, aux, optimizer, step, key };
}

/** All that of a state is the run's own, by name. */
export function stateTensors(state: train.TrainState, method: Writes): Record<string, Tensor> {
  return Object.fromEntries(namedLeaves(ownParts(state, method)));
}

/** A state of such tensors in the form of a fresh one. Calls `fail` where one is missing, or of another shape or type. */
export function stateFrom<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree>(
  tensors: Readonly<Record<string, Tensor>>,
  fresh: train.TrainState<Trainable, Aux, OptimizerState>,
  { method, fail }: { readonly method: Writes; readonly fail: (reason: string) => never },
): train.TrainState<Trainable, Aux, OptimizerState> {
  const parts = ownParts(fresh, method);
  const found = namedLeaves(parts).map(([name, like]) => {
    const one = tensors[name] ?? fail(`it has no ${name}`);
    const fits = one.dtype === like.dtype && one.shape.join() === like.shape.join();
    return fits ? one : fail(`${name} is ${one}, not ${like}`);
  });
  const { base, ...own } = treeUnflatten(treeFlatten(parts).structure, found);
  return { base: { ...fresh.base, ...base }, ...own };
}
