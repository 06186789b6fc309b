import type { DType, Tensor } from "../../lib/tensor/mod.ts";
import type { Draft } from "./draft.ts";
import type { PlainArg, ProgramNode } from "./program.ts";

/** Draws a call of an operation; `undefined` where nothing fits. */
export type Drawing = (draft: Draft) => Omit<ProgramNode, "op"> | undefined;

/** A call with arguments. */
export const call = (...args: readonly PlainArg[]) => ({ args });

/** Whether a tensor has so many axes at least. */
export const rankOf = (least: number) => ({ rank }: Tensor) => rank >= least;

/** A matrix of a shape: one that is there, or a new leaf. */
export function matrixOf(draft: Draft, rows: number, columns: number, dtypes: readonly DType[] = ["f32"]): string {
  return draft.value(
    { dtypes, where: ({ shape }) => shape.length === 2 && shape[0] === rows && shape[1] === columns },
    () => [
      rows,
      columns,
    ],
  );
}

/** A key of random numbers. */
export function keyOf(draft: Draft): string {
  const element = () => draft.numbers.below(2 ** 32);
  return draft.pick({ dtypes: ["u32"], where: ({ shape }) => shape.length === 1 && shape[0] === 2 }) ??
    draft.leaf("u32", [2], { element });
}

/** Ids below a limit, as i32. */
export function idsOf(draft: Draft, shape: readonly number[], limit: number): string {
  return draft.leaf("i32", shape, { element: () => draft.numbers.below(Math.max(limit, 1)) });
}
