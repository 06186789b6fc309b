// deno task watch DIR [--port N] [--export FILE]
import { writeAtomically } from "../../lib/io/write_atomically.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { flagHelp, readFlagsAndWords } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";

/** Flags of the command. */
export const FLAGS = {
  port: {
    takes: "integer",
    value: "N",
    help: "port of this machine at which the page is shown; any that is free by default",
  },
  export: {
    takes: "text",
    value: "FILE",
    help: "writes the page with all that is in the folder as one file, which needs no server, and ends",
  },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Shows the runs of a folder of records on a page of this machine, while they are trained and afterwards.

  deno task watch DIR [flags]

DIR is the folder that reproduce, run or train writes into. The page has runs under way and ended, their curves, scores with
intervals, scores against cost, and specs beside each other. It is for this machine alone; Ctrl-C ends it.

${flagHelp(FLAGS)}`;

async function main(): Promise<void> {
  const { flags, words: [folder, extra] } = readFlagsAndWords(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  if (folder === undefined) throw new RangeError("the folder is missing, which comes first: deno task watch DIR");
  if (extra !== undefined) throw new RangeError(`unexpected argument "${extra}": see --help`);
  const { bundleClient, FolderWatch, serve, watchPage } = await import("../watch/mod.ts");
  const watch = new FolderWatch(folder);
  await watch.requireRuns();
  const client = await bundleClient();
  if (flags.export !== undefined) {
    const { html } = await watchPage({ ...client, data: await watch.look() });
    await writeAtomically(flags.export, html);
    return console.log(`written: ${flags.export}`);
  }
  const server = serve({ watch, page: await watchPage(client), port: flags.port });
  console.log(`${folder} is shown at http://127.0.0.1:${server.addr.port}/ until Ctrl-C`);
  await server.finished;
}

if (import.meta.main) await runCommand("watch", main);
