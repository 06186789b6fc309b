import type { Factors, LowRankPatterns, LowRankTrainable } from "./factors.ts";
import type { AdapterFile, AdapterReading } from "./files/adapter_file.ts";
import { changeBase } from "./files/base_changes.ts";
import { type LowRankOptions, settingOf, takeHeads } from "./low_rank.ts";
import { LOW_RANK } from "./low_rank_options.ts";
import type { Method } from "./method.ts";
import type { Tree } from "../tensor/tree.ts";

/** What PEFT's LoRA and its kin have in their files: ranks and scales, by target perhaps, and factors. */
export function readLora(
  file: AdapterFile,
  make: (options: LowRankOptions & LowRankPatterns) => Method<LowRankTrainable<Tree>>,
): AdapterReading<Factors> {
  const { fields, tensors, base, places } = file;
  const { linear, heads } = places;
  const patterns: LowRankPatterns = {
    rankPattern: fields.pattern("rank_pattern"),
    alphaPattern: fields.pattern("alpha_pattern"),
    scaling: fields.flag("use_rslora") ? "rank-stabilized" : "standard",
  };
  const { rank, alpha, dropout } = file.options(LOW_RANK);
  const options = { rank, alpha, dropout, targets: linear, heads, ...patterns };
  const isPatterned = [patterns.rankPattern, patterns.alphaPattern].some((pattern) => Object.keys(pattern!).length > 0);
  // Embeddings alone are adapted by changing the base.
  const made = make(options);
  const init: typeof made["init"] = (_, base) => ({
    trainable: { factors: {}, heads: takeHeads(base, heads) },
    aux: {},
  });
  return {
    method: linear.length > 0 ? made : { ...made, init },
    options: isPatterned ? undefined : { rank, alpha },
    part: (path) => ({
      A: tensors.take(`${path}.lora_A.weight`),
      B: tensors.take(`${path}.lora_B.weight`),
    }),
    changeBase: () => changeBase(base, { ...places, fields, tensors, settingOf: (path) => settingOf(path, options) }),
  };
}
