// deno task pretrain [--size small|base] [--steps N] [--seed N] [--out FILE] [--device NAME]
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { io, openDevice } from "../../mod.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { sha256 } from "../../lib/io/sha256.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { mebibytes } from "../../lib/text/mebibytes.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { tell } from "../terminal/tell.ts";
import { runCommand } from "../terminal/run_command.ts";
import { BATCH, encoderConfig, pretrain, type Pretrained } from "../runner/pretrain/pretraining.ts";
import type { PretrainingSettings } from "../runner/pretrain/progress_file.ts";
import { readoutsFor } from "../runner/pretrain/teach.ts";
import { loadEncoder } from "../suite/encoder.ts";
import { ENCODER_SIZES, type EncoderSize, SUITE_ENCODERS } from "../suite/encoders.ts";
import { readoutsOf } from "../suite/probe_data.ts";
import { SUITE_SEED, suiteVocabulary } from "../suite/mod.ts";

const DEFAULT_STEPS = 8000;
const DEFAULT_SAVE_EVERY = 200;

/** Where the weights of an encoder go, from the project's root. */
const defaultOut = (size: EncoderSize) => `experiments/suite/${SUITE_ENCODERS[size].url.pathname.split("/").at(-1)}`;

/** Flags of the command. */
export const FLAGS = {
  size: {
    takes: "text",
    path: "pretrain.size",
    value: ENCODER_SIZES.join("|"),
    choices: ENCODER_SIZES,
    help: ENCODER_SIZES
      .map((size) => `${size}: ${SUITE_ENCODERS[size].sizes.layers} layers of ${SUITE_ENCODERS[size].sizes.hiddenSize}`)
      .join("; ") + "; small by default",
  },
  steps: { takes: "integer", value: "N", help: `optimizer steps, ${DEFAULT_STEPS} by default` },
  seed: { takes: "integer", value: "N", least: 0, help: `of language, weights and masks, ${SUITE_SEED} by default` },
  out: {
    takes: "text",
    path: "pretrain.out",
    value: "FILE",
    help: `where the weights go, ${ENCODER_SIZES.map(defaultOut).join(" or ")} by default; FILE.json says what made ` +
      "them",
  },
  "save-every": {
    takes: "integer",
    value: "N",
    help:
      `writes FILE.state every N steps, ${DEFAULT_SAVE_EVERY} by default; Ctrl-C, SIGTERM and SIGHUP do, too. The ` +
      "same command goes on from it, to the same bits, and takes it away in the end",
  },
  teach: {
    takes: "nothing",
    path: "pretrain.teach",
    help: "trains nothing: writes FILE.probes.json, what teachers of known rank that are made of FILE answer",
  },
  overwrite: {
    takes: "nothing",
    path: "pretrain.overwrite",
    help: "writes over FILE, or FILE.probes.json, where it is there, which is refused else",
  },
  device: COMMON.device,
  verbose: COMMON.verbose,
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Pre-trains an encoder of the suite on the suite's language: masked tokens, and the hidden word between two sentences.

  deno task pretrain [--size ${ENCODER_SIZES.join("|")}] [--steps N] [--seed N] [--out FILE] [--device NAME]
  deno task pretrain --teach [--size ${ENCODER_SIZES.join("|")}] [--out FILE]

${flagHelp(FLAGS)}`;

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { size = "small", steps = DEFAULT_STEPS, seed = SUITE_SEED } = flags;
  const { out = defaultOut(size), "save-every": saveEvery = DEFAULT_SAVE_EVERY } = flags;
  const result = flags.teach ? fileURLToPath(readoutsOf(pathToFileURL(out))) : out;
  if (!flags.overwrite && await isFile(result)) {
    throw new RangeError(
      `cannot write ${result} as it is there: --overwrite writes over it, or choose another with --out`,
    );
  }
  if (flags.teach) {
    using device = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
    console.error(`${device.report.name}: teachers answer`);
    return await teach(pathToFileURL(out));
  }

  // A folder that cannot be written must not be heard of after minutes of work.
  await Deno.mkdir(dirname(out), { recursive: true });
  using device = await openDevice({
    device: flags.device,
    report: tell,
    verbose: flags.verbose,
  });
  console.error(`${device.report.name}: ${steps} steps of ${BATCH} passages`);
  const statePath = `${out}.state`;
  using interrupt = onInterrupt(`the same command goes on from here (${statePath})`);
  let bar: ProgressBar | undefined;
  const settings: PretrainingSettings = { size, steps, seed };
  const made = await pretrain(settings, {
    statePath,
    saveEvery,
    signal: interrupt.signal,
    onBegin(done) {
      if (done > 0) console.error(`resumed: ${done} of ${steps} steps are done (${statePath})`);
      bar = new ProgressBar("pre-training", steps, done);
    },
    onStep: ({ step, loss }) => bar?.update(step + 1, `loss ${loss.toFixed(3)}`),
  }).finally(() => bar?.end());
  await write(out, settings, { ...made, device: device.report.name });
  await Deno.remove(statePath);
}

/** Writes the weights, and what made them. */
async function write(
  out: string,
  { size, steps, seed }: PretrainingSettings,
  { tensors, finalLoss, device }: Pretrained & { readonly device: string },
): Promise<void> {
  const command = `deno task pretrain --size ${size} --steps ${steps} --seed ${seed}`;
  const config = encoderConfig(size);
  const { floats } = SUITE_ENCODERS[size];
  const bytes = await io.formatSafetensors(tensors, { format: "pt", command, config: JSON.stringify(config) }, {
    floats,
  });
  const about = { command, seed, steps, finalLoss, device, config, sha256: await sha256(bytes) };
  await writeAtomically(out, bytes);
  await writeAtomically(`${out}.json`, `${JSON.stringify(about, null, 2)}\n`);
  console.log(`${out}: ${mebibytes(bytes.length, 2)}, loss of the last steps ${finalLoss.toFixed(3)}`);
}

/** Writes what is read off an encoder's file in each probe. */
async function teach(file: URL): Promise<void> {
  const url = readoutsOf(file);
  const readouts = await readoutsFor(await loadEncoder(file, suiteVocabulary().length));
  await writeAtomically(fileURLToPath(url), `${JSON.stringify(readouts, null, 2)}\n`);
  console.log(`${fileURLToPath(url)}: ${Object.keys(readouts.probes).join(", ")}`);
}

if (import.meta.main) await runCommand("pretrain", main, { say: sayInFlags(FLAGS) });
