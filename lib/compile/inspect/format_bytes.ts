/** Bytes in MiB. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}

/** Bytes in the unit that fits. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 20) return mebibytes(bytes);
  return bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${bytes} B`;
}
