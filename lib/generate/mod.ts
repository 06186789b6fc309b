/**
 * Texts from models of language, a token at a time: greedy, drawn, or searched for with beams.
 *
 * @module
 */
export type { BeamSearchOptions } from "./beam_search.ts";
export { keepMinP, keepTopK, keepTopP } from "./filters.ts";
export { type Generated, GenerationFailed } from "./generated.ts";
export { type GeneratePromptsOptions, makeGenerator, type TokenGenerator } from "./generator.ts";
export type { GenerateOptions, LimitOptions, SamplingOptions } from "./options.ts";
export { forbidRepeats, forbidTokens, forceToken, penalizeRepetition } from "./processors.ts";
export type { GenerationInput } from "./prompts.ts";
export { streamText } from "./stream_text.ts";
export type { Written } from "./written.ts";
