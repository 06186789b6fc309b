// deno task profile [--model NAME|DIR|suite] [--method NAME] [--batch N] [--rounds N] [--device NAME] [--out FILE.svg] [--json]
import * as Plot from "@observablehq/plot";
import { markdownTable } from "markdown-table";
import { jit, openDevice, peft } from "../mod.ts";
import {
  atBest,
  atBestTogether,
  type BoundBy,
  type DispatchTime,
  formatMemory,
  type FunctionMemory,
  type ProfileClock,
  type Roofline,
} from "../lib/compile/inspect_mod.ts";
import type { Device } from "../lib/device/mod.ts";
import { WEIGHTS } from "../experiments/cli/flag_table.ts";
import { METHOD, TRAINING } from "../experiments/cli/train_flags.ts";
import { METHOD_FLAGS, methodFlags, ownMethodOf, trainPaths } from "../experiments/cli/train_draft.ts";
import { methodNamed } from "../experiments/recipes/methods.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { flagHelp, readFlags } from "../experiments/terminal/read_flags.ts";
import { inFlags } from "../experiments/terminal/in_flags.ts";
import type { MethodFlags } from "../experiments/terminal/method_flags.ts";
import { runCommand } from "../experiments/terminal/run_command.ts";
import { productSize } from "../experiments/runner/measure.ts";
import { writeAtomically } from "../lib/io/mod.ts";
import { stackSvg } from "../lib/experiment/figures/figure.ts";
import { BENCH_MODELS } from "./cases/models.ts";
import { type Profiled, profiled } from "./cases/profiled.ts";
import { Probes } from "./measure/probes.ts";
import { digits } from "./report/format.ts";

/** Flags of the command, but for those of methods' options. */
export const FLAGS = {
  model: {
    takes: "text",
    value: "NAME|DIR|suite",
    path: "model.name",
    help:
      `${Object.keys(BENCH_MODELS).join(", ")}: shapes of the benchmark, whose weights are drawn; small by default. ` +
      "Or a folder in Hugging Face's layout, or suite for the small encoder that ships with the project",
  },
  ...WEIGHTS,
  method: {
    ...METHOD.method,
    help:
      `of ${peft.METHODS.map(({ name }) => name).join(", ")}; lora by default. Its options are those of deno task ` +
      "train; ./my_method.ts for one of your own",
  },
  optimizer: TRAINING.optimizer,
  batch: { ...TRAINING.batch, help: "examples of a batch, the shape's own by default, of other models 16" },
  accumulate: TRAINING.accumulate,
  "max-length": { ...TRAINING["max-length"], help: "tokens of an example, the shape's own by default, of others 128" },
  dropout: { ...TRAINING.dropout, help: "everywhere; 0.1 by default, or the rates of a folder's config" },
  rounds: { takes: "integer", value: "N", help: "steps, of each dispatch the best counts; 5 by default" },
  out: { takes: "text", value: "FILE", help: "also draws the table as SVG" },
  ...COMMON,
} as const satisfies FlagTable;

const helpOf = (options: MethodFlags) =>
  `Times every dispatch of a training step beside what the device could do at best, and says what takes the memory.

  deno task profile [flags]

${flagHelp(FLAGS)}

Options of methods:
${options.help({ targets: "endings of layers' names, or a pattern as /…/; by default the model's usual ones" })}

The device's clock times each dispatch as a compute pass of its own, so that the sum is more than what a step takes.
Where the device has no timestamps, each dispatch is repeated alone, and the time of an empty wait is taken off.`;

/** What `--help` prints unless `--method` is one of your own. */
export const HELP = helpOf(METHOD_FLAGS);

/** The flags by what they decide; with those of a method of one's own once it is loaded. */
let paths = trainPaths(METHOD_FLAGS, FLAGS);

/** The dispatches of one kernel, added up. */
export interface KernelProfile {
  readonly kernel: string;
  readonly dispatches: number;
  readonly seconds: number;
  readonly operations: number;
  readonly bytes: number;
  /** Time at the roofline over time taken: 1 is as fast as the probes, and caches allow more. */
  readonly efficiency: number;
  readonly boundBy: BoundBy;
}

/** What a step of training takes. */
interface StepProfile {
  /** Of each dispatch the best time of several steps. */
  readonly dispatches: readonly DispatchTime[];
  readonly clock: ProfileClock;
  readonly roofline: Roofline;
  /** The best time of a whole step. */
  readonly stepSeconds: number;
  readonly memory: FunctionMemory;
  /** The plan's first lines: what it takes altogether. */
  readonly plan: string;
}

async function profileStep(
  device: Device,
  { functions, batches }: Profiled,
  { rounds }: { readonly rounds: number },
): Promise<StepProfile> {
  const step = jit(functions.step, { donate: [0], names: ["state", "batch"] });
  let state = functions.begin(0);
  // That of all steps but the first, where a refresh comes now and then.
  const kind = functions.kindAt(1);
  for (let i = 0; i < 2; i++) [state] = await step(state, batches, kind);
  await device.done();
  const probes = new Probes(productSize(device));
  const best: DispatchTime[] = [];
  let stepSeconds = Infinity;
  let clock: ProfileClock = "timestamps";
  // In turns, so that a machine that slows down slows all of it.
  for (let round = 0; round < rounds; round++) {
    await probes.round();
    const began = performance.now();
    [state] = await step(state, batches, kind);
    await device.done();
    stepSeconds = Math.min(stepSeconds, (performance.now() - began) / 1000);
    const { value, dispatches, ...rest } = await step.profile(state, batches, kind);
    [state] = value;
    clock = rest.clock;
    dispatches.forEach((one, i) => best[i] = best[i] && best[i].seconds < one.seconds ? best[i] : one);
  }
  const { roofline } = probes;
  probes.dispose();
  const [memory] = step.memory();
  const plan = step.explain({ detail: "sums", roofline });
  return { dispatches: best, clock, roofline, stepSeconds, memory, plan };
}

/** Dispatches added up by kernel, the longest first. */
export function byKernel(dispatches: readonly DispatchTime[], roofline: Roofline): KernelProfile[] {
  const groups = Map.groupBy(dispatches, ({ kernel }) => kernel);
  return Array.from(groups, ([kernel, group]): KernelProfile => {
    const sum = (of: (one: DispatchTime) => number) => group.reduce((total, one) => total + of(one), 0);
    const seconds = sum((one) => one.seconds);
    const best = atBestTogether(group.map((one) => atBest(one, roofline)));
    return {
      kernel,
      dispatches: sum((one) => one.runs),
      seconds,
      operations: sum((one) => one.operations),
      bytes: sum((one) => one.bytes),
      efficiency: best.seconds / seconds,
      boundBy: best.boundBy,
    };
  }).sort((a, b) => b.seconds - a.seconds);
}

/** The profile as Markdown. */
export function profileTable(kernels: readonly KernelProfile[]): string {
  const total = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
  // What is repeated in no more time than nothing has no speed.
  const speed = (amount: number, seconds: number) => amount > 0 && seconds > 0 ? digits(amount / seconds / 1e9) : "–";
  const rows = kernels.map(({ kernel, dispatches, seconds, operations, bytes, efficiency, boundBy }) => [
    kernel,
    String(dispatches),
    digits(1000 * seconds),
    `${(100 * seconds / total).toFixed(1)} %`,
    speed(operations, seconds),
    speed(bytes, seconds),
    seconds > 0 ? `${(100 * efficiency).toFixed(0)} %` : "–",
    boundBy,
  ]);
  const head = ["kernel", "dispatches", "ms", "share", "GFLOP/s", "GB/s", "of peak", "bound by"];
  return markdownTable([head, ...rows], { align: ["l", "r", "r", "r", "r", "r", "r", "l"] });
}

/** What bounds a kernel, in the order of the legend's colours. */
const BOUNDS: readonly BoundBy[] = ["arithmetic", "memory", "dispatch"];

/** The longest kernels as bars: what they took, and in colour what they would take at the peak of what bounds them. */
export function profileFigure(title: string, kernels: readonly KernelProfile[], count = 24): string {
  const bars = kernels.slice(0, count).map(({ kernel, seconds, efficiency, boundBy }) => ({
    kernel,
    boundBy,
    time: 1000 * seconds,
    atBest: seconds > 0 ? 1000 * seconds * Math.min(1, efficiency) : 0,
  }));
  return stackSvg({ title, legend: BOUNDS.map((bound) => `at its peak, bound by ${bound}`) }, [{
    width: 860,
    height: 70 + 22 * bars.length,
    marginLeft: 420,
    color: { domain: [...BOUNDS] },
    x: { label: "ms a step →", grid: true },
    y: { label: null, domain: bars.map(({ kernel }) => kernel) },
    marks: [
      Plot.barX(bars, { x: "time", y: "kernel", fill: "#d0d7de" }),
      Plot.barX(bars, { x: "atBest", y: "kernel", fill: "boundBy" }),
    ],
  }]) + "\n";
}

const CLOCKS: Readonly<Record<ProfileClock, string>> = {
  timestamps: "each timed by the device as a pass of its own",
  difference: "each repeated alone with warm caches, less an empty wait, as the device has no timestamps",
};

async function main(): Promise<void> {
  const ownMethod = await ownMethodOf(Deno.args);
  const options = ownMethod ? methodFlags([ownMethod]) : METHOD_FLAGS;
  paths = trainPaths(options, FLAGS);
  const flags = readFlags(Deno.args, FLAGS, options);
  if (flags.help) return console.log(helpOf(options));
  const { model: name = "small", weights, batch: batchSize, accumulate, rounds = 5, optimizer, dropout } = flags;
  const method = ownMethod ?? methodNamed(flags.method ?? "lora");
  const one = await profiled({
    name,
    model: { weights: weights === "f16" ? weights : undefined, dropout, length: flags["max-length"] },
    method: { ...options.read(method, flags), name: method.name },
    optimizer: { name: optimizer },
    batchSize,
    accumulate,
  });
  using device = await openDevice({
    device: flags.device,
    report: (line) => console.error(line),
    verbose: flags.verbose,
  });
  const { dispatches, clock, roofline, stepSeconds, memory, plan } = await profileStep(device, one, { rounds });
  const kernels = byKernel(dispatches, roofline);
  const seconds = kernels.reduce((sum, one) => sum + one.seconds, 0);
  const title = `${method.name} on ${one.name} (${device.report.name})`;
  if (flags.out) await writeAtomically(flags.out, profileFigure(title, kernels));
  const written = flags.out ? `\n\nwritten: ${flags.out}` : "";
  if (flags.json) {
    if (written) console.error(written.trim());
    return console.log(
      JSON.stringify({
        model: name,
        method: method.name,
        spec: one.spec,
        device: device.report.name,
        roofline,
        clock,
        stepSeconds,
        kernels,
        memory,
      }),
    );
  }
  console.log(
    `${title}: ${one.description}\n` +
      `peaks: ${digits(roofline.gflopsPerSecond)} GFLOP/s in a product of ${productSize(device)}³ and ` +
      `${digits(roofline.gigabytesPerSecond)} GB/s in a copy, ` +
      `${digits(1e6 * roofline.dispatchSeconds!)} µs for next to nothing, ` +
      `all in turns with the step\n` +
      `step: ${digits(1000 * stepSeconds)} ms; ${dispatches.length} dispatches, ${CLOCKS[clock]}: ` +
      `${digits(1000 * seconds)} ms\n\n${plan}\n\n${profileTable(kernels)}\n\n${formatMemory(memory)}${written}`,
  );
}

if (import.meta.main) {
  const isJson = Deno.args.includes("--json");
  await runCommand("profile", main, { json: isJson, say: (message) => inFlags(message, paths) });
}
