import type { KernelResult, Measured } from "../report/document.ts";
import { amountOf, inputsOf, type KernelCase, type KernelContender, nameOf } from "../cases/kernel_case.ts";
import { worstDifference } from "../measure/difference.ts";
import type { Peer } from "../cases/peer.ts";
import { takeTurns } from "../measure/turns.ts";

/** Results further apart than this are not of the same function: f32 sums of a thousand terms differ by far less. */
const TOLERANCE = 1e-4;

/** What {@linkcode measureKernels} needs. */
export interface KernelOptions {
  readonly cases: readonly KernelCase[];
  /** Ours first; the others are held against it. */
  readonly contenders: readonly Peer[];
  readonly rounds: number;
  /** Least milliseconds of a turn. */
  readonly turnMilliseconds: number;
  readonly onCase: (name: string, index: number) => void;
  /** Hears of who cannot run a case, or computes something else, in words. */
  readonly onTrouble: (kind: "left out" | "disagrees", message: string) => void;
}

/** Contenders that compute what ours computes, with their differences. */
async function agreeing(
  work: KernelCase,
  { contenders, onTrouble }: KernelOptions,
): Promise<{ contender: KernelContender; difference?: number }[]> {
  const inputs = inputsOf(work);
  const found: { contender: KernelContender; difference?: number }[] = [];
  let wanted: ArrayLike<number> | undefined;
  for (const peer of contenders) {
    try {
      const contender = await peer.kernel(work, inputs);
      const result = await contender.result();
      const difference = wanted && worstDifference(result, wanted);
      wanted ??= result;
      if (difference === undefined || difference <= TOLERANCE) found.push({ contender, difference });
      else {
        await contender.close();
        onTrouble("disagrees", `${peer.name} differs from ours by ${difference} in ${nameOf(work)}`);
      }
    } catch (error) {
      if (peer === contenders[0]) throw error;
      onTrouble("left out", `${peer.name}: ${nameOf(work)}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return found;
}

/** Measures every case for everybody, in turns. */
export async function measureKernels(options: KernelOptions): Promise<KernelResult[]> {
  const results: KernelResult[] = [];
  for (const [index, work] of options.cases.entries()) {
    options.onCase(nameOf(work), index);
    const found = await agreeing(work, options);
    const timings = await takeTurns(found.map(({ contender }) => contender), options);
    const measured = found.map(({ contender: { name }, difference }, i): Measured => (
      { name, timing: timings[i], difference }
    ));
    for (const { contender } of found) await contender.close();
    const unit = work.kind === "product" ? "GFLOP/s" : "GB/s";
    results.push({ name: nameOf(work), unit, amount: amountOf(work), contenders: measured });
  }
  return results;
}
