/**
 * The SHA-256 of a text in UTF-8, or of bytes, as 64 hex digits.
 *
 * @example
 * ```ts
 * import { sha256 } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log((await sha256("delta")).length); // 64
 * ```
 */
export async function sha256(contents: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
