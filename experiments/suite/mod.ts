/**
 * The shipped suite: a seeded grammar that speaks a plain language for pre-training, and five of GLUE's task types in
 * another register of it, in GLUE's own file format.
 *
 * @module
 */
export { CONNECTIVES, type Passage, suiteLanguage } from "./language.ts";
export { generateSuite, type SuiteSizes } from "./tasks.ts";
export { suiteVocabulary } from "./vocabulary.ts";

/** Seed of the suite that the experiments use. */
export const SUITE_SEED = 2309;
