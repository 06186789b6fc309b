/**
 * Models of Hugging Face's hub: their files, from the cache that Python's libraries share.
 *
 * @module
 */
export { loadPretrained, type LoadPretrainedOptions, type PretrainedFiles, readTokenizer } from "./load_pretrained.ts";
export { modelFolder } from "./model_folder.ts";
export { type DownloadProgress, type HubOptions, type HubSettings, hubSettings } from "./settings.ts";
