// deno task profile [--model small|minilm] [--method NAME] [--rounds N] [--adapter NAME] [--out FILE.svg] [--json]
import { parseArgs } from "@std/cli/parse-args";
import * as Plot from "@observablehq/plot";
import { markdownTable } from "markdown-table";
import { type Device, type DispatchTime, jit, type Key, openDevice, optim, random, train } from "../mod.ts";
import { fail } from "../experiments/command/fail.ts";
import { checkValues, nameList, refuseUnknown, wholeNumber } from "../experiments/command/flags.ts";
import { measureCopy, measureProduct, productSize } from "../experiments/command/measure.ts";
import { writeAtomically } from "../lib/io/mod.ts";
import { stackSvg } from "../lib/experiment/display_figure.ts";
import { METHODS } from "./methods.ts";
import { type BenchModel, describeModel, lossOf, MINILM, QUICK, SMALL, tensorBatch } from "./models.ts";
import { digits } from "./tables.ts";

const MODELS: Readonly<Record<string, BenchModel>> = { tiny: QUICK, small: SMALL, minilm: MINILM };
const DROPOUT = 0.1;

const HELP = `Times every dispatch of a training step by the device's clock, beside what the adapter could do at best.

  deno task profile [flags]

  --model NAME    ${Object.keys(MODELS).join(", ")}; small by default
  --method NAME   ${Object.keys(METHODS).map((name) => `"${name}"`).join(", ")}; lora by default
  --rounds N      steps, of each dispatch the best counts; 5 by default
  --out FILE      also draws the table as SVG
  --adapter NAME  swiftshader, lavapipe, browser, or part of an adapter's name
  --json          one JSON document on standard output, all else on standard error
  --help          this text

Each dispatch is a compute pass of its own here, so that the sum is more than what a step takes.`;

const FLAGS = { boolean: ["json", "help"], string: ["model", "method", "rounds", "out", "adapter"] } as const;

/** What the adapter does at best: as measured by a square product and a large copy, or as a dispatch of the step showed. */
interface Roofline {
  readonly gflopsPerSecond: number;
  readonly gigabytesPerSecond: number;
}

/** The dispatches of one kernel, added up. */
interface KernelProfile {
  readonly kernel: string;
  readonly dispatches: number;
  readonly seconds: number;
  readonly operations: number;
  readonly bytes: number;
  /** Time at the roofline over time taken: 1 is as fast as the adapter can. */
  readonly efficiency: number;
}

/** Of each dispatch of a step the best time of several steps. */
async function bestTimes(
  device: Device,
  options: { readonly model: BenchModel; readonly method: string; readonly rounds: number },
): Promise<{ dispatches: DispatchTime[]; stepSeconds: number }> {
  const { model, rounds } = options;
  const { encoder, loss } = lossOf(model, { dropout: DROPOUT });
  const method = METHODS[options.method]();
  const optimizer = optim.adamw({ learningRate: 1e-4, weightDecay: 0.01 });
  const batch = tensorBatch(model);
  const step = jit(
    train.makeStep({ loss: (params, b: typeof batch, key: Key) => loss(params, b, key), method, optimizer, clip: 1 }),
    { donate: [0] },
  );
  let state = train.init(random.key(1), encoder.init(random.key(0)), { method, optimizer, takeBase: true });
  for (let i = 0; i < 2; i++) [state] = await step(state, batch);
  await device.done();
  const best: DispatchTime[] = [];
  let stepSeconds = Infinity;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    [state] = await step(state, batch);
    await device.done();
    stepSeconds = Math.min(stepSeconds, (performance.now() - began) / 1000);
    const { value, dispatches } = await step.profile(state, batch);
    [state] = value;
    dispatches.forEach((one, i) => best[i] = best[i] && best[i].seconds < one.seconds ? best[i] : one);
  }
  return { dispatches: best, stepSeconds };
}

/** Dispatches added up by kernel, the longest first. */
export function byKernel(dispatches: readonly DispatchTime[], roofline: Roofline): KernelProfile[] {
  const groups = new Map<string, Omit<KernelProfile, "kernel" | "efficiency">>();
  for (const { kernel, seconds, operations, bytes } of dispatches) {
    const group = groups.get(kernel) ?? { dispatches: 0, seconds: 0, operations: 0, bytes: 0 };
    groups.set(kernel, {
      dispatches: group.dispatches + 1,
      seconds: group.seconds + seconds,
      operations: group.operations + operations,
      bytes: group.bytes + bytes,
    });
  }
  return Array.from(groups, ([kernel, group]) => {
    const atBest = Math.max(
      group.operations / roofline.gflopsPerSecond / 1e9,
      group.bytes / roofline.gigabytesPerSecond / 1e9,
    );
    return { kernel, ...group, efficiency: atBest / group.seconds };
  }).sort((a, b) => b.seconds - a.seconds);
}

/** The profile as Markdown. */
export function profileTable(kernels: readonly KernelProfile[]): string {
  const total = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = kernels.map(({ kernel, dispatches, seconds, operations, bytes, efficiency }) => [
    kernel,
    String(dispatches),
    digits(1000 * seconds),
    `${(100 * seconds / total).toFixed(1)} %`,
    operations > 0 ? digits(operations / seconds / 1e9) : "–",
    digits(bytes / seconds / 1e9),
    `${(100 * efficiency).toFixed(0)} %`,
  ]);
  const head = ["kernel", "dispatches", "ms", "share", "GFLOP/s", "GB/s", "of roofline"];
  return markdownTable([head, ...rows], { align: ["l", ...head.slice(1).map(() => "r")] });
}

/** The longest kernels as bars: what they took, and what they would take at the roofline. */
export function profileFigure(title: string, kernels: readonly KernelProfile[], count = 24): string {
  const bars = kernels.slice(0, count).map(({ kernel, seconds, efficiency }) => ({
    kernel,
    time: 1000 * seconds,
    atBest: 1000 * seconds * Math.min(1, efficiency),
  }));
  return stackSvg({ title }, [{
    width: 760,
    height: 70 + 22 * bars.length,
    marginLeft: 320,
    x: { label: "ms a step; dark: at the roofline →", grid: true },
    y: { label: null, domain: bars.map(({ kernel }) => kernel) },
    marks: [
      Plot.barX(bars, { x: "time", y: "kernel", fill: "#c8ced6" }),
      Plot.barX(bars, { x: "atBest", y: "kernel", fill: "#57606a" }),
    ],
  }]) + "\n";
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, {
    ...FLAGS,
    default: { model: "small", method: "lora", rounds: "5" },
    unknown: refuseUnknown(FLAGS),
  });
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const [name] = nameList("model", flags.model, Object.keys(MODELS));
  const method = Object.keys(METHODS).includes(flags.method)
    ? flags.method
    : nameList("method", flags.method, Object.keys(METHODS))[0];
  const rounds = wholeNumber("rounds", flags.rounds);
  using device = await openDevice({ adapter: flags.adapter, report: (line) => console.error(line) });
  const model = MODELS[name];
  const measured = {
    gflopsPerSecond: await measureProduct(device, productSize(device)),
    gigabytesPerSecond: await measureCopy(device),
  };
  const { dispatches, stepSeconds } = await bestTimes(device, { model, method, rounds });
  const roofline = {
    gflopsPerSecond: Math.max(measured.gflopsPerSecond, ...dispatches.map((one) => one.operations / one.seconds / 1e9)),
    gigabytesPerSecond: Math.max(
      measured.gigabytesPerSecond,
      ...dispatches.map((one) => one.bytes / one.seconds / 1e9),
    ),
  };
  const kernels = byKernel(dispatches, roofline);
  const seconds = kernels.reduce((sum, one) => sum + one.seconds, 0);
  const title = `${method} on ${model.name} (${device.report.name})`;
  if (flags.out) await writeAtomically(flags.out, profileFigure(title, kernels));
  const written = flags.out ? `\nwritten: ${flags.out}` : "";
  if (flags.json) {
    if (written) console.error(written.trim());
    return console.log(
      JSON.stringify({ model: name, method, adapter: device.report.name, roofline, stepSeconds, kernels }),
    );
  }
  console.log(
    `${title}: ${describeModel(model)}, dropout ${DROPOUT}\n` +
      `roofline: ${digits(roofline.gflopsPerSecond)} GFLOP/s and ` +
      `${digits(roofline.gigabytesPerSecond)} GB/s, the best of a product of ${
        productSize(device)
      }², a large copy and all below\n` +
      `step: ${digits(1000 * stepSeconds)} ms; ${dispatches.length} dispatches, each timed alone: ` +
      `${digits(1000 * seconds)} ms\n\n${profileTable(kernels)}${written}`,
  );
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    fail("profile", error);
  }
}
