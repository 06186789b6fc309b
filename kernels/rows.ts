import { expExpression } from "./exponential.ts";
import { type Epilogue, epilogueField, type EpilogueFor, storeResult } from "./epilogue.ts";
import { isNaNExpression } from "./is_nan.ts";
import { type Grid, type Kernel, linearGrid } from "./kernel.ts";
import type { KernelTarget } from "./target.ts";

/** Kernels that work row by row over the last axis of `[rows, n]`. */
export type RowKernelName =
  | "softmax"
  | "logSoftmax"
  | "softmaxGrad"
  | "logSoftmaxGrad"
  | "normalize"
  | "normalizeGrad";

/** Which variant of a row kernel. */
export interface RowOptions {
  /** Lanes of a subgroup, each of which takes a row; 0 for 64 threads that share workgroup memory. */
  readonly lanes: number;
  /** Four elements at once, where n is a multiple of 4. */
  readonly vec4: boolean;
  /**
   * How many elements, or fours, of a row each lane has at most, all of which it loads once and keeps; 0, the default, where
   * each pass loads them again.
   */
  readonly kept?: number;
}

/** Passes over a row, each of which reduces an expression, and the expression of what is stored. */
interface RowProgram {
  /** Inputs are called `a`, `b` in expressions, `T` is their type. */
  readonly inputs: 1 | 2;
  readonly passes: readonly { readonly combine: "sum" | "max"; readonly of: string; readonly as: string }[];
  readonly result: string;
}

const PROGRAMS: Record<RowKernelName, RowProgram> = {
  // The sum of powers is NaN where one of them is, and so is all that is made of it: the last exp() need not ask.
  softmax: {
    inputs: 1,
    passes: [
      { combine: "max", of: "a", as: "let top = R;" },
      { combine: "sum", of: "rowExp(a - top)", as: "let inverse = 1.0 / R;" },
    ],
    result: "exp(a - top) * inverse",
  },
  logSoftmax: {
    inputs: 1,
    passes: [
      { combine: "max", of: "a", as: "let top = R;" },
      { combine: "sum", of: "rowExp(a - top)", as: "let norm = rowLog(R);" },
    ],
    result: "a - top - norm",
  },
  // a = softmax(x), b = derivative by it.
  softmaxGrad: {
    inputs: 2,
    passes: [{ combine: "sum", of: "a * b", as: "let along = R;" }],
    result: "a * (b - along)",
  },
  // a = logSoftmax(x), b = derivative by it.
  logSoftmaxGrad: {
    inputs: 2,
    passes: [{ combine: "sum", of: "b", as: "let total = R;" }],
    result: "b - rowExp(a) * total",
  },
  normalize: {
    inputs: 1,
    passes: [
      { combine: "sum", of: "a", as: "let center = R / f32(d.n);" },
      { combine: "sum", of: "(a - center) * (a - center)", as: "let scale = inverseSqrt(R / f32(d.n) + d.epsilon);" },
    ],
    result: "(a - center) * scale",
  },
  // a = x, b = derivative by normalize(x).
  normalizeGrad: {
    inputs: 2,
    passes: [
      { combine: "sum", of: "a", as: "let center = R / f32(d.n);" },
      { combine: "sum", of: "(a - center) * (a - center)", as: "let scale = inverseSqrt(R / f32(d.n) + d.epsilon);" },
      { combine: "sum", of: "b", as: "let mean = R / f32(d.n);" },
      { combine: "sum", of: "b * (a - center)", as: "let along = R * scale * scale / f32(d.n);" },
    ],
    result: "(b - mean - (a - center) * along) * scale",
  },
};

/** Threads for a row where there are no subgroups. */
const PLAIN_THREADS = 64;
/** What leaves a combination as it is. */
export const NEUTRAL = { sum: "0.0", max: "-3.4028234e38" };

/** Threads that take a row together. */
export const threadsOf = (lanes: number) => lanes || PLAIN_THREADS;

/** Two values combined. */
export const combine = (kind: "sum" | "max", x: string, y: string) =>
  kind === "sum" ? `${x} + ${y}` : `max(${x}, ${y})`;

/** A value of each thread combined over all of them: by a subgroup, or by a function of {@linkcode acrossThreads}. */
export function across(kind: "sum" | "max", lanes: number, value: string): string {
  return lanes > 0 ? `${kind === "sum" ? "subgroupAdd" : "subgroupMax"}(${value})` : `${kind}Across(${value}, thread)`;
}

/** Memory and functions for {@linkcode across} where there are no subgroups. */
export function acrossThreads(kinds: readonly ("sum" | "max")[], lanes: number): string {
  if (lanes > 0) return "";
  const functions = kinds.map((kind) =>
    `fn ${kind}Across(value: f32, thread: u32) -> f32 {
  workgroupBarrier();
  parts[thread] = value;
  for (var half = ${PLAIN_THREADS / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (thread < half) { parts[thread] = ${combine(kind, "parts[thread]", "parts[thread + half]")}; }
  }
  workgroupBarrier();
  return parts[0];
}
`
  );
  return `var<workgroup> parts: array<f32, ${PLAIN_THREADS}>;\n${functions.join("")}`;
}

/** Functions `rowExp` and `rowLog`, which keep NaN, and −∞ of 0, where drivers' exp() and log() lose them. */
export function rowPowers(width: 1 | 4): string {
  const [T, U] = width === 1 ? ["f32", "u32"] : ["vec4<f32>", "vec4<u32>"];
  return `fn rowExp(x: ${T}) -> ${T} { return ${expExpression("x", U)}; }
fn rowLog(x: f32) -> f32 {
  let value = select(log(x), x, ${isNaNExpression("x", "u32")});
  return select(value, bitcast<f32>(bitcast<u32>(x) | 0xff800000u), x == 0.0);
}
`;
}

/** Loads all that a thread has of a row: the last piece may lie behind its end, where another stands in for it. */
function loadsOf(names: readonly string[], { threads, kept }: { threads: number; kept: number }): string {
  const loads = Array.from({ length: kept }, (_, piece) => {
    const at = `min(thread + ${piece * threads}u, steps - 1u)`;
    return names.map((name) => `  let ${name}${piece} = ${name.toUpperCase()}[start + ${at}];\n`).join("");
  });
  return loads.join("");
}

/** How a statement runs on each element number `i` that a thread has of a row: in a loop that loads it, or on what is kept. */
function elementsOf(
  names: readonly string[],
  { threads, kept }: { threads: number; kept: number },
): (statement: string) => string {
  if (kept === 0) {
    const loads = names.map((name) => `let ${name} = ${name.toUpperCase()}[start + i];`).join(" ");
    return (statement) => `for (var i = thread; i < steps; i += ${threads}u) { ${loads} ${statement} }`;
  }
  return (statement) =>
    Array.from({ length: kept }, (_, piece) => {
      const known = `let i = thread + ${piece * threads}u;`;
      const values = names.map((name) => `let ${name} = ${name}${piece};`).join(" ");
      return `{ ${known} ${values} ${piece === kept - 1 ? `if (i < steps) { ${statement} }` : statement} }`;
    }).join("\n  ");
}

/** A row kernel. Bindings: inputs, then those of `epilogue`. Uniform words: rows, n, epsilon, nothing, `epilogue`'s. */
export function rowKernel(
  name: RowKernelName,
  options: RowOptions,
  epilogue: Epilogue = storeResult(options.vec4 ? 4 : 1),
): Kernel {
  const { lanes, vec4, kept = 0 } = options;
  const { inputs, passes, result } = PROGRAMS[name];
  const threads = threadsOf(lanes);
  const type = vec4 ? "vec4<f32>" : "f32";
  const names = ["a", "b"].slice(0, inputs);
  const each = elementsOf(names, { threads, kept });
  const kinds = [...new Set(passes.map((pass) => pass.combine))];
  const shared = acrossThreads(kinds, lanes);
  const body = passes.map(({ combine: kind, of, as }, i) => {
    const fold = vec4
      ? `let p = ${combine(kind, combine(kind, `s${i}.x`, `s${i}.y`), combine(kind, `s${i}.z`, `s${i}.w`))};`
      : `let p = s${i};`;
    return `  var s${i} = ${type}(${NEUTRAL[kind]});
  ${each(`s${i} = ${combine(kind, `s${i}`, of)};`)}
  var r${i}: f32;
  { ${fold} r${i} = ${across(kind, lanes, "p")}; }
  ${as.replaceAll(/\bR\b/g, `r${i}`)}`;
  }).join("\n");
  return {
    name: `${name}_${lanes > 0 ? `subgroup${lanes}` : "plain"}${vec4 ? "_vec4" : ""}${
      kept > 0 ? `_of${kept}` : ""
    }${epilogue.name}`,
    bindings: [...names.map(() => "read" as const), ...epilogue.bindings],
    code: `${lanes > 0 ? "enable subgroups;\n" : ""}struct Sizes { rows: u32, n: u32, epsilon: f32, pad: u32${
      epilogueField(epilogue)
    } }
${
      names.map((input, i) => `@group(0) @binding(${i}) var<storage, read> ${input.toUpperCase()}: array<${type}>;\n`)
        .join("")
    }@group(0) @binding(${inputs + epilogue.bindings.length}) var<uniform> d: Sizes;
${epilogue.code(inputs)}${shared}${rowPowers(vec4 ? 4 : 1)}@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>,
        @builtin(${lanes > 0 ? "subgroup_invocation_id" : "local_invocation_index"}) thread: u32) {
  let row = w.y * g.x + w.x;
  if (row >= d.rows) { return; }
  let steps = d.n${vec4 ? " / 4u" : ""};
  let start = row * steps;
${kept > 0 ? loadsOf(names, { threads, kept }) : ""}${body}
  ${each(`epilogue((start + i)${vec4 ? " * 4u" : ""}, ${result});`)}
}
`,
  };
}

/** A lane keeps so much of a row; longer rows are loaded again by each pass. */
const MOST_KEPT = 12;

/** Sizes of a row-wise computation. */
export interface RowSizes {
  readonly rows: number;
  readonly n: number;
  /** Added to the variance by the kernels that normalize. */
  readonly epsilon?: number;
}

/** Uniforms of {@linkcode rowKernel}. */
export function rowUniforms({ rows, n, epsilon = 0 }: RowSizes, epilogue: Epilogue): Uint32Array {
  const words = Uint32Array.from([rows, n, 0, 0, ...epilogue.uniforms]);
  new Float32Array(words.buffer)[2] = epsilon;
  return words;
}

/** The variant of a row kernel for a device, with grid and uniforms. */
export function rowDispatch(
  name: RowKernelName,
  sizes: RowSizes,
  options: { readonly target: KernelTarget; readonly epilogue?: EpilogueFor },
): { kernel: Kernel; grid: Grid; uniforms: Uint32Array } {
  const { target, epilogue: epilogueFor = storeResult } = options;
  const vec4 = sizes.n % 4 === 0;
  const epilogue = epilogueFor(vec4 ? 4 : 1);
  const { subgroupSize: lanes } = target;
  // Loads are what costs on a driver in software, and there is no memory but registers to keep rows in where it is none.
  const pieces = lanes > 0 ? Math.ceil(sizes.n / (vec4 ? 4 : 1) / lanes) : 0;
  return {
    kernel: rowKernel(name, { lanes, vec4, kept: pieces <= MOST_KEPT ? pieces : 0 }, epilogue),
    grid: linearGrid(sizes.rows),
    uniforms: rowUniforms(sizes, epilogue),
  };
}
