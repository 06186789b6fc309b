// deno task reproduce glue [flags]
import { requireName } from "../../lib/text/nearest.ts";
import type { TextTaskName } from "../recipes/texts.ts";
import type { FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { runCommand } from "../terminal/run_command.ts";

/** An experiment as a command: what it is, and what runs it with the arguments behind its name. */
interface ExperimentCommand {
  readonly summary: string;
  readonly load: () => Promise<{
    readonly main: (args: readonly string[]) => Promise<void>;
    readonly FLAGS: FlagTable;
  }>;
}

const EXPERIMENTS: Readonly<Record<string, ExperimentCommand>> = {
  glue: {
    summary: "methods on GLUE's tasks, their table beside the papers'",
    load: () => import("./reproduce_glue.ts"),
  },
  e2e: textCommand("e2e", "methods on E2E's texts about restaurants, their table beside the papers'"),
  webnlg: textCommand("webnlg", "methods on WebNLG 2017's texts about triples, of seen and of unseen categories"),
  xsum: textCommand("xsum", "methods on XSum's summaries of articles"),
  ablations: {
    summary: "what of Delta-LoRA matters: λ, K, rank, scale, rates, dropout, targets, optimizer, seeds",
    load: () => import("./reproduce_ablations.ts"),
  },
};

/** A task whose answers are texts, as a command. */
function textCommand(task: TextTaskName, summary: string): ExperimentCommand {
  return {
    summary,
    load: async () => {
      const { runTexts, FLAGS } = await import("./reproduce_texts.ts");
      return { main: (args) => runTexts(task, args), FLAGS };
    },
  };
}

const HELP = `Runs an experiment and writes its records, tables and figures.

  deno task reproduce NAME [flags]

${Object.entries(EXPERIMENTS).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`).join("\n")}

Each has --help.`;

/** Makes messages the experiment's, once it is known which. */
let say = (message: string) => message;

async function main(): Promise<void> {
  const [name, ...args] = Deno.args;
  if (name === "--help") return console.log(HELP);
  if (name === undefined || name.startsWith("-")) {
    throw new RangeError("what is to be reproduced is missing: deno task reproduce glue");
  }
  const known = requireName("experiment", name, Object.keys(EXPERIMENTS));
  const { main: run, FLAGS } = await EXPERIMENTS[known].load();
  say = sayInFlags(FLAGS);
  await run(args);
}

if (import.meta.main) {
  await runCommand("reproduce", main, {
    json: Deno.args.includes("--json"),
    say: (message) => say(message),
  });
}
