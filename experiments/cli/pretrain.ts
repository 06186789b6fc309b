// deno task pretrain [--steps N] [--seed N] [--out FILE] [--device NAME]
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { io, jit, models, nn, openDevice, optim, peft, random, train } from "../../mod.ts";
import { wordPiece } from "../../lib/data/mod.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { sha256 } from "../../lib/io/sha256.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { mebibytes } from "../../lib/text/mebibytes.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { tell } from "../terminal/tell.ts";
import { runCommand } from "../terminal/run_command.ts";
import { type HiddenTokens, maskedBatch } from "../runner/train/masked_batch.ts";
import { readoutsFor } from "../runner/train/teach.ts";
import { loadEncoder } from "../suite/encoder.ts";
import { readoutsOf } from "../suite/probe_data.ts";
import { SUITE_SEED, suiteLanguage, suiteVocabulary } from "../suite/mod.ts";
import { Choices } from "../suite/random.ts";

const DEFAULT_STEPS = 8000;
const DEFAULT_OUT = "experiments/suite/encoder.safetensors";

/** Flags of the command. */
export const FLAGS = {
  steps: { takes: "integer", value: "N", help: `optimizer steps, ${DEFAULT_STEPS} by default` },
  seed: { takes: "integer", value: "N", least: 0, help: `of language, weights and masks, ${SUITE_SEED} by default` },
  out: {
    takes: "text",
    value: "FILE",
    help: `where the weights go, ${DEFAULT_OUT} by default; FILE.json says what made them`,
  },
  teach: {
    takes: "nothing",
    help: "trains nothing: writes FILE.probes.json, what teachers of known rank that are made of FILE answer",
  },
  overwrite: { takes: "nothing", help: "writes over FILE where it is there, which is refused else" },
  device: COMMON.device,
  verbose: COMMON.verbose,
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Pre-trains the suite's encoder on the suite's language: masked tokens, and the hidden word between two sentences.

  deno task pretrain [--steps N] [--seed N] [--out FILE] [--device NAME]
  deno task pretrain --teach [--out FILE]

${flagHelp(FLAGS)}`;

/** The encoder that ships with the suite. */
export const ENCODER = {
  vocabSize: suiteVocabulary().length,
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  maxLength: 64,
} as const;

const BATCH = 64;
const LEARNING_RATE = 1e-3;

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { steps = DEFAULT_STEPS, seed = SUITE_SEED, out = DEFAULT_OUT } = flags;
  if (flags.teach) {
    using _ = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
    return await teach(pathToFileURL(out));
  }

  if (!flags.overwrite && await isFile(out)) {
    throw new RangeError(
      `cannot write ${out} as it is there: --overwrite writes over it, or choose another with --out`,
    );
  }
  // A folder that cannot be written must not be heard of after minutes of work.
  await Deno.mkdir(dirname(out), { recursive: true });
  using device = await openDevice({
    device: flags.device,
    report: tell,
    verbose: flags.verbose,
  });
  console.error(`${device.report.name}: ${steps} steps of ${BATCH} passages`);
  const tokenizer = wordPiece(suiteVocabulary());
  const model = models.bertForMaskedLM({ ...ENCODER, dropout: 0 });
  const method = peft.full();
  const optimizer = optim.adamw({
    learningRate: optim.linearSchedule({ peak: LEARNING_RATE, warmup: Math.min(100, steps - 1), total: steps }),
    weightDecay: 0.01,
  });
  const loss = (params: nn.Params, batch: HiddenTokens) => nn.crossEntropy(model.apply(params, batch), batch.labels);
  const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0], names: ["state", "batch"] });
  const language = suiteLanguage(seed);
  const choices = new Choices(seed).fork("masks");
  const batchAt = () => maskedBatch(Array.from({ length: BATCH }, () => language.next().value), tokenizer, choices);
  const initial = train.init(random.key(seed), model.init(random.key(seed)), { method, optimizer });
  const bar = new ProgressBar("pre-training", steps);
  const { state, logs } = await train.runSteps(step, initial, batchAt, {
    steps,
    onStep: (log) => bar.update(log.step + 1, `loss ${log.loss.toFixed(3)}`),
  });
  bar.end();

  const tail = logs.slice(-100).map((log) => log.loss);
  const finalLoss = tail.reduce((a, b) => a + b, 0) / tail.length;
  const encoder = Object.fromEntries(Object.entries(state.trainable).filter(([name]) => name.startsWith("bert.")));
  const command = `deno task pretrain --steps ${steps} --seed ${seed}`;
  const bytes = await io.formatSafetensors(encoder, { command, config: JSON.stringify(ENCODER) });
  const about = {
    command,
    seed,
    steps,
    finalLoss,
    device: device.report.name,
    config: ENCODER,
    sha256: await sha256(bytes),
  };
  await writeAtomically(out, bytes);
  await writeAtomically(`${out}.json`, `${JSON.stringify(about, null, 2)}\n`);
  console.log(
    `${out}: ${mebibytes(bytes.length, 2)}, loss of the last steps ${finalLoss.toFixed(3)}`,
  );
}

/** Writes what is read off an encoder's file in each probe. */
async function teach(file: URL): Promise<void> {
  const url = readoutsOf(file);
  const readouts = await readoutsFor(await loadEncoder(file, suiteVocabulary().length));
  await writeAtomically(fileURLToPath(url), `${JSON.stringify(readouts, null, 2)}\n`);
  console.log(`${fileURLToPath(url)}: ${Object.keys(readouts.probes).join(", ")}`);
}

if (import.meta.main) await runCommand("pretrain", main);
