/**
 * GLUE's and generation's tasks and files, tasks of one's own, tokenizers, and batches of plain arrays.
 *
 * @module
 */
export type { BatchSequence } from "./batch_sequence.ts";
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
export {
  type ChatMessage,
  type ChatTemplate,
  chatTemplate,
  type ChatTemplateOptions,
} from "./generation/chat_template.ts";
export {
  encodeCompletions,
  type EncodeCompletionsOptions,
  type EncodedText,
  type EncodedTexts,
  encodePrompts,
  type EncodePromptsOptions,
  type EncodeTextsOptions,
  type Truncation,
} from "./generation/encoded_texts.ts";
export {
  GENERATION_TASKS,
  type GenerationData,
  type GenerationTaskName,
  readGenerationTask,
} from "./generation/generation_tasks.ts";
export {
  chatMessages,
  encodeInstructions,
  type EncodeInstructionsOptions,
  type Instruction,
  readInstructions,
} from "./generation/instructions.ts";
export { linearizeMeaning, linearizeTriples, type Triple } from "./generation/linearize.ts";
export { packTexts, type PackTextsOptions } from "./generation/pack_texts.ts";
export {
  type EncodedPair,
  type EncodedPairs,
  encodeSourceTarget,
  type EncodeSourceTargetOptions,
  type HostPairBatch,
  pairBatches,
  type PairBatchesOptions,
  type TrainPairBatches,
  trainPairBatches,
  type TrainPairBatchesOptions,
} from "./generation/source_target.ts";
export type { SplitName } from "./generation/split_files.ts";
export {
  type HostTextBatch,
  textBatches,
  type TextBatchesOptions,
  type TrainTextBatches,
  trainTextBatches,
  type TrainTextBatchesOptions,
} from "./generation/text_batches.ts";
export { type GenerationSplit, groupReferences, type ReferenceGroup, type TextPair } from "./generation/text_pairs.ts";
export { seededPermutation } from "./shuffle.ts";
export { GLUE_TASKS, type GlueTask, glueTask, type GlueTaskName, type MetricName } from "./tasks.ts";
export type { DecodeOptions } from "./tokenizer/decode_ids.ts";
export {
  type EncodeOptions,
  type TokenIds,
  type Tokenizer,
  type TokenizerConfig,
  tokenizerFromJson,
  type TokenizerJson,
} from "./tokenizer/tokenizer.ts";
export { TOKENIZER_FILES, type TokenizerFiles, tokenizerFromFiles } from "./tokenizer/tokenizer_files.ts";
export { trainByteLevel, type TrainByteLevelOptions } from "./tokenizer/train_byte_level.ts";
export { wordPiece, wordPieceJson, type WordPieceOptions, type WordPieceTokenizer } from "./tokenizer/word_piece.ts";
