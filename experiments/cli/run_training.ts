import { io, openDevice, peft } from "../../mod.ts";
import { hashSpec } from "../../lib/experiment/specs/mod.ts";
import { LiveRuns } from "../../lib/experiment/records/live_runs.ts";
import { recordPath, type RunRecord, writeRecord } from "../../lib/experiment/records/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { mebibytes } from "../../lib/text/mebibytes.ts";
import type { MethodFlags } from "../terminal/method_flags.ts";
import { onInterrupt } from "../terminal/interrupt.ts";
import { ProgressBar } from "../terminal/progress_bar.ts";
import { inFlags } from "../terminal/in_flags.ts";
import type { FlagValues } from "../terminal/read_flags.ts";
import { sayBeside } from "../terminal/say.ts";
import { tell } from "../terminal/tell.ts";
import type { CompleteSpec } from "../runner/complete_spec.ts";
import { completeRun, type CompleteTextSpec, isOfTexts } from "../runner/complete_text_spec.ts";
import { textLines } from "../runner/data/text_task.ts";
import { isTextTask } from "../runner/data/text_names.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { understoodLines } from "../runner/data/understood.ts";
import { saveLabels } from "../runner/heads/label_file.ts";
import { writeModelFolder, writeWriterFolder } from "../runner/model/model_folder.ts";
import { requireNoAdapter, requireOtherFolder } from "../runner/model/other_folder.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { predictionLines } from "../runner/train/predictions_file.ts";
import { type Score, scoreLines, TEXTS } from "../runner/train/score.ts";
import { hasState, loadStateInfo, requireSameRun } from "../runner/train/state_file.ts";
import { requireNoLog, StepLog } from "../runner/train/step_log.ts";
import type { Begun, Ended } from "../runner/train/train_hooks.ts";
import { Trainer } from "../runner/train/trainer.ts";
import { TrainingRate } from "../runner/train/training_rate.ts";
import { isModified } from "../runner/versions.ts";
import { writeRunFile } from "../runner/write_run_file.ts";
import { writeBoardRun } from "../runner/write_tensorboard.ts";
import type { TRAIN } from "./train_flags.ts";
import { trainDraft } from "./train_draft.ts";

type FlagsOfPaths = Parameters<typeof inFlags>[1];

/** What {@linkcode runTraining} needs to know of flags. */
export interface RunTrainingOptions {
  /** Flags of the options of methods. */
  readonly options: MethodFlags;
  /** The flags that decide what places of a spec say. */
  readonly paths: FlagsOfPaths;
}

type AnyRun = CompleteSpec | CompleteTextSpec;

/** Says what a run begins with: its data, what of the model is made afresh or rounded, what of an adapter is left out. */
function narrate(run: AnyRun, paths: FlagsOfPaths): void {
  if (!isOfTexts(run)) return narrateLabels(run, paths);
  for (const line of textLines(run.task)) console.error(line);
  narrateModel(run.base, run.writer.model.config.unusedKeys);
}

function narrateLabels({ spec, task, loaded, beginning }: CompleteSpec, paths: FlagsOfPaths): void {
  const { base, model, tokenizer, report } = loaded;
  const brought = (name: string) =>
    Object.hasOwn(beginning?.trainable.heads ?? {}, name) && !beginning?.left.includes(name);
  const fresh = report.fresh.filter((name) => !brought(name));
  for (const line of understoodLines({ task, tokenizer, maxLength: spec.model.length, fresh })) {
    console.error(inFlags(line, paths));
  }
  narrateModel(base, model.config.unusedKeys);
  if (beginning && beginning.left.length > 0) {
    console.error(`left out of the adapter, as it is for other classes: ${beginning.left.join(", ")}`);
  }
}

function narrateModel(base: CompleteTextSpec["base"], unusedKeys: readonly string[]): void {
  if (unusedKeys.length > 0) console.error(`config.json says what is not used here: ${unusedKeys.join(", ")}`);
  const halves = Object.values(base).filter(({ dtype }) => dtype === "f16");
  const bytes = halves.reduce((sum, { size }) => sum + 2 * size, 0);
  if (bytes > 0) {
    console.error(`kept in f16: ${halves.length} matrices, ${mebibytes(bytes)} in place of ${mebibytes(2 * bytes)}`);
  }
}

/** Writes what was trained: the adapter, or the model where all of it was, or where W received what no adapter holds. */
async function writeResult(out: string, run: AnyRun, { method, state }: Ended, model: string): Promise<void> {
  if (isOfTexts(run)) return await writeTextResult(out, run, { method, state }, model);
  if (method.isWhole) {
    return await writeModelFolder(out, method.merge(state), { loaded: run.loaded, labels: run.task });
  }
  const { config, tensors } = method.export(state);
  await io.saveAdapter(out, { config: { ...config, base_model_name_or_path: model }, tensors });
}

/** The same of a model that writes texts: PEFT loads its adapter as one of such a model. */
async function writeTextResult(
  out: string,
  { writer, folder, config }: CompleteTextSpec,
  { method, state }: Pick<Ended, "method" | "state">,
  name: string,
): Promise<void> {
  if (method.isWhole) {
    return await writeWriterFolder(out, method.merge(state), { config, model: writer.model, folder });
  }
  const { config: own, tensors } = peft.withTaskType(
    method.export(state),
    writer.kind === "language-modelling" ? "CAUSAL_LM" : "SEQ_2_SEQ_LM",
  );
  await io.saveAdapter(out, { config: { ...own, base_model_name_or_path: name }, tensors });
}

/** What came of a run, for {@linkcode printResult}. */
interface Outcome {
  readonly run: AnyRun;
  readonly out: string;
  readonly scores: Readonly<Record<string, Score>>;
  /** How often W was written, where the method writes it. */
  readonly writes: number | undefined;
  readonly rate: TrainingRate;
}

/** Prints what a person, or with `json` a program, reads in the end. */
function printResult({ run: { spec, task }, out, scores, writes, rate }: Outcome, json: boolean): void {
  if (json) {
    const metrics = Object.fromEntries(Object.entries(scores).map(([name, { metrics }]) => [name, metrics]));
    const { loss, seconds, tokensPerSecond } = rate;
    const { steps, method: { name: method } } = spec;
    const result = { task: task.name, method, steps, loss, metrics, writes, seconds, tokensPerSecond };
    console.log(JSON.stringify({ ...result, spec, out }));
    return;
  }
  if (writes !== undefined) console.log(`W was written ${writes} times`);
  for (const line of scoreLines(scores)) console.log(line);
  console.log(`written: ${out}`);
  console.log(rate.line(scores));
}

/**
 * Trains the run that flags of `train` describe, or goes on with it, and writes what was trained and its record.
 *
 * Throws a RangeError that names the flag that is wrong, and an Error where the run or its folder is another.
 */
export async function runTraining(
  flags: FlagValues<typeof TRAIN> & Readonly<Record<string, unknown>>,
  { options, paths }: RunTrainingOptions,
): Promise<void> {
  const { out, json, log, resume, overwrite, tensorboard, "save-every": saveEvery = 500 } = flags;
  if (out === undefined) throw new RangeError("--out is missing: the folder for what is trained");
  const say = sayBeside(json);

  const { draft, sources } = trainDraft(flags, options);
  const inputs = new Inputs(sources);
  const isText = isTextTask(draft.task);
  const { folder } = isText
    ? await inputs.textModel(draft.model?.weights)
    : await inputs.pretrained(draft.model?.weights);
  await requireOtherFolder(out, { "model.name": folder, adapter: sources.adapter });
  await requireFree(out, { resume, overwrite });
  if (log !== undefined && !resume && !overwrite) await requireNoLog(log);
  const run = await completeRun(draft, inputs);
  const { spec, task } = run;
  if (run.method.isWhole && !overwrite) await requireNoAdapter(out);

  if (flags["write-spec"] !== undefined) await writeRunFile(flags["write-spec"], [spec], { inputs: sources, out });
  using lock = await ownFolder(out, { resume, overwrite });
  const saved = resume && await hasState(out) ? await loadStateInfo(out) : undefined;
  const isTyped = (flag: string) => (flags[flag] ?? false) !== false;
  const typed = new Set(Object.entries(paths).filter(([, flag]) => isTyped(flag)).map(([path]) => path));
  if (saved) requireSameRun(out, { there: saved.spec, here: spec, typed });

  using device = await openDevice({ device: flags.device, report: tell, verbose: flags.verbose });
  if (overwrite) await removeResults(lock);
  if ("labels" in task) await saveLabels(out, task);
  const trainer = new Trainer(device, inputs);
  const hash = await hashSpec(spec);
  const live = new LiveRuns(out);
  const bar = new ProgressBar(`${task.name} ${spec.method.name}`, spec.steps);
  let texts: ProgressBar | undefined;
  let rate = new TrainingRate();
  let lines: StepLog | undefined;
  let scores: Readonly<Record<string, Score>> = {};
  let writes: number | undefined;
  const onBegin = async ({ method, state, done }: Begun) => {
    if (log !== undefined) lines = await StepLog.open(log, { from: done });
    narrate(run, paths);
    say(`device: ${device.report.name} (${device.report.source})`);
    const { trainableParameters, totalParameters } = method.describe(state);
    say(`trained: ${trainableParameters.toLocaleString("en")} of ${totalParameters.toLocaleString("en")} parameters`);
    if (saved) say(`resumed: ${done} of ${spec.steps} steps are done`);
    else if (resume) say(`resumed: ${out} holds no state yet, the run begins at step 0`);
    rate = new TrainingRate();
    live.start(hash, spec);
  };
  const onEnd = async (ended: Ended) => {
    scores = ended.scores;
    writes = await ended.method.writeCount?.(ended.state).item();
    await writeResult(out, run, ended, sources.model!);
    const written = ended.scores[TEXTS]?.texts;
    if (written) await writeAtomically(`${out}/predictions.jsonl`, predictionLines(written));
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
        live.progress(hash, { step: line.step + 1, loss: line.loss });
        bar.update(line.step + 1, `loss ${line.loss.toFixed(3)}`);
      },
      onTrained: () => rate.end(),
      onTexts(done, all) {
        bar.end();
        texts ??= new ProgressBar(`${task.name} texts`, all);
        texts.update(done, "");
      },
    });
    await Deno.mkdir(`${out}/runs`, { recursive: true });
    const record: RunRecord = { hash, spec, status: "finished", result, isModified: await isModified() };
    await writeRecord(recordPath(out, hash), record);
    if (tensorboard !== undefined) await writeBoardRun(tensorboard, record, { out });
    interrupt.signal.throwIfAborted();
  } finally {
    bar.end();
    texts?.end();
    trainer.close();
    await live.close();
  }
  printResult({ run, out, scores, writes, rate }, json);
}
