import type { HostBatch } from "../data/batches.ts";
import type { Batch } from "../models/model.ts";
import { tensor } from "../tensor/create.ts";

/** Plain arrays as the tensors that a model takes; they stay on the host until a step needs them. */
export function toBatch({ inputIds, attentionMask, tokenTypeIds, labels, weights, shape }: HostBatch): Required<Batch> {
  return {
    inputIds: tensor(inputIds, { shape }),
    attentionMask: tensor(attentionMask, { shape }),
    tokenTypeIds: tensor(tokenTypeIds, { shape }),
    labels: tensor(labels),
    weights: tensor(weights),
  };
}
