/** A score or its deviation in per cent, as tables print it; what rounds to 0 has no minus. */
export function percent(share: number): string {
  return (100 * share).toFixed(1).replace("-0.0", "0.0");
}
