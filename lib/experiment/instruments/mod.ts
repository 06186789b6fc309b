/**
 * Instruments that say what training did to weights: singular values, ranks, overlaps of subspaces, angles and norms.
 * Pure functions of arrays on the host, in float64.
 *
 * @module
 */
export { type ByLayer, cosinesByLayer, normsByLayer } from "./by_layer.ts";
export { effectiveRank, energyWithin } from "./effective_rank.ts";
export { change, type HostMatrix } from "./host_matrix.ts";
export {
  lowRankSpectrum,
  type LowRankTerm,
  numericRank,
  type NumericRankOptions,
  singularValues,
  type Spectrum,
  spectrum,
} from "./spectrum.ts";
export { type OverlapOptions, subspaceOverlap } from "./subspace_overlap.ts";
