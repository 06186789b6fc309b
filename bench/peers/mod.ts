import type { Device } from "../../lib/device/mod.ts";
import { findAdapter, nameOf } from "../../lib/device/adapter.ts";
import { jaxPeer } from "./jax.ts";
import { offerAdapter } from "./navigator_gpu.ts";
import { onnxPeer } from "./onnxruntime.ts";
import type { Peer, StartPeers } from "../cases/peer.ts";
import { PEER_PACKAGES } from "./packages.ts";
import { tfjsPeer } from "./tfjs.ts";

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

/** `npm:@scope/name@1.2.3` in words: `@scope/name 1.2.3`. */
const nameAndVersion = (specifier: string) => specifier.replace(/^npm:(.+)@/, "$1 ");

/** Starts every peer that can start here, on the adapter of a device; `leftOut` says which cannot, and why. */
export const startPeers: StartPeers = async (device, options) => {
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
  return { peers, leftOut, versions: Object.values(PEER_PACKAGES).map(nameAndVersion) };
};
