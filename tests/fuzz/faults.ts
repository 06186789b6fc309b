import { lockFlags } from "../../experiments/runner/locked.ts";

// deno task fuzz faults: puts faults that were mended back into a copy of the project, and fuzzes that.

const ROOT = new URL("../../", import.meta.url);

/** A text of a file that takes the place of another. */
export interface Change {
  readonly file: string;
  /** What stands there now, once. */
  readonly mended: string;
  readonly broken: string;
}

/** A fault as it stood in the library. */
export interface Fault extends Change {
  readonly name: string;
  /** What else must go, where the mend has several parts. */
  readonly also?: Change;
  /** Where it shows; on lavapipe by default. */
  readonly device?: string;
}

/** Faults that programs found, or must have found. */
export const FAULTS: readonly Fault[] = [
  {
    name: "a result under two names gives its memory back twice",
    file: "lib/compile/run/compiled.ts",
    mended: "        storage.retain();\n        return makeTensor(shape, dtype, {",
    broken: "        return makeTensor(shape, dtype, {",
  },
  {
    name: "joined sums over axes around a kept one read a permuted view by steps in memory",
    file: "lib/compile/lower/lower_reduce.ts",
    mended: "const isJoined = joined !== ALONE;",
    broken: "const isJoined = joined !== ALONE && false;",
  },
  {
    name: "a sum over an empty axis has no value",
    file: "lib/ops/reduce.ts",
    mended: "if (x.size === 0 && sizeOf(kept) > 0) {",
    broken: "if (x.size < 0 && sizeOf(kept) > 0) {",
  },
  {
    name: "joined work and results are made of tensors without elements",
    file: "lib/compile/graph/graph.ts",
    mended: "tensor.size === 0 || isLeaf(tensor)",
    broken: "isLeaf(tensor)",
    also: {
      file: "lib/compile/graph/traced_graph.ts",
      mended: "id < firstId || size === 0) {",
      broken: "id < firstId || size < 0) {",
    },
  },
  {
    name: "NaN does not differ from itself",
    file: "lib/ops/compare.ts",
    mended: 'wgsl: "(!($0 == $1))"',
    broken: 'wgsl: "($0 != $1)"',
  },
  {
    name: "exp(NaN) is infinite",
    file: "kernels/exponential.ts",
    mended: "return `select(exp(${value}), ${value}, ${isNaNExpression(value, words)})`;",
    broken: "return words ? `exp(${value})` : isNaNExpression(value, words);",
    device: "swiftshader",
  },
  {
    name: "a jitted function inside a traced one rejects where nobody hears of it",
    file: "lib/transform/jit.ts",
    mended: "    refuseInsideTrace();\n",
    broken: "",
  },
  {
    name: "a pending tensor without elements is uploaded",
    file: "lib/compile/run/runtime.ts",
    mended: 'if (size === 0 && (state.kind === "node" || state.kind === "arriving")) {',
    broken: "if (size < 0) {",
  },
  {
    name: "memory waits for the collector of JavaScript",
    file: "lib/device/reclaim.ts",
    mended: "    this.collect();\n",
    broken: "",
  },
  {
    name: "a tensor is NaN to JavaScript",
    file: "lib/tensor/tensor.ts",
    mended: 'if (hint === "string") return this.toString();',
    broken: "if (hint) return this.toString();",
  },
  {
    name: "sizes may be fractions",
    file: "lib/tensor/shape.ts",
    mended: "if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {",
    broken: "if (shape.length < 0) {",
  },
  {
    name: "kernels have no bound",
    file: "lib/compile/fuse/fuse.ts",
    mended: "const MAX_WEIGHT = 128;",
    broken: "const MAX_WEIGHT = 1e9;",
  },
  {
    name: "numbers beside integers are cut",
    file: "lib/tensor/dtype.ts",
    mended: "return Number.isInteger(value) && value >= low && value <= high;",
    broken: "return low < high;",
  },
  {
    name: "cotangents are matched by position",
    file: "lib/transform/grad.ts",
    mended: 'treeFlattenLike(structure, cotangent, "vjp: the value and its cotangent")',
    broken: "treeFlatten(cotangent).leaves",
  },
  {
    name: "tensors inside of classes and Maps go unseen",
    file: "lib/tensor/tree.ts",
    mended: '    if (typeof value === "object" && value !== null) refuseObject(value, path);\n',
    broken: "",
  },
  {
    name: "static texts that read alike are one",
    file: "lib/transform/signature.ts",
    mended: '    case "string":\n      return JSON.stringify(value);',
    broken: '    case "string":\n      return `string ${value}`;',
  },
  {
    name: "disposal takes from pending work what it needs",
    file: "lib/tensor/tensor.ts",
    mended: "inputs.map((input) => contentOf(input).retain())",
    broken: "[]",
  },
  {
    name: "a box of each cell begins where the tensor does",
    file: "lib/ops/slice.ts",
    mended: "slice(x, { start: [0, ...start], size: [cells, ...size] })",
    broken: "slice(x, { start: [0, ...start.map(() => 0)], size: [cells, ...size] })",
  },
  {
    name: "derivatives of a loop go through its turns in the loop's own direction",
    file: "lib/transform/loops.ts",
    mended: "    isReversed: !isReversed,\n",
    broken: "    isReversed,\n",
  },
  {
    name: "x − x is 0 where x is infinite",
    file: "lib/ops/arithmetic.ts",
    mended: ") + ${words}(0x80000000u))`;",
    broken: ") ^ ${words}(0x80000000u))`;",
  },
];

/** All that must change to put a fault back. */
export function changesOf({ also, ...fault }: Fault): readonly Change[] {
  return also ? [fault, also] : [fault];
}

/** The text of a file with a fault in it. Throws where what was mended does not stand there exactly once. */
export function changed(text: string, { file, mended, broken }: Change): string {
  const parts = text.split(mended);
  if (parts.length !== 2) {
    throw new Error(`cannot put a fault back: its text stands ${parts.length - 1} times in ${file}`);
  }
  return parts.join(broken);
}

/** Copies what a program of the project needs. */
async function copyProject(to: string): Promise<void> {
  const copy = async (path: string): Promise<void> => {
    const { isDirectory } = await Deno.stat(new URL(path, ROOT));
    if (!isDirectory) return await Deno.copyFile(new URL(path, ROOT), `${to}/${path}`);
    await Deno.mkdir(`${to}/${path}`, { recursive: true });
    for await (const { name } of Deno.readDir(new URL(`${path}/`, ROOT))) await copy(`${path}/${name}`);
  };
  await Deno.mkdir(`${to}/tests`, { recursive: true });
  await Deno.mkdir(`${to}/experiments/runner`, { recursive: true });
  const settings = ["deno.json", "deno.lock", "experiments/runner/locked.ts"];
  for (const path of [...settings, "mod.ts", "lib", "kernels", "tests/fuzz", "tests/support", "experiments/terminal"]) {
    await copy(path);
  }
}

/** Fuzzes a copy of the project until a program fails. */
async function fuzzCopy(folder: string, { programs, device }: { programs: number; device?: string }) {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...lockFlags(), "--no-check", "--allow-all", "tests/fuzz/mod.ts", "programs", "--first"]
      .concat(["--programs", String(programs)], device ? ["--device", device] : []),
    cwd: folder,
  }).output();
  const [, done] = /^(\d+) programs: \d+ failed/m.exec(new TextDecoder().decode(stdout)) ?? [];
  return { success, done: done === undefined ? undefined : Number(done), errors: new TextDecoder().decode(stderr) };
}

/** Throws where the copy does not run as it is: then every fault would seem to be found. */
async function requireRunning(folder: string): Promise<void> {
  const { success, done, errors } = await fuzzCopy(folder, { programs: 1 });
  if (!success || done !== 1) throw new Error(`the copy without a fault does not pass its first program:\n${errors}`);
}

/** Fuzzes a copy of the project with a fault in it; gives the programs that it took, or `undefined` where all passed. */
async function programsUntilFound(fault: Fault, folder: string, programs: number): Promise<number | undefined> {
  const changes = changesOf(fault);
  const paths = changes.map(({ file }) => `${folder}/${file}`);
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
  await Promise.all(paths.map((path, i) => Deno.writeTextFile(path, changed(texts[i], changes[i]))));
  try {
    const { success, done = 0 } = await fuzzCopy(folder, { programs, device: fault.device });
    // Without its closing line the process ended with the fault.
    return success ? undefined : done;
  } finally {
    await Promise.all(paths.map((path, i) => Deno.writeTextFile(path, texts[i])));
  }
}

/** Puts each fault back and says after how many programs it is found; gives how many are not. */
export async function fuzzFaults(programs: number): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "delta-dawn-faults-" });
  let missed = 0;
  try {
    await copyProject(folder);
    await requireRunning(folder);
    for (const fault of FAULTS) {
      // CI draws fewer programs where they are slower.
      const found = await programsUntilFound(fault, folder, fault.device ? Math.ceil(programs / 4) : programs);
      if (found === undefined) missed++;
      console.log(`${found === undefined ? "not found" : `program ${found}`}  ${fault.name}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`${FAULTS.length} faults: ${missed} not found`);
  return missed;
}
