import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type AttentionSizes, backwardParts, forwardParts } from "../../kernels/attention.ts";
import {
  type AttentionBuffer,
  type AttentionDispatch,
  attentionDispatch,
  attentionGradDispatches,
} from "../../kernels/choose_attention.ts";
import type { KernelTarget } from "../../kernels/target.ts";
import type { Device } from "../../lib/device/mod.ts";
import { referenceAttention, referenceAttentionGrad } from "../../lib/ops/attention_reference.ts";
import { everyDevice } from "../support/devices.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

/** B, H, T, S, d: odd ones, those of many blocks and chunks, of few queries, and of rows that lanes share or do not fill. */
const SHAPES: readonly (readonly [number, number, number, number, number])[] = [
  [1, 1, 1, 1, 1],
  [2, 3, 7, 5, 3],
  [2, 3, 1, 64, 32],
  [1, 2, 3, 70, 8],
  [2, 1, 65, 65, 16],
  [1, 2, 33, 40, 128],
  [1, 1, 20, 300, 64],
  [1, 1, 9, 12, 160],
  [2, 4, 9, 300, 8],
  [1, 4, 290, 290, 4],
];
/**
 * Which keys are masked, whether positions hide each other, what is dropped, whether each query has a range of keys, and
 * whether heads share keys and values.
 */
const KINDS = [
  { masked: false, causal: false, rate: 0 },
  { masked: true, causal: false, rate: 0.25 },
  { masked: true, causal: true, rate: 0 },
  { masked: true, causal: true, rate: 0.2 },
  { masked: false, causal: true, rate: 0 },
  { masked: false, causal: false, rate: 0, spanned: true },
  { masked: false, causal: true, rate: 0.2, spanned: true, shares: true },
  { masked: false, causal: true, rate: 0, shares: true },
  { masked: true, causal: false, rate: 0, shares: true },
];

type Buffers = Partial<Record<AttentionBuffer, Float32Array | Int32Array | Uint32Array>>;

async function run(device: Device, dispatches: readonly AttentionDispatch[], buffers: Buffers): Promise<void> {
  for (const { kernel, grid, uniforms, buffers: names } of dispatches) {
    const used = names.map((name) => buffers[name]!);
    const written = names.filter((_, i) => kernel.bindings[i] === "read_write");
    const found = await runKernel(device, { kernel, grid, uniforms, buffers: used });
    written.forEach((name, i) => buffers[name] = asFloats(found[i]));
  }
}

/** Targets of a device: as it is, and as if it had no subgroups. */
function targetsOf({ report: { isSoftware, subgroupSize } }: Device): KernelTarget[] {
  return [...new Set([subgroupSize, 0])].map((lanes) => (
    { driver: "other", isSoftware, subgroupSize: lanes, maxInvocations: 256 }
  ));
}

describe("attention kernels", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const [B, H, T, S, d] of SHAPES) {
    it(`of [${B}, ${H}] ${T} queries and ${S} keys of ${d} are what float64 gives, with subgroups and without`, async () => {
      for (const { masked, causal, rate, spanned = false, shares = false } of KINDS) {
        const G = !shares ? H : H % 2 === 0 ? 2 : 1;
        const sizes: AttentionSizes = { B, H, G, T, S, d, causal, rate };
        const numbers = new Numbers(T + S);
        const draw = async (rows: number, heads: number) =>
          await numbers.tensor([B * rows * heads * d]).data() as Float32Array;
        // Rows of heads side by side, as projections leave them.
        const [q, k, v, g] = [await draw(T, H), await draw(S, G), await draw(S, G), await draw(T, H)];
        const placeOf = (rows: number, heads: number) => (
          { offset: 0, batch: rows * heads * d, head: d, row: heads * d }
        );
        const [ofQueries, ofKeys] = [placeOf(T, H), placeOf(S, G)];
        const places = { q: ofQueries, k: ofKeys, v: ofKeys, g: ofQueries, key: 1 };
        // Some queries see nothing, others what lies in a block or across several.
        const spans = Int32Array.from({ length: 2 * B * T }, (_, i) => {
          const row = i >> 1;
          const first = (7 * row) % S;
          return i % 2 === 0 ? first : row % 4 === 1 ? first : Math.min(S, first + 1 + (11 * row) % S);
        });
        // The first text is padding alone, where there is another one.
        const mask = Int32Array.from({ length: B * S }, (_, i) => B > 1 && i < S ? 0 : Number(i % 5 !== 2));
        const key = Uint32Array.of(0, 3, 7);

        const byHeads = (data: Float32Array, rows: number, heads: number) => ({
          shape: [B, heads, rows, d],
          dtype: "f32" as const,
          data: Float64Array.from(data, (_, i) => {
            const [e, row, h] = [i % d, Math.floor(i / d) % rows, Math.floor(i / d / rows) % heads];
            return data[((Math.floor(i / d / rows / heads) * rows + row) * heads + h) * d + e];
          }),
        });
        const extras = {
          mask: masked ? { shape: [B, S], dtype: "i32" as const, data: Float64Array.from(mask) } : undefined,
          spans: spanned ? { shape: [B, T, 2], dtype: "i32" as const, data: Float64Array.from(spans) } : undefined,
          key: rate > 0 ? { shape: [2], dtype: "u32" as const, data: Float64Array.of(3, 7) } : undefined,
        };
        const inputs = [byHeads(q, T, H), byHeads(k, S, G), byHeads(v, S, G), byHeads(g, T, H)];
        const wanted = referenceAttention(inputs, sizes, extras).subarray(0, B * T * H * d);
        const used = B * (T * H + 2 * S * G) * d;
        const wantedGrad = referenceAttentionGrad(inputs, sizes, extras).subarray(0, used);

        for (const device of devices) {
          for (const target of targetsOf(device)) {
            const { size } = forwardParts(sizes);
            const buffers: Buffers = { q, k, v, g, mask, spans, key, result: new Float32Array(size) };
            const choice = { target, masked, spanned };
            await run(device, [attentionDispatch(sizes, places, choice)], buffers);
            const saved = buffers.result!;
            expectClose(saved.subarray(0, wanted.length), wanted, 2e-6);
            const backward = async () => {
              const { dispatches, weights } = attentionGradDispatches(sizes, places, choice);
              const result = new Float32Array(backwardParts(sizes).size);
              const all: Buffers = { ...buffers, saved, weights: new Float32Array(weights / 4), result };
              await run(device, dispatches, all);
              return all.result!.subarray(0, used);
            };
            const grad = await backward();
            expectClose(grad, wantedGrad, 5e-6);
            expect(bits(await backward())).toEqual(bits(grad));
          }
        }
      }
    });
  }

  it("store weights of a fixed number of keys at a time, however many there are", () => {
    const target: KernelTarget = { driver: "other", isSoftware: true, subgroupSize: 8, maxInvocations: 256 };
    const bytes = (length: number) => {
      const sizes = { B: 2, H: 4, T: length, S: length, d: 32, causal: false, rate: 0 };
      const place = { offset: 0, batch: length * 128, head: 32, row: 128 };
      return attentionGradDispatches(sizes, { q: place, k: place, v: place, g: place }, { target, masked: false })
        .weights;
    };
    expect(bytes(256)).toBe(2 * 4 * 256 * 256 * 8);
    expect(bytes(1024)).toBe(4 * bytes(256));
    for (const length of [4096, 16_384]) expect(bytes(length)).toBeLessThanOrEqual(2 ** 26);
  });
});
