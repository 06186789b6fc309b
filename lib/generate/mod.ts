/**
 * Texts from models of language: what logits are changed to before a token is chosen, and texts as they come.
 *
 * @module
 */
export { keepMinP, keepTopK, keepTopP } from "./filters.ts";
export { forbidRepeats, forbidTokens, forceToken, penalizeRepetition } from "./processors.ts";
export { streamText } from "./stream_text.ts";
export type { Written } from "./written.ts";
