import type { DispatchTime } from "../../lib/compile/inspect_mod.ts";
import { ratioOf, timingOf } from "../measure/turns.ts";
import type { ProductsResult } from "../report/document.ts";

/** Dispatches of a step as they run in it, and each repeated alone. */
export interface ProfiledStep {
  readonly inStep: readonly DispatchTime[];
  readonly apart: readonly DispatchTime[];
}

/** Milliseconds of those dispatches that are asked for. */
export function millisecondsOf(all: readonly DispatchTime[], isAskedFor: (one: DispatchTime) => boolean): number {
  return 1000 * all.filter(isAskedFor).reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Milliseconds of the products of a step in it and apart, in turns; `isProduct` tells them from the rest. */
export async function productsOf(
  profile: () => Promise<ProfiledStep>,
  { rounds, isProduct }: { readonly rounds: number; readonly isProduct: (one: DispatchTime) => boolean },
): Promise<ProductsResult> {
  const times = { inStep: new Array<number>(), apart: new Array<number>() };
  let products: readonly DispatchTime[] = [];
  for (let round = 0; round < rounds; round++) {
    const { inStep, apart } = await profile();
    products = inStep.filter(isProduct);
    times.inStep.push(millisecondsOf(inStep, isProduct));
    times.apart.push(millisecondsOf(apart, isProduct));
  }
  const [inStep, apart] = [timingOf(times.inStep), timingOf(times.apart)];
  return {
    dispatches: products.length,
    operations: products.reduce((sum, { operations }) => sum + operations, 0),
    inStep,
    apart,
    ratio: ratioOf(inStep, apart),
  };
}
