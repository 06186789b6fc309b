/**
 * Files of weights and adapters: safetensors, PEFT's folders, and files that are written whole or not at all.
 *
 * @module
 */
export { type AdapterFiles, loadAdapter, saveAdapter } from "./adapter.ts";
export {
  formatSafetensors,
  type FormatSafetensorsOptions,
  loadSafetensors,
  parseSafetensors,
  type ReadSafetensorsOptions,
  type SafetensorsFile,
  saveSafetensors,
} from "./safetensors.ts";
export type { FloatFormat } from "./safetensors_elements.ts";
export type { FileDType } from "./safetensors_header.ts";
export { openSafetensors, type TensorReader } from "./safetensors_reader.ts";
export {
  loadWeights,
  type LoadWeightsOptions,
  openWeights,
  parseWeightsIndex,
  WEIGHTS_FILE,
  WEIGHTS_INDEX_FILE,
} from "./weights.ts";
export { type Contents, isUnfinished, removeUnfinished, writeAtomically } from "./write_atomically.ts";
