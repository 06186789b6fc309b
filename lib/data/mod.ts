/**
 * GLUE's tasks and files, tasks of one's own, tokenizers, and batches of plain arrays.
 *
 * @module
 */
export * from "./batches.ts";
export { bucketLengths } from "./buckets.ts";
export {
  defineTask,
  type MetricFunction,
  type TaskDefinition,
  type TaskDescription,
  type TaskExample,
  type TaskFields,
  type TaskSplits,
} from "./define_task.ts";
export {
  encode,
  type EncodedExample,
  type EncodedExamples,
  type EncodeExamplesOptions,
  encodeSplits,
} from "./encode.ts";
export {
  type Example,
  type GlueData,
  parseGlue,
  type ParseGlueOptions,
  readGlueFiles,
  readGlueTask,
  type Split,
} from "./glue.ts";
export { seededPermutation } from "./shuffle.ts";
export { GLUE_TASKS, type GlueTask, glueTask, type GlueTaskName, type MetricName } from "./tasks.ts";
export {
  type EncodeOptions,
  type TokenIds,
  type Tokenizer,
  type TokenizerConfig,
  tokenizerFromJson,
  type TokenizerJson,
} from "./tokenizer/tokenizer.ts";
export { TOKENIZER_FILES, type TokenizerFiles, tokenizerFromFiles } from "./tokenizer/tokenizer_files.ts";
export { wordPiece, wordPieceJson, type WordPieceOptions, type WordPieceTokenizer } from "./tokenizer/word_piece.ts";
