/**
 * The shipped suite of texts: a seeded grammar that makes three tasks of the kinds of E2E, WebNLG and XSum, in their own
 * file formats, and two small models that were pre-trained on other texts of it.
 *
 * @module
 */
export { textFiles } from "./text_files.ts";
export {
  type SuiteLanguageModel,
  suiteLanguageModel,
  suiteLanguageModelFolder,
  TEXT_MODELS,
  type TextModelKind,
  writeSuiteLanguageModel,
} from "./text_models.ts";
export { type TextSizes, type TextSplit, textSuite } from "./text_suite.ts";
