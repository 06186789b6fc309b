/**
 * Layers and losses as functions of tensors and their weights.
 *
 * @module
 */
export { attention, type AttentionOptions } from "./attention.ts";
export { dropout } from "./dropout.ts";
export { layerNorm } from "./layer_norm.ts";
export { linear, type Params, type ProjectedWeight, tensorOf, type Weight } from "./linear.ts";
export { rmsNorm } from "./rms_norm.ts";
export { rotate, type Rotation, rotationOf } from "./rotary.ts";
export { crossEntropy, type CrossEntropyOptions, type LossTerm, meanSquaredError } from "./losses.ts";
