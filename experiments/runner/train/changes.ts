import type { peft, Tensor } from "../../../mod.ts";
import type { LayerChange } from "../../../lib/experiment/records/mod.ts";
import type { HostMatrix } from "../../../lib/experiment/instruments/mod.ts";
import { selectTargets } from "../../../lib/peft/targets.ts";
import type { Cell } from "./cell.ts";
import { parseTargets } from "./make_method.ts";

async function toHost(tensor: Tensor): Promise<HostMatrix> {
  const [rows, columns] = tensor.shape;
  return { data: await tensor.data(), shape: [rows, columns] };
}

/**
 * What training did to layers, by path: singular values of the change of their weights, and how far these turned.
 *
 * Throws a RangeError where a pattern matches no layer, and an Error where the method has no dense weights.
 */
export async function changesOf(
  layers: string,
  { spec, method, functions }: Pick<Cell, "spec" | "method" | "functions">,
  state: peft.MethodState,
): Promise<Record<string, LayerChange>> {
  // Loads the library of decompositions, which runs that measure no change do without.
  const { change, cosinesByLayer, normsByLayer, singularValues } = await import(
    "../../../lib/experiment/instruments/mod.ts"
  );
  const [first, last] = [functions.params(spec.seed), method.merge(state)];
  const found: Record<string, LayerChange> = {};
  for (const path of selectTargets(last, parseTargets(layers))) {
    const name = `${path}.weight`;
    const [before, after] = [await toHost(first[name]), await toHost(last[name])];
    found[path] = {
      shape: before.shape,
      values: [...singularValues(change(after, before))],
      cosine: cosinesByLayer({ W: before.data }, { W: after.data }).W,
      norm: normsByLayer({ W: before.data }).W,
      size: singularValues(before)[0],
    };
  }
  return found;
}
