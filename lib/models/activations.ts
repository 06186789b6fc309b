import { gelu, relu, silu, tanh } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";

const geluTanh = (x: Tensor): Tensor => gelu(x, { approximate: "tanh" });

/** Activations under the names that `hidden_act` has for them. */
export const ACTIVATIONS = {
  gelu: (x: Tensor): Tensor => gelu(x),
  gelu_python: (x: Tensor): Tensor => gelu(x),
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
  silu,
  swish: silu,
  tanh,
} as const;

/** Name of an activation in `config.json`. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** Names of the activations that there are. */
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as ActivationName[];
