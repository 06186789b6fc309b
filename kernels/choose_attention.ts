import {
  type AttentionOptions,
  type AttentionPlace,
  type AttentionPlaces,
  type AttentionSizes,
  attentionUniforms,
} from "./attention.ts";
import { attentionGradKeyValuePlain, attentionGradQueryPlain, attentionPlain } from "./attention_plain.ts";
import { attentionGradKeyValue, attentionGradQuery, attentionSubgroup } from "./attention_subgroup.ts";
import type { Grid, Kernel } from "./kernel.ts";
import type { KernelTarget } from "./target.ts";
import { threefrySource } from "./threefry.ts";

/** A dispatch of an attention kernel. */
export interface AttentionDispatch {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  /** Multiplications and additions. */
  readonly operations: number;
}

/** What the choice depends on beside sizes. */
export interface AttentionChoice {
  readonly target: KernelTarget;
  readonly masked: boolean;
}

/** Longest row, in vec4s of each lane, whose sums a subgroup keeps. */
const MAX_QUADS = 4;

const inFours = ({ offset, batch, head, row }: AttentionPlace) => [offset, batch, head, row].every((x) => x % 4 === 0);

/** The largest grid of a device is 65,535 along each axis. */
function checkGrid(grid: Grid): Grid {
  if (grid.some((count) => count > 65_535)) {
    throw new RangeError(`attention: needs a grid of ${grid.join(" × ")}, and an axis has 65,535 at most`);
  }
  return grid;
}

/** How the kernels are told apart: by the tile of a subgroup, or plain. */
function variant(sizes: AttentionSizes, places: AttentionPlaces, { target, masked }: AttentionChoice) {
  const { d, rate } = sizes;
  const { subgroupSize: lanes } = target;
  const quads = lanes > 0 ? Math.ceil(d / (4 * lanes)) : 0;
  const isTiled = lanes > 0 && d % 4 === 0 && quads <= MAX_QUADS && Object.values(places).every(inFours);
  const width = isTiled ? 4 : 1;
  const options: AttentionOptions = { masked, threefry: rate > 0 ? threefrySource(width) : undefined };
  return {
    width,
    options,
    quads: isTiled ? quads : undefined,
    plain: { ...options, columns: Math.ceil(d / 64) },
    lanes,
  } as const;
}

/** Rows of a tile: few where there are few rows, or where sums take many registers. */
// deno-lint-ignore no-explicit-any
const rowsFor = (count: number, quads: number) => (globalThis as any).ROWS || (count <= 4 ? 4 : quads > 2 ? 8 : 16);

/** Attention forward as a dispatch of (q, k, v, mask, key, result). */
export function attentionDispatch(
  sizes: AttentionSizes,
  places: AttentionPlaces,
  choice: AttentionChoice,
): AttentionDispatch {
  const { B, H, T, S, d } = sizes;
  const { width, options, quads, plain, lanes } = variant(sizes, places, choice);
  const rows = quads ? rowsFor(T, quads) : 1;
  return {
    kernel: quads ? attentionSubgroup({ lanes, rows, quads }, options) : attentionPlain(plain),
    grid: checkGrid([Math.ceil(T / rows), H, B]),
    uniforms: attentionUniforms(sizes, places, width),
    operations: 4 * B * H * T * S * d,
  };
}

/**
 * Attention backward: the derivative by q of (q, k, v, g, forward result, mask, key, result), then those by k and v of the
 * same without the forward result.
 */
export function attentionGradDispatches(
  sizes: AttentionSizes,
  places: AttentionPlaces,
  choice: AttentionChoice,
): [query: AttentionDispatch, keyValue: AttentionDispatch] {
  const { B, H, T, S, d } = sizes;
  const { width, options, quads, plain, lanes } = variant(sizes, places, choice);
  const uniforms = attentionUniforms(sizes, places, width);
  const product = 2 * B * H * T * S * d;
  const [queries, keys] = quads ? [rowsFor(T, quads), rowsFor(S, quads)] : [1, 1];
  return [
    {
      kernel: quads ? attentionGradQuery({ lanes, rows: queries, quads }, options) : attentionGradQueryPlain(plain),
      grid: checkGrid([Math.ceil(T / queries), H, B]),
      uniforms,
      operations: 3 * product,
    },
    {
      kernel: quads ? attentionGradKeyValue({ lanes, rows: keys, quads }, options) : attentionGradKeyValuePlain(plain),
      grid: checkGrid([Math.ceil(S / keys), H, B]),
      uniforms,
      operations: 4 * product,
    },
  ];
}
