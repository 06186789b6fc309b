/** Bytes in MiB: `1.5 MiB`. */
export function mebibytes(bytes: number, digits = 1): string {
  return `${(bytes / 2 ** 20).toFixed(digits)} MiB`;
}
