import { type Device, evaluate, generate, type Params, random } from "../../mod.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import type { DecodingResult } from "../report/document.ts";
import {
  type BenchDecoder,
  benchDecoder,
  DECODING_CASES,
  type DecodingCase,
  type DecodingContender,
  describeDecoder,
  promptsOf,
  writeDecoder,
} from "../cases/decoding.ts";
import { takeTurns } from "../measure/turns.ts";
import { measureCachedSteps } from "./cached_steps.ts";
import { PythonTurns } from "./python_turns.ts";

/** Tokens of a text. */
const TOKENS = 16;
const QUICK_TOKENS = 4;

/** Options of {@linkcode measureDecoding}. */
interface DecodingOptions {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** The Python whose transformers writes beside. */
  readonly python: string;
  readonly onCase: (name: string) => void;
  readonly onTrouble: (kind: "left out" | "disagrees", message: string) => void;
}

/** What all cases are written with. */
interface Writing {
  readonly decoder: BenchDecoder;
  readonly params: Params;
  readonly tokens: number;
  readonly python?: PythonTurns;
}

/** This library, by `generate.makeGenerator`. */
function ours(work: DecodingCase, { decoder, params, tokens }: Writing): DecodingContender & { close(): void } {
  const beamSearch = work.beams > 1 ? { beams: work.beams } : undefined;
  const generator = generate.makeGenerator(decoder.model, { maxNewTokens: tokens, beamSearch });
  const texts = async () => (await generator.generate(params, promptsOf(work, decoder))).map(([best]) => best.tokens);
  return { name: "delta-dawn", perRun: tokens, texts, run: async () => void await texts(), close: generator.dispose };
}

/** transformers, in a process of its own. */
function transformers(work: DecodingCase, { decoder, tokens }: Writing, python: PythonTurns): DecodingContender {
  const asked = JSON.stringify({ prompts: promptsOf(work, decoder), beams: work.beams, tokens });
  const texts = async () => JSON.parse(await python.ask(asked));
  return { name: "transformers", perRun: tokens, texts, run: async () => void await texts() };
}

async function measureCase(
  work: DecodingCase,
  writing: Writing,
  { rounds, onTrouble }: DecodingOptions,
): Promise<DecodingResult["cases"][number]> {
  const own = ours(work, writing);
  const contenders = [own, ...writing.python ? [transformers(work, writing, writing.python)] : []];
  const wanted = JSON.stringify(await own.texts());
  for (const { name, texts } of contenders.slice(1)) {
    if (JSON.stringify(await texts()) !== wanted) onTrouble("disagrees", `${name} writes other texts: ${work.name}`);
  }
  const timings = await takeTurns(contenders, { rounds });
  own.close();
  return {
    name: work.name,
    rows: work.prompts,
    contenders: contenders.map(({ name }, i) => ({ name, timing: timings[i] })),
  };
}

/** Measures how fast texts are written beside transformers, in turns, and what a step into a cache is made of. */
export async function measureDecoding(device: Device, options: DecodingOptions): Promise<DecodingResult> {
  const { isQuick, onCase } = options;
  const decoder = benchDecoder(options);
  const params = decoder.model.init(random.key(0));
  await evaluate(params);
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-bench-" });
  try {
    await writeDecoder(folder, decoder, params);
    const started = await PythonTurns.start(options.python, { script: "decoding.py", args: [folder] });
    const python = typeof started === "string" ? undefined : started;
    if (typeof started === "string") onCase(`without transformers: ${started}`);
    const tokens = isQuick ? QUICK_TOKENS : TOKENS;
    const cases: DecodingResult["cases"][number][] = [];
    for (const work of DECODING_CASES) {
      onCase(work.name);
      cases.push(await measureCase(work, { decoder, params, tokens, python }, options));
    }
    await python?.close();
    const steps = await measureCachedSteps(device, { decoder, params, ...options });
    return {
      description: `${describeDecoder(decoder)}, ${tokens} tokens of each text`,
      transformers: typeof started === "string" ? started : started.report,
      cases,
      ...steps,
    };
  } finally {
    treeDispose(params);
    await Deno.remove(folder, { recursive: true });
  }
}
