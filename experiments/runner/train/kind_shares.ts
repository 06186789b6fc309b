import type { train } from "../../../mod.ts";

/** What share of a run's steps each kind has, in the order in which they first come. */
export function kindShares(
  kindAt: (step: number) => train.StepKind | undefined,
  steps: number,
): ReadonlyMap<train.StepKind | undefined, number> {
  const kinds = Map.groupBy(Array.from({ length: steps }, (_, step) => step), kindAt);
  return new Map(kinds.entries().map(([kind, own]) => [kind, own.length / steps]));
}
