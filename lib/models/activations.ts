import { gelu, relu, silu, tanh } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { keysOf } from "../text/keys_of.ts";

/**
 * An activation under the names that `hidden_act` of a `config.json` has for it: GELU by the error function (`gelu`,
 * `gelu_python`) or by tanh (`gelu_new`, `gelu_fast`, `gelu_pytorch_tanh`), ReLU, SiLU (`swish`, too) and tanh.
 */
export type ActivationName =
  | "gelu"
  | "gelu_python"
  | "gelu_new"
  | "gelu_fast"
  | "gelu_pytorch_tanh"
  | "relu"
  | "silu"
  | "swish"
  | "tanh";

const geluTanh = (x: Tensor): Tensor => gelu(x, { approximate: "tanh" });

/** Activations under the names that `hidden_act` has for them. */
export const ACTIVATIONS: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  gelu: (x) => gelu(x),
  gelu_python: (x) => gelu(x),
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
  silu,
  swish: silu,
  tanh,
};

/** Names of the activations that there are. */
export const ACTIVATION_NAMES: readonly ActivationName[] = keysOf(ACTIVATIONS);
