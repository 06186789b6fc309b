import { type AccessMode, operandWords } from "../../../kernels/fused_source.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { collapseView, type View } from "../../tensor/view.ts";

/** How a fused kernel reads an operand, and the numbers it needs for that. */
export interface OperandAccess {
  readonly mode: AccessMode;
  readonly rank: number;
  readonly exact: boolean;
  /** Words for the uniforms: offset, then size, stride and inverse size of each axis, innermost first. */
  readonly words: Uint32Array;
}

/** Quotients up to here are found by a multiplication in f32 and one correction. */
const QUICK_QUOTIENT = 2 ** 22;

function modeOf(view: View, width: 1 | 4): AccessMode {
  if (view.shape.length === 0 || view.strides.every((stride) => stride === 0)) return "scalar";
  const last = view.shape.length - 1;
  const aligned = width === 1 || view.offset % 4 === 0;
  if (last === 0 && view.strides[0] === 1 && aligned) return "linear";
  if (width === 4 && view.shape[last] % 4 === 0) {
    if (view.strides[last] === 0) return "splat";
    const rowsAligned = view.strides.every((stride, axis) => axis === last || stride % 4 === 0);
    if (view.strides[last] === 1 && aligned && rowsAligned) return "vector";
  }
  return "gather";
}

/** The access of an operand in a kernel that works on so many elements at once; `base` is added to its offset. */
export function accessOf(operand: View, width: 1 | 4, base = 0): OperandAccess {
  const view = collapseView({ ...operand, offset: operand.offset + base });
  const mode = modeOf(view, width);
  const rank = mode === "linear" || mode === "scalar" ? 0 : view.shape.length;
  const words = new Uint32Array(operandWords(rank));
  const inverse = new Float32Array(words.buffer);
  words[0] = view.offset;
  for (let k = 0; k < rank; k++) {
    const axis = rank - 1 - k;
    words[1 + 3 * k] = view.shape[axis];
    words[2 + 3 * k] = view.strides[axis];
    inverse[3 + 3 * k] = 1 / view.shape[axis];
  }
  const innermost = view.shape[view.shape.length - 1] ?? 1;
  return { mode, rank, exact: sizeOf(view.shape) / innermost > QUICK_QUOTIENT, words };
}
