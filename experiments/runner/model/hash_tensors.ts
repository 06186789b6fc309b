import type { Tensor } from "../../../mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";

/** Hex sha-256 of tensors on the host by name, in their order, and of a text beside them. */
export async function hashTensors(tensors: Readonly<Record<string, Tensor>>, beside = ""): Promise<string> {
  const parts = [beside];
  for (const [name, tensor] of Object.entries(tensors)) {
    const { buffer, byteOffset, byteLength } = await tensor.data();
    const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
    parts.push(`${name} ${tensor} ${await sha256(bytes)}`);
  }
  return await sha256(parts.join("\n"));
}
