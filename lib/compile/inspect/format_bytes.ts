import { mebibytes } from "../../text/mebibytes.ts";

/** Bytes in the unit that fits. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 20) return mebibytes(bytes, 2);
  return bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${bytes} B`;
}
