import { ones, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A parameter's name and shape, such as `["classifier.weight", [2, 768]]`. */
export type ParameterShape = readonly [name: string, shape: Shape];

/** A linear layer with its bias. */
export function denseShapes(name: string, output: number, input: number): ParameterShape[] {
  return [[`${name}.weight`, [output, input]], [`${name}.bias`, [output]]];
}

/** A table of embeddings, one in each row. */
export function tableShapes(name: string, rows: number, size: number): ParameterShape[] {
  return [[name, [rows, size]]];
}

/** A layer norm. */
export function normShapes(name: string, size: number): ParameterShape[] {
  return [[`${name}.weight`, [size]], [`${name}.bias`, [size]]];
}

/** Options of {@linkcode freshParameters}. */
export interface FreshOptions {
  /** Standard deviation of weights. */
  readonly std: number;
  /** Makes these alone, each the same as if all were made. */
  readonly only?: (name: string) => boolean;
}

/** Fresh parameters: normal weights by their places in the list, zero biases, layer norms at one. */
export function freshParameters(
  shapes: readonly ParameterShape[],
  key: Key,
  { std, only = () => true }: FreshOptions,
): Record<string, Tensor> {
  const make = ([name, shape]: ParameterShape, place: number): Tensor => {
    if (name.endsWith("bias")) return zeros(shape);
    if (shape.length === 1) return ones(shape);
    return random.normal(random.foldIn(key, place), shape, { std });
  };
  return Object.fromEntries(
    shapes.flatMap((parameter, place) => only(parameter[0]) ? [[parameter[0], make(parameter, place)]] : []),
  );
}
