import type {
  BenchDocument,
  CompileResult,
  EnduranceResult,
  KernelResult,
  Machine,
  Measured,
  ModelResult,
  PeerStepResult,
  PytorchDocument,
  ScalingResult,
  StartupResult,
  SteadyResult,
} from "./document.ts";
import { type Timing, timingOf } from "../measure/turns.ts";
import { cellsParts } from "./cells_tables.ts";
import { decodingParts } from "./decoding_tables.ts";
import { digits, mebibytes, milliseconds, pair, table } from "./format.ts";

const speed = (amount: number, { best, median }: Timing) => pair(amount / best / 1e6, amount / median / 1e6);
const times = (ratio: number) => `${digits(ratio)}×`;

/** Names of all contenders in the order of their first appearance. */
function namesOf(lists: readonly (readonly Measured[])[]): string[] {
  return [...new Set(lists.flatMap((list) => list.map(({ name }) => name)))];
}

/** Kernels by contender: speed, best / median of rounds, and how many times as fast ours is by the best. */
export function kernelTable(results: readonly KernelResult[]): string {
  const names = namesOf(results.map(({ contenders }) => contenders));
  const [ours] = names;
  const rows = results.map(({ name, unit, amount, contenders }) => {
    const own = contenders.find((one) => one.name === ours)!;
    const cells = names.map((wanted) => {
      const found = contenders.find((one) => one.name === wanted);
      if (!found) return "–";
      const ratio = found === own ? "" : ` (${times(found.timing.best / own.timing.best)})`;
      return speed(amount, found.timing) + ratio;
    });
    return [name, unit, ...cells];
  });
  return table(["kernel", "unit", ...names], rows);
}

/** PyTorch's times of a method on a model, if it has it. */
function pytorchTiming(pytorch: PytorchDocument | undefined, model: string, method: string): Timing | undefined {
  const steps = pytorch?.models.find((one) => one.model === model)?.steps;
  const found = steps?.find((step) => step.method === method);
  return found && timingOf(found.rounds);
}

/** Steps of one model by method. */
export function stepTable(result: ModelResult, pytorch?: PytorchDocument): string {
  const beside = pytorch?.models.some(({ model }) => model === result.model);
  const rows = result.steps.map(({ method, timing, peakBytes, trainableParameters, dispatches }) => {
    const theirs = pytorchTiming(pytorch, result.model, method);
    const peer = theirs ? `${milliseconds(theirs)} (${times(theirs.best / timing.best)})` : "–";
    return [
      method,
      milliseconds(timing),
      mebibytes(peakBytes),
      trainableParameters.toLocaleString("en"),
      String(dispatches),
      ...beside ? [peer] : [],
    ];
  });
  const head = ["method", "ms a step", "peak MiB", "trained", "dispatches", ...beside ? ["PyTorch + PEFT, ms"] : []];
  return table(head, rows);
}

/** Ratios of steps, of bests and the median of rounds. */
export function ratioTable(results: readonly ModelResult[]): string {
  const rows = results[0].ratios.map(({ name }) => [
    name,
    ...results.map(({ ratios }) => {
      const found = ratios.find((ratio) => ratio.name === name)!;
      return pair(found.best, found.median);
    }),
  ]);
  return table(["time of / time of", ...results.map(({ model }) => model)], rows);
}

/** Kernels that a method's step spends most on, by the device's clock; empty where it has none. */
export function shareTable(result: ModelResult, method: string, count = 8): string {
  const { kernels } = result.steps.find((step) => step.method === method)!;
  if (kernels.length === 0) return "";
  const total = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = kernels.slice(0, count).map(({ kernel, dispatches, seconds }) => [
    `\`${kernel}\``,
    String(dispatches),
    digits(1000 * seconds),
    `${digits(100 * seconds / total)} %`,
  ]);
  return table(["kernel", "dispatches", "ms", "share"], rows);
}

/** The same step by everybody who trains. */
function peerStepTable({ contenders }: PeerStepResult): string {
  const rows = contenders.map(({ name, timing, difference, loss }) => [
    name,
    `${milliseconds(timing)}`,
    times(timing.best / contenders[0].timing.best),
    loss.toFixed(6),
    difference === undefined ? "–" : difference.toExponential(1),
  ]);
  return table(["step of", "ms a step", "time ÷ ours", "loss", "difference of gradients"], rows);
}

/** Steps in steady state: what lies outside of kernels, and what is made. */
export function steadyTable(results: readonly SteadyResult[]): string {
  const rows = results.map((result) => {
    const { name, milliseconds, kernelMilliseconds: inside, gaps, submissions, created } = result;
    return [
      name,
      digits(milliseconds),
      inside === undefined ? "–" : `${digits(100 * (1 - inside / milliseconds))} %`,
      gaps ? pair(gaps.median, gaps.longest) : "–",
      digits(submissions),
      `${created.buffers}, ${created.pipelines}, ${created.bindGroups}`,
    ];
  });
  const created = "buffers, pipelines, bind groups made";
  return table(["method", "ms a step", "outside kernels", "gap, ms: median / longest", "submissions", created], rows);
}

/** Memory at the first, the middle and the last sample of a long run, and by how much it grows from the middle on. */
export function enduranceTable({ samples, bytesPerStep }: EnduranceResult): string {
  const shown = [samples[0], samples[Math.floor(samples.length / 2)], samples[samples.length - 1]];
  const row = (name: string, key: "liveBytes" | "heapBytes" | "processBytes", slope: number) => [
    name,
    ...shown.map((sample) => mebibytes(sample[key])),
    slope === 0 ? "0" : digits(slope),
  ];
  return table(["MiB after step", ...shown.map(({ step }) => step.toLocaleString("en")), "bytes a step"], [
    row("device, live", "liveBytes", bytesPerStep.live),
    row("JavaScript's heap", "heapBytes", bytesPerStep.heap),
    row("process", "processBytes", bytesPerStep.process),
  ]);
}

/** Time and memory of a token as batches grow. */
export function scalingTable({ batches, baseBytes }: ScalingResult): string {
  const tokens = (batch: readonly [number, number]) => batch[0] * batch[1];
  const rows = batches.map(({ batch, timing, processorMilliseconds, peakBytes }) => [
    batch.join(" × "),
    times(tokens(batch) / tokens(batches[0].batch)),
    milliseconds(timing),
    pair(1000 * timing.best / tokens(batch), 1000 * timing.median / tokens(batch)),
    digits(1000 * processorMilliseconds / tokens(batch)),
    mebibytes(peakBytes),
    digits((peakBytes - baseBytes) / tokens(batch) / 1024),
  ]);
  const head = ["batch", "tokens", "ms a step", "µs a token", "processors, µs a token", "peak MiB"];
  return table([...head, "KiB a token, without weights"], rows);
}

/** From the start of a process to its first finished step. */
export function startupTable(results: readonly StartupResult[]): string {
  const rows = results.map(({ caches, imported, opened, total, pipelines, slowest }) => [
    caches,
    milliseconds(imported),
    milliseconds(opened),
    milliseconds(total),
    String(pipelines),
    slowest ? milliseconds(slowest) : "",
  ]);
  const heads = [
    "modules loaded, ms",
    "device open, ms",
    "first step finished, ms",
    "pipelines",
    "slowest of them, ms",
  ];
  return table(["caches", ...heads], rows);
}

/** What passes before a first step, in seconds. */
export function compileTable(results: readonly CompileResult[]): string {
  const rows = results.map(({ name, dispatches, pipelines, cold, warm }) => [
    name,
    dispatches.toLocaleString("en"),
    String(pipelines),
    pair(cold.best, cold.median),
    pair(warm.best, warm.median),
  ]);
  return table(["program", "dispatches", "pipelines", "caches cold, s", "caches warm, s"], rows);
}

/** The machine in one paragraph. */
function machineLine(machine: Machine): string {
  const { processor, cores, memoryBytes, system, device, driver, isSoftware, subgroupSize, versions, isModified } =
    machine;
  return `${processor}, ${cores} cores, ${digits(memoryBytes / 2 ** 30)} GiB, ${system}. Device: ${device}` +
    `${isSoftware ? ", in software" : ""}, subgroups of ${subgroupSize || "no fixed size"}, driver: ${driver}. ` +
    `${versions.join(", ")}${isModified ? " (working tree modified)" : ""}.`;
}

/** Sections of a report in Markdown: what was measured, in the order of measuring. */
export function report(document: BenchDocument): string {
  const { machine, rounds, kernels, models, peerStep, startup, pytorch, leftOut, disagreements } = document;
  const { steady, endurance, scaling, cells, decoding } = document;
  const parts = [
    machineLine(machine),
    `Best / median of ${rounds} rounds in which all contenders took turns.` +
    (document.isQuick ? " Quick run: the figures say little." : ""),
  ];
  if (kernels) {
    parts.push("### Kernels", kernelTable(kernels));
    if (kernels.some(({ contenders }) => contenders.length > 1)) {
      parts.push("In brackets: how many times as fast ours is.");
    }
  }
  if (models) {
    parts.push("### Training steps");
    for (const result of models) parts.push(`${result.model}: ${result.description}.`, stepTable(result, pytorch));
    if (pytorch) {
      const versions = Object.entries(pytorch.versions).map(([name, version]) => `${name} ${version}`).join(", ");
      parts.push(
        `PyTorch + PEFT (${versions}, ${pytorch.threads} threads) ran by itself before or after: in brackets its best ÷ ours.`,
      );
    }
    parts.push("Ratios of times in the same rounds:", ratioTable(models));
    const last = models[models.length - 1];
    const shares = shareTable(last, "delta-lora, in place");
    if (shares) {
      parts.push(`Where a step of delta-lora, in place, spends its time (${last.model}, device clock):`, shares);
    }
  }
  if (peerStep) parts.push("### The same step elsewhere", `${peerStep.description}:`, peerStepTable(peerStep));
  if (steady) parts.push("### Steady state", `${steady.description}:`, steadyTable(steady.cases));
  if (endurance) {
    const steps = endurance.samples[endurance.samples.length - 1].step.toLocaleString("en");
    parts.push(`Memory over ${steps} steps of ${endurance.description}:`, enduranceTable(endurance));
  }
  if (scaling) parts.push("### Scaling", `${scaling.description}:`, scalingTable(scaling));
  if (cells) parts.push(...cellsParts(cells));
  if (decoding) parts.push(...decodingParts(decoding));
  if (startup) parts.push("### Start-up", "From the start of a process:", startupTable(startup));
  if (document.compile) parts.push("### Compiling", "Seconds before a first step:", compileTable(document.compile));
  if (leftOut.length > 0) parts.push("Left out:", leftOut.map((line) => `- ${line}`).join("\n"));
  if (disagreements.length > 0) parts.push("Results that differ:", disagreements.map((line) => `- ${line}`).join("\n"));
  return parts.join("\n\n");
}
