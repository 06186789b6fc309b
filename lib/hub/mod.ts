/**
 * Models of Hugging Face's hub, or of a folder: their files, by way of the cache that Python's libraries share.
 *
 * @module
 */
export { loadPretrained, type LoadPretrainedOptions, type PretrainedFiles, readTokenizer } from "./load_pretrained.ts";
export { modelFolder } from "./model_folder.ts";
export { type DownloadProgress, type HubOptions, type HubSettings, hubSettings } from "./settings.ts";
