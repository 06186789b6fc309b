// deno task pretrain [--model encoder|decoder|encoder-decoder] [--size small|base] [--steps N] [--seed N] [--out FILE] [--device NAME]
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { io, openDevice, type Tensor } from "../../mod.ts";
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
import { PROSE_ROWS } from "../runner/pretrain/prose_batches.ts";
import { pretrainTexts } from "../runner/pretrain/text_pretraining.ts";
import type { ResumeOptions } from "../runner/pretrain/train_resumably.ts";
import { readoutsFor } from "../runner/pretrain/teach.ts";
import { loadEncoder } from "../suite/encoder.ts";
import { ENCODER_SIZES, type EncoderSize, SUITE_ENCODERS } from "../suite/encoders.ts";
import { readoutsOf } from "../suite/probe_data.ts";
import { SUITE_SEED, suiteVocabulary } from "../suite/mod.ts";
import { TEXT_MODEL_CONFIGS, TEXT_MODEL_FILES, TEXT_MODELS, type TextModelKind } from "../suite/texts/text_models.ts";

/** What can be pre-trained: the encoder, and the text models. */
const MODELS = ["encoder", ...TEXT_MODELS] as const;

type Pretrainable = typeof MODELS[number];

const DEFAULT_STEPS = 8000;
const TEXT_STEPS = 800;
const DEFAULT_SAVE_EVERY = 200;

const fromRoot = (folder: string, url: URL) => `${folder}/${url.pathname.split("/").at(-1)}`;

/** Where the weights of an encoder go, from the project's root. */
const defaultOut = (size: EncoderSize) => fromRoot("experiments/suite", SUITE_ENCODERS[size].url);

/** Where those of a text model go. */
const textOut = (kind: TextModelKind) => fromRoot("experiments/suite/texts", TEXT_MODEL_FILES[kind]);

/** Flags of the command. */
export const FLAGS = {
  model: {
    takes: "text",
    path: "pretrain.model",
    value: MODELS.join("|"),
    choices: MODELS,
    help:
      "encoder: reads and classifies; decoder: goes on with texts; encoder-decoder: reads one and writes another; " +
      "encoder by default",
  },
  size: {
    takes: "text",
    path: "pretrain.size",
    value: ENCODER_SIZES.join("|"),
    choices: ENCODER_SIZES,
    help: ENCODER_SIZES
      .map((size) => `${size}: ${SUITE_ENCODERS[size].sizes.layers} layers of ${SUITE_ENCODERS[size].sizes.hiddenSize}`)
      .join("; ") + "; of the encoder alone, small by default",
  },
  steps: {
    takes: "integer",
    value: "N",
    help: `optimizer steps, ${DEFAULT_STEPS} by default, ${TEXT_STEPS} for texts`,
  },
  seed: { takes: "integer", value: "N", least: 0, help: `of language, weights and masks, ${SUITE_SEED} by default` },
  out: {
    takes: "text",
    path: "pretrain.out",
    value: "FILE",
    help: `where the weights go, ${
      [...ENCODER_SIZES.map(defaultOut), ...TEXT_MODELS.map(textOut)].join(" or ")
    } by default; FILE.json says what made them`,
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
  `Pre-trains a model of the suite. The encoder fills masked tokens of the suite's language, and the hidden word between
two sentences; the decoder goes on with texts of the suite, the encoder-decoder writes them again where spans are hidden.

  deno task pretrain [--model ${MODELS.join("|")}] [--steps N] [--seed N] [--out FILE] [--device NAME]
  deno task pretrain [--size ${ENCODER_SIZES.join("|")}] [--steps N] [--seed N] [--out FILE] [--device NAME]
  deno task pretrain --teach [--size ${ENCODER_SIZES.join("|")}] [--out FILE]

${flagHelp(FLAGS)}`;

/** A model to be made. */
interface Job {
  /** Flags that name it. */
  readonly flags: string;
  readonly out: string;
  readonly steps: number;
  /** What a step learns from. */
  readonly rows: string;
  readonly config: object;
  readonly floats: "F32" | "F16";
  readonly make: (
    options: ResumeOptions,
  ) => Promise<{ readonly tensors: Readonly<Record<string, Tensor>>; readonly finalLoss: number }>;
}

function encoderJob(size: EncoderSize, steps: number, seed: number): Job {
  return {
    flags: `--size ${size}`,
    out: defaultOut(size),
    steps,
    rows: `${BATCH} passages`,
    config: encoderConfig(size),
    floats: SUITE_ENCODERS[size].floats,
    make: (options) => pretrain({ size, steps, seed }, options),
  };
}

function textJob(model: TextModelKind, steps: number, seed: number): Job {
  return {
    flags: `--model ${model}`,
    out: textOut(model),
    steps,
    rows: `${PROSE_ROWS[model]} rows of texts`,
    config: TEXT_MODEL_CONFIGS[model],
    floats: "F16",
    make: (options) => pretrainTexts({ model, steps, seed }, options),
  };
}

/** Throws a RangeError where a flag of the encoder stands beside another model. */
function jobOf(
  model: Pretrainable,
  { size, isTaught, steps, seed }: { size?: EncoderSize; isTaught: boolean; steps?: number; seed: number },
): Job {
  if (model === "encoder") return encoderJob(size ?? "small", steps ?? DEFAULT_STEPS, seed);
  const other = size !== undefined ? "--size" : isTaught ? "--teach" : undefined;
  if (other !== undefined) throw new RangeError(`${other} is of the encoder: it says nothing about --model ${model}`);
  return textJob(model, steps ?? TEXT_STEPS, seed);
}

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { model = "encoder", size, teach: isTaught, seed = SUITE_SEED } = flags;
  const job = jobOf(model, { size, isTaught, steps: flags.steps, seed });
  const { steps } = job;
  const { out = job.out, "save-every": saveEvery = DEFAULT_SAVE_EVERY } = flags;
  const result = isTaught ? fileURLToPath(readoutsOf(pathToFileURL(out))) : out;
  if (!flags.overwrite && await isFile(result)) {
    throw new RangeError(
      `cannot write ${result} as it is there: --overwrite writes over it, or choose another with --out`,
    );
  }
  if (isTaught) {
    using device = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
    console.error(`${device.report.name}: teachers answer`);
    return await teachProbes(pathToFileURL(out));
  }

  // A folder that cannot be written must not be heard of after minutes of work.
  await Deno.mkdir(dirname(out), { recursive: true });
  using device = await openDevice({
    device: flags.device,
    report: tell,
    verbose: flags.verbose,
  });
  console.error(`${device.report.name}: ${steps} steps of ${job.rows}`);
  const statePath = `${out}.state`;
  using interrupt = onInterrupt(`the same command goes on from here (${statePath})`);
  let bar: ProgressBar | undefined;
  const made = await job.make({
    statePath,
    saveEvery,
    signal: interrupt.signal,
    onBegin(done) {
      if (done > 0) console.error(`resumed: ${done} of ${steps} steps are done (${statePath})`);
      bar = new ProgressBar("pre-training", steps, done);
    },
    onStep: ({ step, loss }) => bar?.update(step + 1, `loss ${loss.toFixed(3)}`),
  }).finally(() => bar?.end());
  await write(out, job, { ...made, seed, device: device.report.name });
  await Deno.remove(statePath);
}

/** Writes the weights, and what made them. */
async function write(
  out: string,
  { flags, steps, config, floats }: Job,
  { tensors, finalLoss, seed, device }: Pretrained & { readonly seed: number; readonly device: string },
): Promise<void> {
  const command = `deno task pretrain ${flags} --steps ${steps} --seed ${seed}`;
  const bytes = await io.formatSafetensors(tensors, { format: "pt", command, config: JSON.stringify(config) }, {
    floats,
  });
  const about = { command, seed, steps, finalLoss, device, config, sha256: await sha256(bytes) };
  await writeAtomically(out, bytes);
  await writeAtomically(`${out}.json`, `${JSON.stringify(about, null, 2)}\n`);
  console.log(`${out}: ${mebibytes(bytes.length, 2)}, loss of the last steps ${finalLoss.toFixed(3)}`);
}

/** Writes what is read off an encoder's file in each probe. */
async function teachProbes(file: URL): Promise<void> {
  const url = readoutsOf(file);
  const readouts = await readoutsFor(await loadEncoder(file, suiteVocabulary().length));
  await writeAtomically(fileURLToPath(url), `${JSON.stringify(readouts, null, 2)}\n`);
  console.log(`${fileURLToPath(url)}: ${Object.keys(readouts.probes).join(", ")}`);
}

if (import.meta.main) await runCommand("pretrain", main, { say: sayInFlags(FLAGS) });
