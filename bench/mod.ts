// deno task bench [--only LIST] [--quick] [--rounds N] [--peers] [--pytorch FILE] [--python PROGRAM] [--device NAME] [--json FILE] [--update]
import { openDevice } from "../mod.ts";
import type { Device } from "../lib/device/mod.ts";
import { fail } from "../experiments/terminal/fail.ts";
import { writeAtomically } from "../lib/io/mod.ts";
import { type BenchOptions, HELP, parseArguments } from "./arguments.ts";
import type { BenchDocument, EnduranceSample, ModelResult } from "./report/document.ts";
import { kernelCases } from "./cases/kernel_case.ts";
import { measureCells } from "./parts/cells.ts";
import { measureDecoding } from "./parts/decoding.ts";
import { measureKernels } from "./parts/kernels.ts";
import { measureCompile } from "./parts/compile.ts";
import { describeMachine } from "./parts/machine.ts";
import { type BenchModel, MINILM, QUICK, SMALL } from "./cases/models.ts";
import { ours } from "./parts/ours.ts";
import { measurePeerStep } from "./parts/peer_step.ts";
import type { Peer, StartPeers } from "./cases/peer.ts";
import { readPytorch } from "./report/pytorch.ts";
import { updateReadme } from "./report/readme.ts";
import { measureScaling } from "./parts/scaling.ts";
import { measureStartup } from "./parts/startup.ts";
import { measureEndurance, measureSteady } from "./parts/steady.ts";
import { measureSteps } from "./parts/steps.ts";
import { report } from "./report/tables.ts";

/** A turn of a kernel lasts at least so long. */
const TURN_MILLISECONDS = 60;

const say = (line: string) => console.error(line);

/** The peers: their packages have a configuration of their own, and are fetched only where they are asked for. */
async function loadPeers(): Promise<StartPeers> {
  // Computed, so that Deno fetches nothing of it otherwise.
  const { startPeers } = await import(new URL("./peers/mod.ts", import.meta.url).href);
  return startPeers;
}

/** Runs what was asked for and gives all figures. */
async function measure(device: Device, options: BenchOptions): Promise<BenchDocument> {
  const { sections, isQuick, rounds, hasPeers } = options;
  const pytorch = options.pytorch === undefined ? undefined : await readPytorch(options.pytorch);
  const disagreements: string[] = [];
  const leftOut: string[] = [];
  const onTrouble = (kind: "left out" | "disagrees", message: string) => {
    (kind === "disagrees" ? disagreements : leftOut).push(message);
    say(`${kind}: ${message}`);
  };
  const contenders: Peer[] = [ours(device)];
  const peerVersions: string[] = [];
  const haveMatch = sections.some((section) => section === "kernels" || section === "steps");
  if (haveMatch && !hasPeers) say("beside nobody else: --peers fetches jax-js, TensorFlow.js and onnxruntime, too");
  if (haveMatch && hasPeers) {
    say("starting the peers: what is not there yet of 174 MB is fetched from npm, once");
    const startPeers = await loadPeers();
    const started = await startPeers(device, options);
    peerVersions.push(...started.versions);
    contenders.push(...started.peers);
    for (const message of started.leftOut) onTrouble("left out", message);
  }

  const kernels = !sections.includes("kernels") ? undefined : await measureKernels({
    cases: kernelCases(isQuick),
    contenders,
    rounds,
    turnMilliseconds: isQuick ? 0 : TURN_MILLISECONDS,
    onCase: (name, index) => say(`kernels ${index + 1}/${kernelCases(isQuick).length}: ${name}`),
    onTrouble,
  });

  const models: ModelResult[] = [];
  const wanted: readonly BenchModel[] = !sections.includes("steps") ? [] : isQuick ? [QUICK] : [SMALL, MINILM];
  for (const model of wanted) {
    const onMethod = (name: string) => say(`steps, ${model.name}: ${name}`);
    models.push(await measureSteps(device, model, { rounds, onMethod }));
  }
  const peerStep = !hasPeers || wanted.length === 0 ? undefined : await measurePeerStep(wanted[0], {
    contenders,
    rounds,
    onContender: (name) => say(`the same step, ${name}: the first one compiles, which may take minutes`),
    onTrouble,
  });
  const hasSteady = sections.includes("steady");
  const onCase = (name: string) => say(`steady state: ${name}`);
  const steady = hasSteady ? await measureSteady(device, { isQuick, onCase }) : undefined;
  const onSample = ({ step }: EnduranceSample) => say(`long run: step ${step}`);
  const endurance = hasSteady ? await measureEndurance(device, { isQuick, onSample }) : undefined;
  const scaling = !sections.includes("scaling") ? undefined : await measureScaling(device, {
    isQuick,
    rounds,
    onBatch: (batch) => say(`scaling: ${batch.join(" × ")}`),
  });
  const onCells = (name: string) => say(`cells: ${name}`);
  const cells = !sections.includes("cells") ? undefined : await measureCells(device, {
    isQuick,
    rounds,
    python: options.python,
    onCells,
  });
  const decoding = !sections.includes("decoding") ? undefined : await measureDecoding(device, {
    isQuick,
    rounds,
    python: options.python,
    onCase: (name) => say(`decoding: ${name}`),
    onTrouble,
  });
  // Cold starts compile every kernel: the longest of all that is measured here.
  const starts = Math.ceil(rounds / 4);
  const startup = !sections.includes("startup") ? undefined : await measureStartup({
    rounds: starts,
    device: options.device,
    onRound: (round) => say(`start-up ${round + 1}/${starts}`),
  });
  const compile = !sections.includes("compile") ? undefined : await measureCompile({
    isQuick,
    rounds: starts,
    device: options.device,
    onCase: (name) => say(`compiling: ${name}`),
  });
  return {
    format: 1,
    machine: await describeMachine(device, peerVersions),
    rounds,
    isQuick,
    kernels,
    models: models.length > 0 ? models : undefined,
    peerStep,
    steady,
    endurance,
    scaling,
    cells,
    decoding,
    startup,
    compile,
    pytorch,
    leftOut,
    disagreements,
  };
}

async function main(): Promise<number> {
  const options = parseArguments(Deno.args);
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const device = await openDevice({ device: options.device, report: say, verbose: options.verbose });
  const document = await measure(device, options);
  console.log(report(document));
  if (options.json !== undefined) await writeAtomically(options.json, `${JSON.stringify(document, null, 1)}\n`);
  if (options.updates) await updateReadme(new URL("./", import.meta.url), document);
  for (const message of document.disagreements) console.error(`bench: results differ: ${message}`);
  return document.disagreements.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  // Peers keep devices and workers of their own, which would keep the process.
  Deno.exit(await main().catch((error) => fail("bench", error)));
}
