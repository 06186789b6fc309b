// deno task convert --state DIR --out DIR [--model DIR]
import { parseArgs } from "@std/cli/parse-args";
import { io, openDevice, peft, random, train } from "../../mod.ts";
import { checkValues, refuseUnknown, wholeNumber } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { withAdapter } from "../runner/model/adapted.ts";
import { hashModel } from "../runner/model/hash_tensors.ts";
import { loadLabels, saveLabels } from "../runner/heads/label_file.ts";
import { differenceLine, largestDifference } from "../runner/train/largest_difference.ts";
import { findModel, loadModel, type ModelFlags } from "../runner/model/load_model.ts";
import { makeMethod } from "../runner/train/make_method.ts";
import { makeOptimizer } from "../runner/train/optimizer.ts";
import { requireOtherFolder } from "../runner/model/other_folder.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { isWholeModel } from "../runner/heads/read_adapter.ts";
import { loadState, loadStateInfo } from "../runner/train/state_file.ts";
import type { TrainSettings } from "../runner/train/train_settings.ts";

/** What `--help` prints. */
export const HELP =
  `Writes the whole change that a run of Delta-LoRA made, of rank r in the factors and in W, as a LoRA adapter
of rank 2r in PEFT's format, and says how far its logits are from those of the run. Of a run of DyLoRA it writes
the first components, as many as --rank says. The run may be under way.

  deno task convert --state DIR --out DIR [flags]

  --state DIR    the --out of deno task train: state.safetensors and state.json
  --out DIR      gets the adapter
  --overwrite    writes over a run, an adapter or a model in --out, which is refused else
  --rank N       of DyLoRA's adapter; by default the one that it was trained with
  --model DIR    what the run began from, where it lies elsewhere now
  --offline      uses of the hub's models what is in the cache alone
  --device NAME  swiftshader, lavapipe, browser, or part of a device's name
  --json         one JSON document on standard output, all else on standard error
  --verbose      with the warnings that Dawn has for every software device
  --help         this text`;

/** Flags of the command. */
export const FLAGS = {
  boolean: ["offline", "overwrite", "json", "verbose", "help"],
  string: ["state", "model", "rank", "out", "device"],
} as const;

interface ConvertFlags extends Omit<ModelFlags, "revision" | "weights"> {
  readonly _: readonly (string | number)[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly help?: boolean;
  readonly state?: string;
  readonly rank?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly device?: string;
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) }) as ConvertFlags;
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const { state: folder, out } = flags;
  if (folder === undefined) throw new RangeError("--state is missing: the folder of a run");
  if (out === undefined) throw new RangeError("--out is missing: the folder for the adapter");
  const info = await loadStateInfo(folder);
  const settings = info.settings as unknown as TrainSettings;
  const description = peft.methodNamed(settings.method);
  const takesRank = Object.hasOwn(description.options, "testRank");
  const testRank = flags.rank === undefined || !takesRank ? undefined : wholeNumber("rank", flags.rank);
  const { isConverted, trainsWeights } = description;
  const made = { ...settings, ...testRank !== undefined && { "test-rank": testRank } };
  const method = isConverted || trainsWeights ? makeMethod(made) : undefined;
  if (method?.isWhole) {
    const isThere = await isWholeModel(folder);
    throw new RangeError(
      `there is nothing to convert in ${folder}: as no adapter holds what ${method.name} trains there, ` +
        (isThere
          ? `it is the whole model already, to be used as --model ${folder}`
          : "its end will write the whole model"),
    );
  }
  if (!method) {
    const others = peft.METHODS.filter(({ isConverted }) => isConverted).map(({ name }) => name);
    throw new RangeError(
      `there is nothing to convert in ${folder} as its method is ${description.name}, not ${others.join(" or ")}`,
    );
  }
  if (flags.rank !== undefined && !takesRank) {
    throw new RangeError(`--rank is nothing of ${method.name}, the method of ${folder}`);
  }
  const { outputs: labels, seed, weights } = settings;
  const { model = settings.model, offline } = flags;
  const modelFolder = await findModel({ model, revision: settings.revision, offline });
  await requireOtherFolder(out, { "--state": folder, "--model": modelFolder });
  await requireFree(out, flags);
  const loaded = await loadModel(modelFolder, { labels, seed, weights, freshHead: settings["fresh-head"] });
  if (await hashModel(loaded) !== info.inputs.weights) {
    throw new Error(`${model} is not what the run in ${folder} began from: its weights differ`);
  }

  using _device = await openDevice({ device: flags.device, report: console.error, verbose: flags.verbose });
  const fresh = train.init(random.key(seed), loaded.base, { method, optimizer: makeOptimizer(settings) });
  const state = await loadState(folder, fresh, { method, info });
  const { config, tensors } = method.export(state);
  using lock = await ownFolder(out, flags);
  if (flags.overwrite) await removeResults(lock);
  await io.saveAdapter(out, { config: { ...config, base_model_name_or_path: settings.model }, tensors });
  const known = await loadLabels(folder);
  if (known) await saveLabels(out, known);
  const difference = await largestDifference(
    { loaded, adapted: { method, state } },
    { loaded, adapted: await withAdapter(loaded, out) },
    undefined,
  );
  const [step, writes, rank] = [await state.step.item(), await method.writeCount?.(state).item(), config.r];
  if (flags.json) return console.log(JSON.stringify({ out, step, writes, rank, difference }));
  console.log(
    `after step ${step} of ${settings.steps}${writes === undefined ? "" : `, with W written ${writes} times`}`,
  );
  console.log(`${differenceLine(difference)}\nwritten: ${out}, of rank ${rank}`);
}

if (import.meta.main) await runCommand("convert", main, { json: Deno.args.includes("--json") });
