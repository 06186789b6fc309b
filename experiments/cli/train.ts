// deno task train --model DIR --task NAME --data DIR --out DIR [--method NAME] [--learning-rate X] …
import { parseArgs } from "@std/cli/parse-args";
import { io, openDevice, peft } from "../../mod.ts";
import { hashSpec, recordPath, writeRecord } from "../../lib/experiment/mod.ts";
import { checkValues, type Flags, refuseUnknown, wholeNumber } from "../terminal/flags.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { tell } from "../terminal/tell.ts";
import { runCommand } from "../terminal/run_command.ts";
import { DEFAULT_METHOD } from "../recipes/methods.ts";
import { type CompleteSpec, completeSpec } from "../runner/complete_spec.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { understoodLines } from "../runner/data/understood.ts";
import { saveLabels } from "../runner/heads/label_file.ts";
import { writeModelFolder } from "../runner/model/model_folder.ts";
import { requireNoAdapter, requireOtherFolder } from "../runner/model/other_folder.ts";
import { OPTIMIZERS, SCHEDULES } from "../runner/train/optimizer.ts";
import { type Score, scoreLines } from "../runner/train/score.ts";
import { hasState, loadStateInfo, requireSameRun } from "../runner/train/state_file.ts";
import { requireNoLog, StepLog } from "../runner/train/step_log.ts";
import { type Begun, type Ended, Trainer } from "../runner/train/trainer.ts";
import { TrainingRate } from "../runner/train/training_rate.ts";
import { isModified } from "../runner/versions.ts";
import { inFlags, TRAIN_PATHS } from "./in_flags.ts";
import { MODEL_HELP, TASK_HELP, WEIGHTS_HELP } from "./task_flags.ts";
import { METHOD_FLAGS, trainDraft, type TrainFlags } from "./train_draft.ts";

/** What `--help` prints. */
export const HELP = `Fine-tunes a sequence classifier of Hugging Face's and writes an adapter in PEFT's format.

  deno task train --model DIR|NAME|suite --task NAME --data DIR|suite --out DIR [flags]

${MODEL_HELP}
${WEIGHTS_HELP}
${TASK_HELP}
  --eval-data FILE   with --columns: what the result is scored on

  --method NAME      ${DEFAULT_METHOD} by default:
${peft.METHODS.map(({ name, summary }) => `                     ${name.padEnd(12)}${summary}`).join("\n")}
${METHOD_FLAGS.help({ targets: "endings of layers' names, or a pattern as /…/; by default the model's usual ones" })}
  --adapter-init DIR begins from an adapter, ours or PEFT's, whose method it is unless --method names another;
                     a head without names for another number of classes is left out
  --fresh-head       begins with a new head where the model's or the adapter's is for other classes

  --optimizer NAME   of ${OPTIMIZERS.join(", ")}; adamw by default
  --momentum X       SGD's, none by default
  --learning-rate X  5e-4 by default${
  peft.METHODS.filter(({ learningRate }) => learningRate).map(({ name, learningRate }) =>
    `, ${learningRate!.toExponential()} for ${name}`
  )
    .join("")
}
  --schedule NAME    of ${SCHEDULES.join(", ")}; linear by default
  --warmup X         steps, or a share of them below 1; 0.06 by default, 0 for constant
  --weight-decay X   AdamW's, 0.01 by default, on all that is trained
  --no-decay-bias    not on biases and layer norms
  --clip X           largest norm of the gradients, 1 by default; 0 for none
  --batch N          examples of a batch, 16 by default
  --accumulate N     batches of a step, 1 by default: its loss is the sum over all of them by their count
  --epochs X         passes over the examples, 3 by default; passes run on into each other
  --steps N          in place of --epochs
  --max-length N     most tokens of an example, 128 by default, or what model and tokenizer allow
  --dropout P        the model's, everywhere; by default its config's rates
  --shuffle false    takes examples in their order, and ends each pass with a short batch
  --seed N           of head, factors, order and dropout, 0 by default

  --out DIR          gets the adapter (or, of full, the model), state.safetensors and state.json to go on from, and the
                     run's record, runs/HASH.arrow
  --save-every N     writes the state every N steps, 500 by default; Ctrl-C, SIGTERM, SIGHUP and the end do, too
  --resume           goes on from the state in --out, to the same bits, or begins where there is none yet; all other
                     flags must be those of then
  --overwrite        begins anew where --out holds a run, an adapter or a model, or --log a log, which is refused else
  --log FILE         one JSON line a step: step, loss, learningRate, gradNorm, tokens; one that is not there yet begins
                     where a run is resumed
  --device NAME      swiftshader, lavapipe, browser, or part of a device's name
  --json             one JSON document on standard output, all else on standard error
  --verbose          with the warnings that Dawn has for every software device
  --help             this text`;

/** Flags of the command. */
export const FLAGS = {
  boolean: [
    ...METHOD_FLAGS.boolean,
    ...["fresh-head", "no-decay-bias", "offline", "resume", "overwrite", "json", "verbose", "help"] as const,
  ],
  // deno-fmt-ignore -- a line for each part of the help text
  string: [
    "model", "revision", "weights", "task", "data", "columns", "kind", "classes", "eval-data",
    "method", ...METHOD_FLAGS.string, "adapter-init", "optimizer", "momentum",
    "learning-rate", "schedule", "warmup", "weight-decay", "clip", "batch", "accumulate", "epochs", "steps",
    "max-length", "dropout", "shuffle", "seed", "out", "save-every", "log", "device",
  ],
} satisfies Flags;

/** Flags that decide nothing of what comes out. */
interface OwnFlags {
  readonly _: readonly (string | number)[];
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly help?: boolean;
  readonly out?: string;
  readonly "save-every"?: string;
  readonly log?: string;
  readonly device?: string;
}

const inOwnFlags = (text: string) => inFlags(text, TRAIN_PATHS);

/** Says what a run begins with: its data, what of the model is made afresh or rounded, what of an adapter is left out. */
function narrate({ spec, task, loaded, beginning }: CompleteSpec): void {
  const { base, model, tokenizer, report } = loaded;
  const brought = (name: string) =>
    Object.hasOwn(beginning?.trainable.heads ?? {}, name) && !beginning?.left.includes(name);
  const fresh = report.fresh.filter((name) => !brought(name));
  for (const line of understoodLines({ task, tokenizer, maxLength: spec.model.length, fresh })) {
    console.error(inOwnFlags(line));
  }
  const { unusedKeys } = model.config;
  if (unusedKeys.length > 0) console.error(`config.json says what is not used here: ${unusedKeys.join(", ")}`);
  const halves = Object.values(base).filter(({ dtype }) => dtype === "f16");
  const bytes = halves.reduce((sum, { size }) => sum + 2 * size, 0);
  if (bytes > 0) {
    const [half, whole] = [bytes, 2 * bytes].map((size) => `${(size / 2 ** 20).toFixed(1)} MiB`);
    console.error(`kept in f16: ${halves.length} matrices, ${half} in place of ${whole}`);
  }
  if (beginning && beginning.left.length > 0) {
    console.error(`left out of the adapter, as it is for other classes: ${beginning.left.join(", ")}`);
  }
}

/** Writes what was trained: the adapter, or the model where all of it was, or where W received what no adapter holds. */
async function writeResult(out: string, run: CompleteSpec, { method, state }: Ended, model: string): Promise<void> {
  if (method.isWhole) {
    return await writeModelFolder(out, method.merge(state), { loaded: run.loaded, labels: run.task });
  }
  const { config, tensors } = method.export(state);
  await io.saveAdapter(out, { config: { ...config, base_model_name_or_path: model }, tensors });
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) }) as TrainFlags & OwnFlags;
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const { out, json, log, resume = false, overwrite = false } = flags;
  if (out === undefined) throw new RangeError("--out is missing: the folder for what is trained");
  const saveEvery = wholeNumber("save-every", flags["save-every"] ?? "500");
  const say = (line: string) => json ? console.error(line) : console.log(line);

  const { draft, sources } = trainDraft(flags);
  const inputs = new Inputs(sources);
  const { folder } = await inputs.pretrained(draft.model?.weights);
  await requireOtherFolder(out, { "--model": folder, "--adapter-init": sources.adapter });
  await requireFree(out, { resume, overwrite });
  if (log !== undefined && !resume && !overwrite) await requireNoLog(log);
  const run = await completeSpec(draft, inputs);
  const { spec, task } = run;
  if (run.method.isWhole && !overwrite) await requireNoAdapter(out);

  using lock = await ownFolder(out, { resume, overwrite });
  const saved = resume && await hasState(out) ? await loadStateInfo(out) : undefined;
  const isTyped = (flag: string) => (flags[flag] ?? false) !== false;
  const typed = new Set(Object.entries(TRAIN_PATHS).filter(([, flag]) => isTyped(flag)).map(([path]) => path));
  if (saved) requireSameRun(out, { there: saved.spec, here: spec, typed });

  using device = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
  if (overwrite) await removeResults(lock);
  await saveLabels(out, task);
  const trainer = new Trainer(device, inputs);
  const bar = new ProgressBar(`${task.name} ${spec.method.name}`, spec.steps);
  let rate = new TrainingRate();
  let lines: StepLog | undefined;
  let scores: Readonly<Record<string, Score>> = {};
  let writes: number | undefined;
  const onBegin = async ({ method, state, done }: Begun) => {
    if (log !== undefined) lines = await StepLog.open(log, { from: done });
    narrate(run);
    say(`adapter: ${device.report.name} (${device.report.source})`);
    const { trainableParameters, totalParameters } = method.describe(state);
    say(`trained: ${trainableParameters.toLocaleString("en")} of ${totalParameters.toLocaleString("en")} parameters`);
    if (saved) say(`resumed: ${done} of ${spec.steps} steps are done`);
    else if (resume) say(`resumed: ${out} holds no state yet, the run begins at step 0`);
    rate = new TrainingRate();
  };
  const onEnd = async (ended: Ended) => {
    scores = ended.scores;
    writes = await ended.method.writeCount?.(ended.state).item();
    await writeResult(out, run, ended, sources.model!);
  };
  try {
    using interrupt = onInterrupt(`the same command with --resume goes on from here (${out})`);
    const result = await trainer.train(spec, {
      states: { folder: out, every: saveEvery, isResumed: saved !== undefined, keepsLast: true },
      signal: interrupt.signal,
      onBegin,
      onEnd,
      onStep(line) {
        lines?.add(line);
        rate.add(line);
        bar.update(line.step + 1, `loss ${line.loss.toFixed(3)}`);
      },
      onTrained: () => rate.end(),
    });
    const hash = await hashSpec(spec);
    await Deno.mkdir(`${out}/runs`, { recursive: true });
    await writeRecord(recordPath(out, hash), {
      hash,
      spec,
      status: "finished",
      result,
      isModified: await isModified(),
    });
    interrupt.signal.throwIfAborted();
  } finally {
    bar.end();
    trainer.close();
  }
  if (json) {
    const metrics = Object.fromEntries(Object.entries(scores).map(([name, { metrics }]) => [name, metrics]));
    const { loss, seconds, tokensPerSecond } = rate;
    const { steps, method: { name: method } } = spec;
    const result = { task: task.name, method, steps, loss, metrics, writes, seconds, tokensPerSecond };
    console.log(JSON.stringify({ ...result, spec, out }));
    return;
  }
  if (writes !== undefined) say(`W was written ${writes} times`);
  for (const line of scoreLines(scores)) say(line);
  say(`written: ${out}`);
  say(rate.line(scores));
}

if (import.meta.main) {
  const isJson = Deno.args.includes("--json");
  await runCommand("train", main, { json: isJson, say: (message) => inFlags(message, TRAIN_PATHS) });
}
