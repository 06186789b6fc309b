// deno task tune [--models small,minilm] [--methods lora,full] [--device NAME]
import { evaluate, jit, openDevice } from "../mod.ts";
import { productChoices } from "../lib/compile/inspect_mod.ts";
import { treeDispose } from "../lib/tensor/mod.ts";
import { fail } from "../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { nameList } from "../experiments/terminal/flags.ts";
import { flagHelp, readFlags } from "../experiments/terminal/read_flags.ts";
import { benchStep } from "./cases/bench_step.ts";
import { METHODS } from "./cases/methods.ts";
import { BENCH_MODELS, type BenchModel, tensorBatch } from "./cases/models.ts";

const DROPOUT = 0.1;

/** Flags of the command. */
export const FLAGS = {
  models: {
    takes: "text",
    value: "LIST",
    help: `of ${Object.keys(BENCH_MODELS).join(", ")}; small,minilm by default`,
  },
  methods: {
    takes: "text",
    value: "LIST",
    help: `of ${Object.keys(METHODS).map((name) => `"${name}"`).join(", ")}; lora,full by default`,
  },
  device: COMMON.device,
  verbose: COMMON.verbose,
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Measures which kernels compute the products of training steps fastest on this device, and remembers it in
products.json of the cache folder. Programs that open a device use what stands there; results keep their bits. What is
known already is not measured again: delete the file to begin anew.

  deno task tune [flags]

${flagHelp(FLAGS)}`;

/** Compiles a step, which measures what is not known of its products. */
async function compileStep(model: BenchModel, name: string): Promise<void> {
  const { step: one, begin } = benchStep(model, name, { learningRate: 1e-4, dropout: DROPOUT });
  const state = begin(0);
  await evaluate(state.base);
  const step = jit(one, { donate: [0] });
  await step.compile(state, [tensorBatch(model)]);
  step.dispose();
  treeDispose(state);
}

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const models = nameList("models", flags.models ?? "small,minilm", Object.keys(BENCH_MODELS));
  const methods = nameList("methods", flags.methods ?? "lora,full", Object.keys(METHODS));
  using device = await openDevice({
    device: flags.device,
    report: (line) => console.error(line),
    products: "measured",
    verbose: flags.verbose,
  });
  console.log(`${device.report.name}: ${productChoices()}`);
  for (const model of models) {
    for (const method of methods) {
      const began = performance.now();
      await compileStep(BENCH_MODELS[model], method);
      console.log(`${model}, ${method}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    }
  }
  await device.done();
  console.log(`now: ${productChoices()}`);
}

if (import.meta.main) await main().catch((error) => fail("tune", error));
