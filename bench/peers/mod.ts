import type { Device } from "../../lib/device/mod.ts";
import { findAdapter, nameOf } from "../../lib/device/adapter.ts";
import { jaxPeer } from "./jax.ts";
import { offerAdapter } from "./navigator_gpu.ts";
import { onnxPeer } from "./onnxruntime.ts";
import type { Peer } from "./peer.ts";
import { tfjsPeer } from "./tfjs.ts";

/** Packages of the peers, as deno.json names them. */
export const PEER_PACKAGES = [
  "@jax-js/jax",
  "@tensorflow/tfjs",
  "@tensorflow/tfjs-backend-webgpu",
  "onnxruntime-node",
] as const;

/** onnxruntime takes the adapter that is found first: it can take part where that is the one of the benchmark. */
async function onnxOnSameAdapter(device: Device): Promise<Peer> {
  if (device.report.source === "swiftshader") {
    throw new Error("onnxruntime webgpu: finds installed drivers only, and SwiftShader was unpacked for this process");
  }
  const first = nameOf((await findAdapter({})).adapter.info);
  if (first !== device.report.name) {
    throw new Error(`onnxruntime webgpu: takes the first adapter, ${first}, and not ${device.report.name}`);
  }
  return await onnxPeer("webgpu");
}

/** Starts every peer that can start here, on the adapter of a device; `leftOut` says which cannot, and why. */
export async function startPeers(
  device: Device,
  options: { readonly device?: string },
): Promise<{ peers: readonly Peer[]; leftOut: readonly string[] }> {
  offerAdapter(device, options.device);
  const starts: readonly (() => Promise<Peer>)[] = [
    () => jaxPeer("webgpu"),
    () => jaxPeer("wasm"),
    tfjsPeer,
    () => onnxOnSameAdapter(device),
    () => onnxPeer("cpu"),
  ];
  const peers: Peer[] = [];
  const leftOut: string[] = [];
  for (const start of starts) {
    try {
      peers.push(await start());
    } catch (error) {
      leftOut.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { peers, leftOut };
}
