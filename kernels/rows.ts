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

/** A row kernel. Bindings: inputs, then those of `epilogue`. Uniform words: rows, n, epsilon, nothing, `epilogue`'s. */
export function rowKernel(
  name: RowKernelName,
  options: RowOptions,
  epilogue: Epilogue = storeResult(options.vec4 ? 4 : 1),
): Kernel {
  const { lanes, vec4 } = options;
  const { inputs, passes, result } = PROGRAMS[name];
  const threads = threadsOf(lanes);
  const type = vec4 ? "vec4<f32>" : "f32";
  const names = ["a", "b"].slice(0, inputs);
  const loads = names.map((input) => `let ${input} = ${input.toUpperCase()}[start + i];`).join(" ");
  const kinds = [...new Set(passes.map((pass) => pass.combine))];
  const shared = acrossThreads(kinds, lanes);
  const body = passes.map(({ combine: kind, of, as }, i) => {
    const fold = vec4
      ? `let p = ${combine(kind, combine(kind, `s${i}.x`, `s${i}.y`), combine(kind, `s${i}.z`, `s${i}.w`))};`
      : `let p = s${i};`;
    return `  var s${i} = ${type}(${NEUTRAL[kind]});
  for (var i = thread; i < steps; i += ${threads}u) { ${loads} s${i} = ${combine(kind, `s${i}`, of)}; }
  var r${i}: f32;
  { ${fold} r${i} = ${across(kind, lanes, "p")}; }
  ${as.replaceAll(/\bR\b/g, `r${i}`)}`;
  }).join("\n");
  return {
    name: `${name}_${lanes > 0 ? `subgroup${lanes}` : "plain"}${vec4 ? "_vec4" : ""}${epilogue.name}`,
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
${body}
  for (var i = thread; i < steps; i += ${threads}u) { ${loads} epilogue((start + i)${vec4 ? " * 4u" : ""}, ${result}); }
}
`,
  };
}

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
  return {
    kernel: rowKernel(name, { lanes: target.subgroupSize, vec4 }, epilogue),
    grid: linearGrid(sizes.rows),
    uniforms: rowUniforms(sizes, epilogue),
  };
}
