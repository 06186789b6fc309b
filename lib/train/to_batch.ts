import type { HostBatch } from "../data/batches.ts";
import type { Batch } from "../models/model.ts";
import { tensor } from "../tensor/create.ts";

/**
 * A batch of plain arrays as the tensors that a model takes, i32 but for scores and weights, which are f32. They stay
 * on the host until a step needs them.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const examples = [{ ids: [2, 7, 3], typeIds: [0, 0, 0], label: 1 }];
 * const [batch] = dd.data.batches({ examples, kind: "classes", length: 4, padId: 0 }, { batchSize: 1 });
 * const { inputIds, labels } = dd.train.toBatch(batch);
 * console.log(inputIds.dtype, inputIds.shape, labels.shape); // i32 [1, 4] [1]
 * ```
 */
export function toBatch({ inputIds, attentionMask, tokenTypeIds, labels, weights, shape }: HostBatch): Required<Batch> {
  return {
    inputIds: tensor(inputIds, { shape }),
    attentionMask: tensor(attentionMask, { shape }),
    tokenTypeIds: tensor(tokenTypeIds, { shape }),
    labels: tensor(labels),
    weights: tensor(weights),
  };
}
