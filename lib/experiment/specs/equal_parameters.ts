/** A method's rank for a number of trained parameters. */
export interface EqualRank {
  /** The method's name. */
  readonly method: string;
  /** The rank that comes closest to the budget. */
  readonly rank: number;
  /** Trained parameters at this rank. */
  readonly parameters: number;
  /** By what share of the budget `parameters` lie above it: −0.1 for a tenth too few. */
  readonly deviation: number;
}

/** Options of {@linkcode equalParameters}. */
export interface EqualParametersOptions {
  /** The highest rank to look at; 1,024 by default. */
  readonly maxRank?: number;
}

/**
 * The rank of each method whose count of trained parameters comes closest to a budget; of two that are as close, the
 * lower. `counts` says for each method how many parameters a rank trains, and must not fall with the rank.
 *
 * Throws a RangeError where the budget is not positive, a count is no number of parameters, or it falls.
 *
 * @example
 * ```ts
 * import { equalParameters } from "@delta-dawn/delta-lora/experiment";
 *
 * // Two targets of 64 × 64 in each of 2 layers: rank 8 of LoRA trains as much as rank 4 on four targets.
 * const ranks = equalParameters(4096, { lora: (rank) => 4 * rank * 128, "all linear": (rank) => 8 * rank * 128 });
 * console.log(ranks.map(({ method, rank }) => [method, rank])); // [["lora", 8], ["all linear", 4]]
 * ```
 */
export function equalParameters(
  budget: number,
  counts: Readonly<Record<string, (rank: number) => number>>,
  { maxRank = 1024 }: EqualParametersOptions = {},
): EqualRank[] {
  if (!(budget > 0)) throw new RangeError(`Cannot spend a budget that is not positive: ${budget} parameters`);
  return Object.entries(counts).map(([method, countOf]) => {
    let best: EqualRank | undefined;
    let before = 0;
    for (let rank = 1; rank <= maxRank; rank++) {
      const parameters = countOf(rank);
      if (!Number.isSafeInteger(parameters) || parameters < before) {
        throw new RangeError(
          `Cannot fit the rank of ${method} as parameters must be whole and not fall with the rank: ` +
            `${before} at ${rank - 1}, ${parameters} at ${rank}`,
        );
      }
      before = parameters;
      const deviation = (parameters - budget) / budget;
      if (best === undefined || Math.abs(deviation) < Math.abs(best.deviation)) {
        best = { method, rank, parameters, deviation };
      }
      if (parameters >= budget) break;
    }
    return best!;
  });
}
