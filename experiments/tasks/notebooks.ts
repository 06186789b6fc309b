// deno task notebooks [FILES]: runs the notebooks in a real Deno kernel through Jupyter's own client and keeps their outputs.
const ROOT = new URL("../../", import.meta.url);

const INSTALL = `Jupyter is missing. Install its client and nbconvert:
  Debian:      apt-get install jupyter-nbconvert jupyter-client jupyter-core python3-ipykernel python3-nbformat
  with Python: pip install nbconvert jupyter-client ipykernel nbformat`;

interface Output {
  readonly output_type: string;
  readonly ename?: string;
  readonly evalue?: string;
}

interface Cell {
  readonly cell_type: string;
  readonly source: string | readonly string[];
  readonly outputs?: readonly Output[];
}

async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = new Deno.Command(command, { args: [...args], env, cwd: ROOT, stdin: "null" }).spawn();
  return (await child.status).code;
}

function hasJupyter(): boolean {
  try {
    return new Deno.Command("jupyter-nbconvert", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Cells that failed, or show nothing although they hold code, in words. */
function faults(path: string): string[] {
  const { cells } = JSON.parse(Deno.readTextFileSync(path)) as { cells: readonly Cell[] };
  return cells.filter((cell) => cell.cell_type === "code").flatMap(({ outputs = [] }, i) => {
    const error = outputs.find((output) => output.output_type === "error");
    if (error) return [`${path}: code cell ${i + 1}: ${error.ename}: ${error.evalue}`];
    return outputs.length === 0 ? [`${path}: code cell ${i + 1} shows nothing`] : [];
  });
}

/** A folder with the specification of the Deno that runs this, so that nobody's own Jupyter is touched. */
async function kernelFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-kernel-" });
  const kernel = `${folder}/kernels/deno`;
  await Deno.mkdir(kernel, { recursive: true });
  await Deno.writeTextFile(
    `${kernel}/kernel.json`,
    JSON.stringify({
      argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
      display_name: "Deno",
      language: "typescript",
      // Otherwise interrupting a cell kills the kernel.
      interrupt_mode: "message",
    }),
  );
  return folder;
}

async function main(): Promise<number> {
  if (!hasJupyter()) {
    console.error(INSTALL);
    return 1;
  }
  const files = Deno.args.length > 0
    ? Deno.args
    : [...Deno.readDirSync(new URL("notebooks/", ROOT))].map(({ name }) => name).filter((name) =>
      name.endsWith(".ipynb")
    )
      .sort().map((name) => `notebooks/${name}`);
  const folder = await kernelFolder();
  let failed = 0;
  try {
    for (const file of files) {
      const began = performance.now();
      const code = await run("jupyter-nbconvert", [
        "--log-level=WARN",
        "--to=notebook",
        "--execute",
        "--inplace",
        "--ExecutePreprocessor.kernel_name=deno",
        "--ExecutePreprocessor.timeout=600",
        file,
      ], { JUPYTER_PATH: folder });
      const found = code === 0 ? faults(file) : [`${file}: nbconvert ended with exit code ${code}`];
      found.forEach((fault) => console.error(fault));
      if (found.length > 0) failed++;
      console.log(
        `${found.length > 0 ? "FAILED" : "ok    "}  ${file}  ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`${files.length - failed} passed, ${failed} failed`);
  return failed > 0 || files.length === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
