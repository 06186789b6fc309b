// deno task generate --out DIR [--seed N]
import { parseArgs } from "@std/cli/parse-args";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "./mod.ts";

const HELP = `Writes the suite's tasks in GLUE's own folders and files, and the vocabulary of its encoder.

  deno task generate --out DIR [--seed N]`;

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { boolean: ["help"], string: ["out", "seed"] });
  const seed = Number(flags.seed ?? SUITE_SEED);
  if (flags.help) console.log(HELP);
  else if (!flags.out || !Number.isSafeInteger(seed) || seed < 0) {
    console.error(
      flags.out ? `generate: --seed is a whole number from 0, not ${flags.seed}` : "generate: needs --out DIR",
    );
    Deno.exit(1);
  } else {
    for (const [name, text] of generateSuite(seed)) {
      await Deno.mkdir(`${flags.out}/${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(`${flags.out}/${name}`, text);
    }
    await Deno.writeTextFile(`${flags.out}/vocab.txt`, `${suiteVocabulary().join("\n")}\n`);
  }
}
