/**
 * Files of weights and adapters.
 *
 * @module
 */
export { type AdapterFiles, loadAdapter, saveAdapter } from "./adapter.ts";
export {
  formatSafetensors,
  loadSafetensors,
  parseSafetensors,
  type SafetensorsFile,
  saveSafetensors,
} from "./safetensors.ts";
export { writeAtomically } from "./write_atomically.ts";
