/**
 * The shipped suite of texts: a seeded grammar that makes three tasks of the kinds of E2E, WebNLG and XSum, in their own
 * file formats.
 *
 * @module
 */
export { textFiles } from "./text_files.ts";
export { type TextSizes, type TextSplit, textSuite } from "./text_suite.ts";
