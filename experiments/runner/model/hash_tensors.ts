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

/** Hex sha-256 of what a model brought from its files: of what was made afresh its seed tells. */
export async function hashModel(
  { base, report }: {
    readonly base: Readonly<Record<string, Tensor>>;
    readonly report: { readonly fresh: readonly string[] };
  },
): Promise<string> {
  const fresh = new Set(report.fresh);
  return await hashTensors(Object.fromEntries(Object.entries(base).filter(([name]) => !fresh.has(name))));
}
