import { argmax, type Device, evaluate, full, jit, type Params, type Tensor, zeros } from "../../mod.ts";
import type { DispatchTime } from "../../lib/compile/inspect_mod.ts";
import { capacityFor } from "../../lib/generate/row_state.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import type { DecodingResult } from "../report/document.ts";
import type { BenchDecoder } from "../cases/decoding.ts";
import { ratioOf, takeTurns, timingOf } from "../measure/turns.ts";
import { millisecondsOf, productsOf, type ProfiledStep } from "./products.ts";

/** Rows of a step. */
const ROWS = 16;
/** Tokens that a row has read before the step. */
const LENGTHS = [16, 64, 128, 256, 511] as const;
const QUICK_LENGTHS = [16, 64] as const;

const isAttention = ({ kernel }: DispatchTime) => kernel.startsWith("attention");
const isProduct = ({ kernel, operations }: DispatchTime) => operations > 0 && !kernel.startsWith("attention");

/** A step of {@linkcode ROWS} rows into a cache that holds so many tokens, compiled. */
interface PreparedStep {
  readonly length: number;
  readonly capacity: number;
  run(): Promise<void>;
  profile(): Promise<ProfiledStep>;
  close(): void;
}

/** A step that writes the same slot each time: the greedy one of `generate`, but for what a text's end needs. */
function prepareStep(
  device: Device,
  { decoder: { model }, params, length }: {
    readonly decoder: BenchDecoder;
    readonly params: Params;
    readonly length: number;
  },
): PreparedStep {
  const capacity = capacityFor(length + 1);
  const { layers, keyValueHeads, headSize } = model.config;
  const slots = () => Array.from({ length: layers }, () => zeros([ROWS, keyValueHeads, capacity, headSize]));
  const i32 = { dtype: "i32" } as const;
  const places = { first: zeros([ROWS], i32), length: full([ROWS], length, i32) };
  let state = { keys: slots(), values: slots(), tokens: zeros([ROWS], i32) };
  const next = (params: Params, { tokens, ...kept }: typeof state, places: Record<"first" | "length", Tensor>) => {
    const { logits, cache: { keys, values } } = model.step(params, tokens, { ...kept, ...places });
    return { keys: [...keys], values: [...values], tokens: argmax(logits, { axis: 1 }) };
  };
  const step = jit(next, { donate: [1] });
  return {
    length,
    capacity,
    async run() {
      state = await step(params, state, places);
      await device.done();
    },
    async profile() {
      const inStep = await step.profile(params, state, places);
      const apart = await step.profileApart(params, inStep.value, places);
      state = apart.value;
      return { inStep: inStep.dispatches, apart: apart.dispatches };
    },
    close() {
      step.dispose();
      treeDispose([state, places]);
    },
  };
}

/** Options of {@linkcode measureCachedSteps}. */
interface CachedStepsOptions {
  readonly decoder: BenchDecoder;
  readonly params: Params;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly onCase: (name: string) => void;
}

/** Measures a step of 16 rows by how many tokens its cache holds, in turns, and its products and attention apart. */
export async function measureCachedSteps(
  device: Device,
  { isQuick, rounds, onCase, ...given }: CachedStepsOptions,
): Promise<Pick<DecodingResult, "steps" | "products">> {
  const lengths = isQuick ? QUICK_LENGTHS : LENGTHS;
  onCase(`steps of ${ROWS} rows after ${lengths.join(", ")} tokens`);
  await evaluate(given.params);
  const prepared = lengths.map((length) => prepareStep(device, { ...given, length }));
  const contenders = prepared.map(({ length, run }) => ({ name: String(length), perRun: 1, run }));
  const timings = await takeTurns(contenders, { rounds });
  const hasClock = device.report.features.includes("timestamp-query");
  const steps: DecodingResult["steps"][number][] = [];
  for (const [i, { length, capacity, profile }] of prepared.entries()) {
    const attention: number[] = [];
    for (let round = 0; hasClock && round < rounds; round++) {
      attention.push(millisecondsOf((await profile()).inStep, isAttention));
    }
    steps.push({
      rows: ROWS,
      length,
      capacity,
      timing: timings[i],
      ratio: ratioOf(timings[i], timings[0]),
      attention: hasClock ? timingOf(attention) : undefined,
    });
  }
  const products = hasClock ? await productsOf(prepared[0].profile, { rounds, isProduct }) : undefined;
  for (const one of prepared) one.close();
  return {
    steps,
    products: products && { ...products, step: ratioOf(steps[0].timing, products.inStep) },
  };
}
