/**
 * Instruments that say what training did to weights: singular values, ranks, overlaps of subspaces, angles and norms.
 * Pure functions of arrays on the host, in float64.
 *
 * @module
 */
export { type ByLayer, cosinesByLayer, normsByLayer } from "./by_layer.ts";
export { change, type HostMatrix } from "./host_matrix.ts";
export {
  lowRankSpectrum,
  type LowRankTerm,
  numericRank,
  type NumericRankOptions,
  type Spectrum,
  spectrum,
} from "./spectrum.ts";
export { type OverlapOptions, subspaceOverlap } from "./subspace_overlap.ts";
