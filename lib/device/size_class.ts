/** Buffers are multiples of this, so that vec4 kernels may touch the last ones' padding. */
const GRAIN = 256;

/** Size class: multiples of 256 bytes, then quarters of powers of two, so that few sizes serve all and little is lost. */
export function sizeClass(bytes: number): number {
  const rounded = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
  const quarter = 2 ** Math.max(0, Math.floor(Math.log2(rounded)) - 2);
  return quarter <= GRAIN ? rounded : Math.ceil(rounded / quarter) * quarter;
}
