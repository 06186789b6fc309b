/** What lies side by side in a buffer begins at multiples of so many bytes: what every device allows as an offset. */
export const ALIGNMENT = 256;

/** So many bytes, and those up to where the next piece of a buffer may begin. */
export function alignedBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
