import type { Key } from "../ops/random.ts";
import * as random from "../ops/random_mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encode, encoderKeys, type EncoderParts, encoderShapes } from "./encoder.ts";
import type { Head } from "./heads.ts";
import { layersOf } from "./layers.ts";
import type { MaskedBatch, Model } from "./model.ts";
import { freshParameters, type ParameterShape } from "./parameter_shapes.ts";

/** A model whose parameters are known by name and shape. */
export interface ShapedModel<Config> extends Model<Config, MaskedBatch> {
  /** Names and shapes of the parameters; a fresh one is drawn by its place in this list. */
  readonly shapes: readonly ParameterShape[];
  /**
   * Fresh parameters in f32, or those alone that `only` asks for, which are the same as if all were made: weights are
   * normal, biases zero, weights of layer norms one.
   */
  init(key: Key, only?: (name: string) => boolean): Record<string, Tensor>;
}

/** Hands out a key for each place that drops out, or none. */
export function keyring(key: Key | undefined, places: number): () => Key | undefined {
  const keys = key ? random.foldInEach(key, places) : [];
  let used = 0;
  return () => keys[used++];
}

/** An encoder and a head as one model. */
export function assemble<Config>(config: Config, parts: EncoderParts, head: Head): ShapedModel<Config> {
  const { layerNormEpsilon: epsilon, initializerRange: std } = parts.sizes;
  const shapes = [...encoderShapes(parts), ...head.shapes];
  return {
    config,
    shapes,
    init: (key, only) => freshParameters(shapes, key, { std, only }),
    apply(params, batch, key) {
      const nextKey = keyring(key, encoderKeys(parts) + head.keys);
      const hidden = encode(parts, params, batch, { nextKey, tokens: head.tokens });
      return head.apply(hidden, { ...layersOf(params, { epsilon }), batch, nextKey });
    },
  };
}
