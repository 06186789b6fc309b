// deno task convert --state DIR --out DIR [--model DIR]
import { io, openDevice, peft, random, train } from "../../mod.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { methodNamed } from "../recipes/methods.ts";
import { withAdapter } from "../runner/model/adapted.ts";
import { loadLabels, saveLabels } from "../runner/heads/label_file.ts";
import { differenceLine, largestDifference } from "../runner/train/largest_difference.ts";
import { Inputs } from "../runner/data/inputs.ts";
import { outputsOf } from "../runner/data/read_task.ts";
import { MODEL, OVERWRITE } from "./flag_table.ts";
import { loadModelOf } from "../runner/model/own_model.ts";
import { loadMethodOf } from "../runner/train/load_method.ts";
import { makeMethod } from "../runner/train/make_method.ts";
import { makeOptimizer } from "../runner/train/optimizer.ts";
import { requireOtherFolder } from "../runner/model/other_folder.ts";
import { ownFolder, removeResults, requireFree } from "../runner/out_folder.ts";
import { isWholeModel } from "../runner/heads/read_adapter.ts";
import { loadState, loadStateInfo } from "../runner/train/state_file.ts";

/** Flags of the command. */
export const FLAGS = {
  state: {
    takes: "text",
    value: "DIR",
    path: "state",
    help: "the --out of deno task train: state.safetensors and state.json",
  },
  out: { takes: "text", value: "DIR", path: "out", help: "gets the adapter" },
  ...OVERWRITE,
  rank: { takes: "integer", value: "N", help: "of DyLoRA's adapter; by default the one that it was trained with" },
  model: {
    takes: "text",
    value: "DIR",
    path: MODEL.model.path,
    help: "what the run began from, where it lies elsewhere now",
  },
  offline: { takes: "nothing", help: "uses of the hub's models what is in the cache alone" },
  ...COMMON,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Writes the whole change that a run of Delta-LoRA made, of rank r in the factors and in W, as a LoRA adapter
of rank 2r in PEFT's format, and says how far its logits are from those of the run. Of a run of PiSSA it writes
an adapter of rank 2r, too, which changes the model as it is and not what PiSSA leaves of it; of a run of DyLoRA
the first components, as many as --rank says. The run may be under way.

  deno task convert --state DIR --out DIR [flags]

${flagHelp(FLAGS)}`;

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { state: folder, out, overwrite, rank: wantedRank, offline, device, verbose } = flags;
  if (folder === undefined) throw new RangeError("--state is missing: the folder of a run");
  if (out === undefined) throw new RangeError("--out is missing: the folder for the adapter");
  const { spec, sources } = await loadStateInfo(folder);
  await loadMethodOf(spec);
  await loadModelOf(spec);
  const description = methodNamed(spec.method.name);
  const takesRank = Object.hasOwn(description.options, "testRank");
  const testRank = takesRank ? wantedRank : undefined;
  const { isConverted, trainsWeights } = description;
  const made = { ...spec, method: { ...spec.method, ...testRank !== undefined && { testRank } } };
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
  if (wantedRank !== undefined && !takesRank) {
    throw new RangeError(`--rank is nothing of ${method.name}, the method of ${folder}`);
  }
  const { seed, steps, model: { weights, freshHead } } = spec;
  const known = await loadLabels(folder);
  const { model = sources.model } = flags;
  const inputs = new Inputs({ model, revision: sources.revision, offline });
  const { files, folder: modelFolder, reference } = await inputs.pretrained(weights);
  await requireOtherFolder(out, { state: folder, "model.name": modelFolder });
  await requireFree(out, { overwrite });
  if (reference.hash !== spec.model.hash) {
    throw new Error(`${model} is not what the run in ${folder} began from: its weights differ`);
  }
  const loaded = files.load({ labels: known && outputsOf(known), isFresh: freshHead, seed });

  using _device = await openDevice({ device, report: console.error, verbose });
  const fresh = train.init(random.key(seed), loaded.base, { method, optimizer: makeOptimizer(spec) });
  const { state } = await loadState(folder, fresh, { method, spec });
  const { config, tensors } = method.convert ? method.convert(state) : method.export(state);
  using lock = await ownFolder(out, { overwrite });
  if (overwrite) await removeResults(lock);
  await io.saveAdapter(out, { config: { ...config, base_model_name_or_path: sources.model }, tensors });
  if (known) await saveLabels(out, known);
  const difference = await largestDifference(
    { loaded, adapted: { method, state } },
    { loaded, adapted: await withAdapter(loaded, out) },
    undefined,
  );
  const [step, writes, rank] = [await state.step.item(), await method.writeCount?.(state).item(), config.r];
  if (flags.json) return console.log(JSON.stringify({ out, step, writes, rank, difference }));
  console.log(
    `after step ${step} of ${steps}${writes === undefined ? "" : `, with W written ${writes} times`}`,
  );
  console.log(`${differenceLine(difference)}\nwritten: ${out}, of rank ${rank}`);
}

if (import.meta.main) {
  const isJson = Deno.args.includes("--json");
  await runCommand("convert", main, { json: isJson, say: sayInFlags(FLAGS) });
}
