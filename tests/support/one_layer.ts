import { linear, type LossTerm, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { Numbers } from "./numbers.ts";

/** Path of the one layer. */
export const QUERY = "attention.query";

/** Inputs and what should come of them. */
export interface Points {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** One layer of 8 inputs and 6 outputs, and 5 points to fit: the least that a method can adapt. */
export function oneLayer(): { base: Record<string, Tensor>; points: Points } {
  const numbers = new Numbers(12);
  return {
    base: { [`${QUERY}.weight`]: numbers.tensor([6, 8]), [`${QUERY}.bias`]: numbers.tensor([6]) },
    points: { x: numbers.tensor([5, 8]), y: numbers.tensor([5, 6]) },
  };
}

/** What the layer makes of inputs. */
export function applyLayer(params: Params, x: Tensor): Tensor {
  return linear(x, params[`${QUERY}.weight`], params[`${QUERY}.bias`] as Tensor);
}

/** The mean squared error of the layer. */
export function layerLoss(params: Params, { x, y }: Points): LossTerm {
  return meanSquaredError(applyLayer(params, x), y);
}
