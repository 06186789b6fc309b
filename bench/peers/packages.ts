/** Packages of the peers; `deno.lock` beside this file has their hashes, and all that they need. */
export const PEER_PACKAGES = {
  jax: "npm:@jax-js/jax@0.1.25",
  onnxruntime: "npm:onnxruntime-node@1.30.0",
  tfjs: "npm:@tensorflow/tfjs@4.22.0",
  tfjsWebgpu: "npm:@tensorflow/tfjs-backend-webgpu@4.22.0",
} as const;

export type * as Jax from "npm:@jax-js/jax@0.1.25";
export type * as Onnx from "npm:onnxruntime-node@1.30.0";
export type * as Tf from "npm:@tensorflow/tfjs@4.22.0";
