// deno task notebooks [FILES] [--quick | --update]: runs the notebooks in a real Deno kernel through Jupyter's own client.
import { fail } from "../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { flagHelp, readFlagsAndWords } from "../experiments/terminal/read_flags.ts";
import { onInterrupt } from "../experiments/terminal/interrupt.ts";

const ROOT = new URL("../", import.meta.url);

/** Flags of the command. */
export const FLAGS = {
  quick: {
    takes: "nothing",
    help: "does less work in each: sets NOTEBOOK_SCALE to quick, which a notebook's first code cell reads by\n" +
      'const isQuick = Deno.env.get("NOTEBOOK_SCALE") === "quick";\n' +
      "every cell runs, with fewer steps, seeds or runs; what it shows is no result",
  },
  update: {
    takes: "nothing",
    help: "keeps the outputs: writes them back into the notebooks that passed; otherwise no file is changed",
  },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP =
  `Runs notebooks from top to bottom in a real Deno kernel, and fails where a cell throws or shows nothing.

  deno task notebooks [FILES] [--quick | --update]

FILES are notebooks by path from the project's folder, or by the beginning of a name in notebooks/, such as 01; all of
notebooks/ by default.

${flagHelp(FLAGS)}`;

const INSTALL = `Jupyter is missing. Install its client and nbconvert:
  Debian:      apt-get install jupyter-nbconvert jupyter-client jupyter-core python3-ipykernel python3-nbformat
  with Python: pip install nbconvert jupyter-client ipykernel nbformat`;

/** What a cell showed: the parts of nbformat 4 that are read here. */
export interface Output {
  readonly output_type: string;
  /** Of a stream: stdout or stderr. */
  readonly name?: string;
  readonly text?: string | readonly string[];
  /** By MIME type. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly ename?: string;
  readonly evalue?: string;
}

/** A cell of a notebook. */
export interface Cell {
  readonly cell_type: string;
  readonly source: string | readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly Output[];
}

/** A notebook. */
export interface Notebook {
  readonly cells: readonly Cell[];
}

/** A folder or file from the root of a machine, as outputs must not name it. */
const ABSOLUTE_PATH = /file:\/\/\/\S*|(?<=^|[\s"'`(=:>])(?:\/\w[\w.@-]*){2,}|\b[A-Z]:\\\S+/;

const joined = (text: unknown): string => Array.isArray(text) ? text.join("") : typeof text === "string" ? text : "";

function textsOf({ text, data = {} }: Output): string[] {
  return [joined(text), ...Object.values(data).map((part) => joined(part) || JSON.stringify(part))];
}

function cellFaults({ outputs = [], execution_count }: Cell, number: number): string[] {
  const error = outputs.find(({ output_type }) => output_type === "error");
  if (error) return [`throws ${error.ename}: ${error.evalue}`];
  const texts = outputs.flatMap(textsOf);
  if (texts.every((text) => text.trim() === "")) return ["shows nothing"];
  const faults = execution_count === number ? [] : [`was not run in its place: its number is ${execution_count}`];
  const complaint = outputs.find(({ name }) => name === "stderr");
  if (complaint) faults.push(`writes to standard error: ${joined(complaint.text).trim()}`);
  const path = texts.map((text) => text.match(ABSOLUTE_PATH)?.[0]).find((found) => found !== undefined);
  if (path) faults.push(`shows a path of this machine: ${path}`);
  return faults;
}

/** What is wrong with the outputs of a notebook, in words. */
export function notebookFaults({ cells }: Notebook): string[] {
  const code = cells.filter(({ cell_type }) => cell_type === "code");
  if (code.length === 0) return ["holds no code"];
  return code.flatMap((cell, i) => cellFaults(cell, i + 1).map((fault) => `code cell ${i + 1} ${fault}`));
}

/** Paths, from the project's folder, of all notebooks of `notebooks/`. */
export function listNotebooks(): string[] {
  return [...Deno.readDirSync(new URL("notebooks/", ROOT))].map(({ name }) => `notebooks/${name}`)
    .filter((path) => path.endsWith(".ipynb")).sort();
}

/** The notebook of a path, or those of `notebooks/` whose names begin with a word. Throws a RangeError where there is none. */
export function findNotebooks(word: string): string[] {
  const isFile = word.endsWith(".ipynb");
  const found = listNotebooks().filter((path) => isFile ? path === word : path.startsWith(`notebooks/${word}`));
  if (found.length > 0) return found;
  if (isFile && Deno.statSync(new URL(word, ROOT)).isFile) return [word];
  throw new RangeError(`No notebook begins with ${word}: there are ${listNotebooks().join(", ")}`);
}

/** A line on standard error that is no news: Deno's on its kernel. */
const KNOWN_LINE = /"deno jupyter" is unstable/;

/** Repeats what comes on standard error, until it is of no more interest. */
async function passOn(stream: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal): Promise<void> {
  let rest = "";
  const tell = (line: string) => {
    if (!signal.aborted && !KNOWN_LINE.test(line)) console.error(line);
  };
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(tell);
  }
  if (rest) tell(rest);
}

/** Whether Jupyter's nbconvert runs here. */
export function hasJupyter(): boolean {
  try {
    return new Deno.Command("jupyter-nbconvert", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a specification of the Deno that runs this, in a folder of its own: nobody's own Jupyter is touched. */
async function makeKernel(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/kernels/deno`, { recursive: true });
  const kernel = [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"];
  const specification = {
    argv: ["sh", "-c", 'echo $$ > "$0"; exec "$@"', `${folder}/kernel.pid`, ...kernel],
    display_name: "Deno",
    language: "typescript",
    // Otherwise interrupting a cell kills the kernel.
    interrupt_mode: "message",
  };
  await Deno.writeTextFile(`${folder}/kernels/deno/kernel.json`, JSON.stringify(specification));
}

/** Ends a kernel that outlived Jupyter: one that was starting when Jupyter was interrupted is not ended by it. */
async function endKernel(folder: string): Promise<void> {
  try {
    const pid = Number(await Deno.readTextFile(`${folder}/kernel.pid`));
    await Deno.remove(`${folder}/kernel.pid`);
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // It never began, or it has ended: as it should.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** How much work notebooks do: all that they show to readers, or enough to tell that they run. */
export type Scale = "full" | "quick";

/** Runs a notebook and gives the text of its copy with outputs. The kernel starts in the notebook's own folder. */
async function execute(
  path: string,
  folder: string,
  { signal, scale }: { signal: AbortSignal; scale: Scale },
): Promise<string> {
  const child = new Deno.Command("jupyter-nbconvert", {
    args: [
      "--log-level=WARN",
      "--to=notebook",
      "--execute",
      // Errors become outputs, and all of them are told below.
      "--allow-errors",
      "--ExecutePreprocessor.kernel_name=deno",
      "--ExecutePreprocessor.timeout=600",
      "--ExecutePreprocessor.record_timing=False",
      `--output-dir=${folder}`,
      path,
    ],
    // Deno finds the project's deno.json, and with it the names that cells import, from the notebook's folder upwards.
    env: { JUPYTER_PATH: folder, NO_COLOR: "1", NOTEBOOK_SCALE: scale },
    cwd: ROOT,
    stdin: "null",
    stderr: "piped",
  }).spawn();
  const interrupt = () => child.kill("SIGINT");
  signal.addEventListener("abort", interrupt);
  try {
    const told = passOn(child.stderr, signal);
    const { code } = await child.status;
    // The kernel holds the same standard error.
    await endKernel(folder);
    await told;
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`nbconvert ended with exit code ${code}`);
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
  return await Deno.readTextFile(`${folder}/${path.split("/").pop()}`);
}

/** Runs a notebook and gives what is wrong with it. */
async function check(
  path: string,
  folder: string,
  options: { signal: AbortSignal; scale: Scale; isUpdate: boolean },
) {
  let text: string;
  try {
    text = await execute(path, folder, options);
  } catch (error) {
    options.signal.throwIfAborted();
    return [error instanceof Error ? error.message : String(error)];
  }
  const faults = notebookFaults(JSON.parse(text));
  if (options.isUpdate && faults.length === 0) await Deno.writeTextFile(new URL(path, ROOT), text);
  return faults;
}

async function main(): Promise<number> {
  const { flags, words } = readFlagsAndWords(Deno.args, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  if (flags.quick && flags.update) {
    throw new RangeError("Cannot keep the outputs of --quick, which are no results: give --update alone");
  }
  const paths = words.length > 0 ? words.flatMap(findNotebooks) : listNotebooks();
  if (!hasJupyter()) {
    console.error(INSTALL);
    return 1;
  }
  using interruption = onInterrupt("the notebook that was running is as it was");
  const { signal } = interruption;
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-notebooks-" });
  let failed = 0;
  try {
    await makeKernel(folder);
    for (const path of paths) {
      const began = performance.now();
      const faults = await check(path, folder, {
        signal,
        scale: flags.quick ? "quick" : "full",
        isUpdate: flags.update,
      });
      for (const fault of faults) console.error(`${path}: ${fault}`);
      if (faults.length > 0) failed++;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${faults.length > 0 ? "FAILED" : "ok    "}  ${path}  ${seconds} s`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`${paths.length - failed} passed, ${failed} failed`);
  return failed > 0 || paths.length === 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    fail("notebooks", error);
  }
}
