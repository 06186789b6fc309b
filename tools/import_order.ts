/**
 * What stands at one height of a folder: a file, a folder with all that is in it, `*` for the folder's other files, or
 * several of them that know nothing of each other.
 */
export type Rung = string | readonly string[];

/** The lowest first: a file imports only from its own rung and those before it. */
export type Order = readonly Rung[];

/** The order of each folder that has folders, by its path from the project's root, which is `.`. */
export const ORDERS: Readonly<Record<string, Order>> = {
  ".": [
    "deno.json",
    "kernels",
    "lib",
    "mod.ts",
    "experiments",
    ["bench", "tools"],
    "notebooks",
    "tests",
  ],
  "lib": [
    "text",
    "device",
    "tensor",
    "io",
    "ops",
    "compile",
    "transform",
    "linalg",
    "data",
    "hub",
    "metrics",
    "nn",
    "models",
    "optim",
    "peft",
    "train",
    "generate",
    "experiment",
  ],
  "lib/compile": ["graph", "fuse", "lower", "plan", "inspect", "tune", "run", "*"],
  "lib/data": [
    ["tokenizer", "table"],
    "shuffle.ts",
    ["batch_order.ts", "buckets.ts"],
    "batch_sequence.ts",
    "generation",
    "*",
  ],
  "lib/metrics": ["text", "*"],
  "lib/experiment": [
    "specs",
    "records",
    "tensorboard",
    "statistics",
    "tables",
    "figures",
    ["notebook", "instruments"],
    "*",
  ],
  "lib/peft": ["method.ts", "factors.ts", "targets.ts", "method_options.ts", "files", "*"],
  "experiments": ["suite", "terminal", "recipes", "runner", "sweep", "studies", "watch", "cli"],
  "experiments/suite": ["*", "texts"],
  "experiments/watch": ["snapshot.ts", "client", "*"],
  "experiments/runner": [
    ["locked.ts", "measure.ts", "own_module.ts", "versions.ts"],
    "heads",
    "model",
    "data",
    "train",
    "pretrain",
    "*",
  ],
  "experiments/studies": [
    ["comparable.ts", "growth.ts", "recorded.ts", "text_sizes.ts", "understood_tasks.ts"],
    ["glue", "minilm"],
    "texts",
    "ablations",
    "*",
  ],
  "experiments/studies/ablations": ["studies", "*"],
  "bench": ["measure", "cases", "peers", "report", "parts", "*"],
};

/** Folders within which everything may import everything. */
export const FREE: readonly string[] = ["tests"];

/** Where nothing is imported from JSR: what `mod.ts` reaches must be there wherever npm is. */
export const WITHOUT_JSR: readonly string[] = ["kernels", "lib", "mod.ts"];
