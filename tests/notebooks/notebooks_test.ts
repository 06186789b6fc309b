import { expect } from "expect";
import { fileURLToPath } from "node:url";
import { describe, it } from "@std/testing/bdd";
import {
  type Cell,
  findNotebooks,
  hasJupyter,
  listNotebooks,
  type Notebook,
  notebookFaults,
  type Output,
} from "../../tools/notebooks.ts";

const ROOT = new URL("../../", import.meta.url);
const TASK = new URL("tools/notebooks.ts", ROOT).href;

const read = (path: string): Notebook => JSON.parse(Deno.readTextFileSync(new URL(path, ROOT)));
const joined = (text: unknown): string => Array.isArray(text) ? text.join("") : String(text);
const sourceOf = ({ source }: Cell): string => joined(source);

function code(outputs: readonly Output[], execution_count: number | null = 1): Cell {
  return { cell_type: "code", source: "1 + 1;", execution_count, outputs };
}

const shows = (text: string): Output => ({ output_type: "display_data", data: { "text/plain": [text] } });
const fine = code([shows("2")]);

/** Runs the task's script in a folder, with other variables in its environment. */
async function runTask(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-run", "--allow-read", "--allow-write", "--allow-env", TASK, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** What Deno says to its arguments on standard error where it fails. */
async function complaint(args: readonly string[]): Promise<string> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], env: { NO_COLOR: "1" } })
    .output();
  return success ? "" : new TextDecoder().decode(stderr);
}

/** Runs a test with the code of each committed notebook as a file of TypeScript, which is gone afterwards. */
async function withSources(
  change: (source: string) => string,
  test: (files: readonly string[]) => Promise<void>,
): Promise<void> {
  // In the project, as its names of packages are for its own files.
  const folder = await Deno.makeTempDir({ dir: fileURLToPath(ROOT), prefix: ".notebooks-" });
  try {
    const files = listNotebooks().map((path) => {
      const cells = read(path).cells.filter(({ cell_type }) => cell_type === "code").map(sourceOf);
      const file = `${folder}/${path.split("/").pop()}.ts`;
      Deno.writeTextFileSync(file, change(`${cells.join("\n\n")}\n`));
      return file;
    });
    await test(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a test with a notebook of some cells, which is gone afterwards. */
async function withNotebook(cells: readonly string[], test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-notebooks-" });
  try {
    const notebook = {
      cells: cells.map((source, i) => ({ id: `cell-${i}`, metadata: {}, ...code([], null), source })),
      metadata: { kernelspec: { display_name: "Deno", language: "typescript", name: "deno" } },
      nbformat: 4,
      nbformat_minor: 5,
    };
    await Deno.writeTextFile(`${folder}/test.ipynb`, JSON.stringify(notebook));
    await test(`${folder}/test.ipynb`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("notebookFaults", () => {
  it("finds nothing in a cell that ran and showed something", () => {
    expect(notebookFaults({ cells: [{ cell_type: "markdown", source: "text" }, fine] })).toEqual([]);
  });

  it("finds a planted error, and names the cell and what it threw", () => {
    const error = { output_type: "error", ename: "TypeError", evalue: "x is not a function" };
    expect(notebookFaults({ cells: [fine, code([shows("before"), error], 2)] }))
      .toEqual(["code cell 2 throws TypeError: x is not a function"]);
  });

  it("finds a planted empty output, and an output that holds nothing but space", () => {
    expect(notebookFaults({ cells: [code([])] })).toEqual(["code cell 1 shows nothing"]);
    expect(notebookFaults({ cells: [code([{ output_type: "stream", name: "stdout", text: ["\n"] }])] }))
      .toEqual(["code cell 1 shows nothing"]);
  });

  it("finds what was written to standard error", () => {
    const warning = { output_type: "stream", name: "stderr", text: ["Warning: slow\n"] };
    expect(notebookFaults({ cells: [code([shows("2"), warning])] }))
      .toEqual(["code cell 1 writes to standard error: Warning: slow"]);
  });

  for (const path of ["/home/someone/project/mod.ts", "file:///srv/mod.ts", "C:\\Users\\someone", "(/opt/tool)"]) {
    it(`finds a path of the machine: ${path}`, () => {
      const [fault] = notebookFaults({ cells: [code([shows(`read ${path} again`)])] });
      expect(fault).toMatch(/^code cell 1 shows a path of this machine: /);
    });
  }

  it("takes web addresses, fractions and closing tags for what they are", () => {
    const texts = ["https://arxiv.org/abs/2309.02411", "λ·(α/r)", "<g><path/></g></svg>", "and/or/both", "‖W‖ / ‖W₀‖"];
    expect(notebookFaults({ cells: [code(texts.map(shows))] })).toEqual([]);
  });

  it("finds cells that were not run from top to bottom", () => {
    expect(notebookFaults({ cells: [code([shows("2")], 7)] })).toEqual([
      "code cell 1 was not run in its place: its number is 7",
    ]);
    expect(notebookFaults({ cells: [] })).toEqual(["holds no code"]);
  });
});

describe("the committed notebooks", () => {
  const paths = listNotebooks();

  it("are there", () => expect(paths.length).toBeGreaterThanOrEqual(2));

  for (const path of paths) {
    it(`${path} has outputs in every code cell, no errors, no warnings and no paths of a machine`, () => {
      expect(notebookFaults(read(path))).toEqual([]);
    });

    it(`${path} imports the package by the name that it has on JSR`, () => {
      const sources = read(path).cells.filter(({ cell_type }) => cell_type === "code").map(sourceOf).join("\n");
      expect(sources).toMatch(/import \* as dd from "@delta-dawn\/delta-lora";/);
      expect(sources).not.toMatch(/from "(\.\.\/(mod\.ts|lib\/)|npm:|jsr:|https?:|file:)/);
    });
  }

  // `deno fmt --check` cannot tell: it wants a line's end at the end of each cell, and does not write it.
  it("hold code that is formatted as the rest of the project", async () => {
    const { fmt } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
    await withSources((source) => source, async (files) => {
      const args = ["fmt", "--check", "--quiet", "--no-config", `--line-width=${fmt.lineWidth}`, ...files];
      expect(await complaint(args)).toBe("");
    });
  });

  it("hold code of the right types, which the kernel does not check", async () => {
    await withSources((source) => source.replaceAll('from "../', `from "${ROOT.href}`), async (files) => {
      const config = fileURLToPath(new URL("deno.json", ROOT));
      expect(await complaint(["check", "--quiet", "--config", config, ...files])).toBe("");
    });
  });
});

describe("deno task notebooks", () => {
  it("says how to install Jupyter where it is missing, and fails", async () => {
    const { code, stderr } = await runTask([], { PATH: "/nowhere" });
    expect(code).toBe(1);
    expect(stderr).toContain("pip install nbconvert");
  });

  const inKernel = hasJupyter() ? it : it.skip;

  /** That of lib/experiment/notebook/display.ts: clients drop what comes after a cell is done. */
  const PAUSE = "await new Promise((done) => setTimeout(done, 50));";
  /** A cell that shows a text. */
  const showing = (text: string) => `await Deno.jupyter.display({ "text/plain": "${text}" }, { raw: true });\n${PAUSE}`;

  inKernel("fails on cells that throw or show nothing, and leaves such a notebook as it was", async () => {
    const cells = [showing("fine"), "const x: number = 1;", 'throw new RangeError("planted");'];
    await withNotebook(cells, async (path) => {
      const before = await Deno.readTextFile(path);
      const { code, stdout, stderr } = await runTask([path, "--update"]);
      expect(stderr.split("\n")).toEqual([
        `${path}: code cell 2 shows nothing`,
        `${path}: code cell 3 throws RangeError: planted`,
        "",
      ]);
      expect([code, stdout.includes("0 passed, 1 failed")]).toEqual([1, true]);
      expect(await Deno.readTextFile(path)).toBe(before);
    });
  });

  inKernel("changes a notebook only with --update, and then keeps its outputs", async () => {
    await withNotebook([showing("42")], async (path) => {
      const before = await Deno.readTextFile(path);
      expect((await runTask([path])).code).toBe(0);
      expect(await Deno.readTextFile(path)).toBe(before);
      expect((await runTask([path, "--update"])).code).toBe(0);
      const { cells: [cell] } = JSON.parse(await Deno.readTextFile(path)) as Notebook;
      expect(cell.outputs?.map(({ data }) => data)).toEqual([{ "text/plain": ["42"] }]);
    });
  });

  inKernel("has a kernel that asks a tensor how to show it", async () => {
    const tensors = new URL("lib/tensor/mod.ts", ROOT).href;
    const cell = `import { tensor } from "${tensors}";
await Deno.jupyter.display(tensor([1, 2, 4], { shape: [1, 3] }));
${PAUSE}`;
    await withNotebook([cell], async (path) => {
      expect(await runTask([path, "--update"])).toMatchObject({ code: 0, stderr: "" });
      const { cells: [{ outputs }] } = JSON.parse(await Deno.readTextFile(path)) as Notebook;
      expect(outputs?.map(({ data }) => joined(data?.["text/html"]))).toEqual([
        expect.stringMatching(/^<div><b>Tensor f32 \[1, 3\]<\/b> min 1, max 4, mean 2\.333<\/div>\n<table>/),
      ]);
    });
  });

  inKernel(
    "tells a notebook by --quick to do less, and otherwise to do all, whatever stood in its own environment",
    async () => {
      const cell = `const scale = Deno.env.get("NOTEBOOK_SCALE") ?? "full";
if (scale !== "quick") throw new RangeError(scale);
${showing("less")}`;
      await withNotebook([cell], async (path) => {
        expect((await runTask([path, "--quick"])).code).toBe(0);
        const { code, stderr } = await runTask([path], { NOTEBOOK_SCALE: "quick" });
        expect([code, stderr]).toEqual([1, `${path}: code cell 1 throws RangeError: full\n`]);
      });
    },
  );

  it("keeps no outputs of less work", async () => {
    const { code, stderr } = await runTask(["--quick", "--update"]);
    expect([code, stderr]).toEqual([
      1,
      "notebooks: Cannot keep the outputs of --quick, which are no results: give --update alone\n",
    ]);
  });

  it("finds a notebook by the beginning of its name, a number with its zero too", () => {
    expect(findNotebooks("01")).toEqual(["notebooks/01_quick_start.ipynb"]);
    expect(findNotebooks("02_delta")).toEqual(["notebooks/02_delta_lora_from_scratch.ipynb"]);
    expect(findNotebooks("0")).toEqual(listNotebooks());
    expect(findNotebooks("notebooks/01_quick_start.ipynb")).toEqual(["notebooks/01_quick_start.ipynb"]);
    expect(() => findNotebooks("1")).toThrow("No notebook begins with 1: there are notebooks/01_quick_start.ipynb, ");
  });

  it("names the notebook that is missing and the flag that it does not know", async () => {
    const missing = await runTask(["notebooks/nothing.ipynb"]);
    expect([missing.code, missing.stderr.includes("notebooks/nothing.ipynb")]).toEqual([1, true]);
    const unknown = await runTask(["--upate"]);
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      "notebooks: unknown flag --upate: did you mean --update? See --help\n",
    ]);
  });
});
