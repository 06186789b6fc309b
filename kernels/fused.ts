import { type Access, type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** Element types as kernels see them; `bool` is stored as u32. */
export type Scalar = "f32" | "i32" | "u32" | "bool";

/**
 * How an operand is read at the elements a thread works on: in step with them (`linear`), one element for all
 * (`scalar`), or at computed positions: four in a row (`vector`), one for all four (`splat`), or each on its own
 * (`gather`).
 */
export type AccessMode = "linear" | "scalar" | "vector" | "splat" | "gather";

/** An operand of a fused kernel. */
export interface FusedInput {
  readonly binding: number;
  readonly dtype: Scalar;
  readonly mode: AccessMode;
  /** Axes of the computed position, innermost first in the uniforms; 0 for `linear` and `scalar`. */
  readonly rank: number;
  /** Divide exactly: quotients may pass 2²², beyond which the quick division errs by more than one. */
  readonly exact: boolean;
}

/** A result of a fused kernel. */
export interface FusedOutput {
  readonly binding: number;
  readonly dtype: Scalar;
  /** Name of the value. */
  readonly value: string;
  readonly mode: "linear" | "scalar" | "gather";
  readonly rank: number;
  readonly exact: boolean;
}

/** Element-wise work on several operands: the text of one kernel for every shape and every constant. */
export interface FusedProgram {
  /** Elements a thread handles at once. */
  readonly width: 1 | 4;
  readonly bindings: readonly { readonly dtype: Scalar; readonly access: Access }[];
  /** Values `x0`, `x1` … of the body. */
  readonly inputs: readonly FusedInput[];
  /** Values `c0`, `c1` …, passed in the uniforms. */
  readonly constants: readonly Scalar[];
  /** Statements; they may use `index`, the element's position. */
  readonly body: readonly string[];
  /** WGSL functions that the body calls. */
  readonly preludes: readonly string[];
}

/** How elements are combined. */
export type Combine = "sum" | "max" | "min";

/**
 * How a reduction is spread: a thread or a workgroup for each row, or a thread for each column (four columns at width
 * 4), where rows lie one after the other in memory and the reduction runs along a row or along a column.
 */
export type ReduceStyle = "threadRow" | "groupRow" | "column";

/** Threads of a workgroup. */
export const FUSED_WORKGROUP = 64;

const QUOTIENT = `fn quotient(a: u32, d: u32, inverse: f32) -> u32 {
  var q = u32(f32(a) * inverse);
  let r = i32(a - q * d);
  if (r < 0) { q -= 1u; } else if (u32(r) >= d) { q += 1u; }
  return q;
}
`;

/** WGSL type of a value of `width` elements. */
export function typeOf(dtype: Scalar, width: 1 | 4): string {
  return width === 1 ? dtype : `vec4<${dtype}>`;
}

function stored(dtype: Scalar): Scalar {
  return dtype === "bool" ? "u32" : dtype;
}

/** Words of the uniforms before those of the operands, by kind. */
const HEADER = { map: 1, reduce: 5 };

/** Words that an operand of a rank takes: offset, then size, stride and inverse size of each axis. */
export function operandWords(rank: number): number {
  return 1 + 3 * rank;
}

class Source {
  readonly lines: string[] = [];
  readonly functions: string[] = [];
  #word: number;

  constructor(readonly program: FusedProgram, header: number) {
    this.#word = header;
  }

  /** The next words of the uniforms, as an expression for each. */
  take(count: number): string[] {
    return Array.from({ length: count }, () => word(this.#word++));
  }

  get words(): number {
    return this.#word;
  }

  /** Declares where the elements at `e` lie for an operand with axes of its own. */
  position(name: string, rank: number, exact: boolean): string {
    const [offset, ...axes] = this.take(operandWords(rank));
    const steps: string[] = [];
    for (let axis = 0; axis < rank; axis++) {
      const [size, stride, inverse] = axes.slice(3 * axis, 3 * axis + 3);
      if (axis === rank - 1) steps.push(`  return p + r * ${stride};`);
      else {
        steps.push(`  q = ${exact ? `r / ${size}` : `quotient(r, ${size}, bitcast<f32>(${inverse}))`};`);
        steps.push(`  p += (r - q * ${size}) * ${stride};`, "  r = q;");
      }
    }
    this.functions.push(
      `fn ${name}(e: u32) -> u32 {\n  var r = e;\n  var p = ${offset};\n  var q: u32;\n${steps.join("\n")}\n}\n`,
    );
    return name;
  }

  load(input: FusedInput, i: number): void {
    const { width } = this.program;
    const buffer = `b${input.binding}`;
    const one = (at: string) => width === 1 ? `${buffer}[${at}]` : `${buffer}[${at} >> 2u][${at} & 3u]`;
    const type = typeOf(stored(input.dtype), width);
    let value: string;
    if (input.mode === "linear") {
      const [offset] = this.take(1);
      value = width === 1 ? `${buffer}[e + ${offset}]` : `${buffer}[(e + ${offset}) >> 2u]`;
    } else if (input.mode === "scalar") {
      const [offset] = this.take(1);
      const cast = typeOf(stored(this.program.bindings[input.binding].dtype), width);
      value = width === 1 ? one(offset) : `${cast}(${one(offset)})`;
    } else {
      const at = this.position(`at${i}`, input.rank, input.exact);
      this.lines.push(`let p${i} = ${at}(e);`);
      if (width === 1) value = one(`p${i}`);
      else if (input.mode === "vector") value = `${buffer}[p${i} >> 2u]`;
      else if (input.mode === "splat") value = `${type}(${one(`p${i}`)})`;
      else {
        this.lines.push(...[1, 2, 3].map((lane) => `let p${i}_${lane} = ${at}(e + ${lane}u);`));
        value = `${type}(${[`p${i}`, `p${i}_1`, `p${i}_2`, `p${i}_3`].map(one).join(", ")})`;
      }
    }
    // A buffer that several scalars share may be declared with another's type.
    const declared = stored(this.program.bindings[input.binding].dtype);
    if (declared !== stored(input.dtype)) value = `bitcast<${type}>(${value})`;
    this.lines.push(`let x${i} = ${input.dtype === "bool" ? `(${value} != ${type}(0u))` : value};`);
  }

  constant(dtype: Scalar, i: number): void {
    const { width } = this.program;
    const [bits] = this.take(1);
    const scalar = dtype === "bool" ? `(${bits} != 0u)` : dtype === "u32" ? bits : `bitcast<${dtype}>(${bits})`;
    this.lines.push(`let c${i} = ${width === 1 ? scalar : `${typeOf(dtype, width)}(${scalar})`};`);
  }

  /** Loads and body: everything up to the values. */
  compute(): void {
    const { width, inputs, constants, body } = this.program;
    inputs.forEach((input, i) => this.load(input, i));
    constants.forEach((dtype, i) => this.constant(dtype, i));
    if (body.some((line) => /\bindex\b/.test(line))) {
      this.lines.push(width === 1 ? "let index = e;" : "let index = vec4<u32>(e, e + 1u, e + 2u, e + 3u);");
    }
    this.lines.push(...body);
  }

  /** The finished text. */
  assemble(main: string): string {
    const { bindings, preludes, width } = this.program;
    const functions = this.functions.join("");
    const declarations = bindings.map(({ dtype, access }, i) =>
      `@group(0) @binding(${i}) var<storage, ${access}> b${i}: array<${typeOf(stored(dtype), width)}>;\n`
    ).join("");
    const rows = Math.ceil(this.words / 4);
    return `${declarations}@group(0) @binding(${bindings.length}) var<uniform> u: array<vec4<u32>, ${rows}>;\n` +
      `${functions.includes("quotient(") ? QUOTIENT : ""}${[...new Set(preludes)].join("")}${functions}${main}`;
  }
}

function word(i: number): string {
  return `u[${i >> 2}].${"xyzw"[i & 3]}`;
}

function inStorage(value: string, dtype: Scalar, width: 1 | 4): string {
  const type = typeOf("u32", width);
  return dtype === "bool" ? `select(${type}(0u), ${type}(1u), ${value})` : value;
}

const ENTRY = `@compute @workgroup_size(${FUSED_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {
`;

function indent(lines: readonly string[], depth: number): string {
  return lines.map((line) => `${"  ".repeat(depth)}${line}\n`).join("");
}

/** Element-wise work as a kernel. Uniform words: number of threads, operands, constants, outputs. */
export function fusedMap(name: string, program: FusedProgram, outputs: readonly FusedOutput[]): Kernel {
  const source = new Source(program, HEADER.map);
  source.compute();
  outputs.forEach((output, i) => {
    const declared = stored(program.bindings[output.binding].dtype);
    const bits = inStorage(output.value, output.dtype, program.width);
    const value = declared === stored(output.dtype) ? bits : `bitcast<${typeOf(declared, program.width)}>(${bits})`;
    if (output.mode === "linear") {
      source.lines.push(`b${output.binding}[${program.width === 1 ? "e" : "e >> 2u"}] = ${value};`);
    } else if (output.mode === "scalar") {
      source.lines.push(`b${output.binding}[${source.take(1)[0]}] = ${value};`);
    } else {
      const to = source.position(`to${i}`, output.rank, output.exact);
      source.lines.push(`b${output.binding}[${to}(e)] = ${value};`);
    }
  });
  const main = `${ENTRY}  let g = (w.y * n.x + w.x) * ${FUSED_WORKGROUP}u + l;
  if (g >= ${word(0)}) { return; }
  let e = g${program.width === 4 ? " * 4u" : ""};
${indent(source.lines, 1)}}
`;
  return { name, code: source.assemble(main), bindings: program.bindings.map(({ access }) => access) };
}

function combineSource(combine: Combine, a: string, b: string): string {
  if (combine === "sum") return `${a} + ${b}`;
  // NaN wins, whichever side it is on.
  return `select(${a}, ${b}, (${b} ${combine === "max" ? ">" : "<"} ${a}) | (${b} != ${b}))`;
}

/**
 * A reduction of element-wise work as a kernel. Uniform words: number of threads or groups; length of the reduced axis;
 * for columns their number over the width, else the chunks of a row; length of a chunk; bits of the neutral element;
 * operands; constants; offset of the output. `value` has the program's width.
 */
export function fusedReduce(
  name: string,
  program: FusedProgram,
  options: {
    readonly combine: Combine;
    readonly style: ReduceStyle;
    readonly value: string;
    readonly output: FusedOutput;
  },
): Kernel {
  const { combine, style, value, output } = options;
  const { width } = program;
  const source = new Source(program, HEADER.reduce);
  source.compute();
  const [offset] = source.take(1);
  const type = typeOf(output.dtype, width);
  const neutral = output.dtype === "u32" ? word(4) : `bitcast<${output.dtype}>(${word(4)})`;
  const body = indent([...source.lines, `acc = ${combineSource(combine, "acc", value)};`], 2);
  const lanes = width === 1 ? "acc" : ["acc.y", "acc.z", "acc.w"].reduce(
    (text, lane) => text ? `(${combineSource(combine, text, lane)})` : lane,
    "acc.x",
  );
  const start = `  var acc = ${width === 1 ? neutral : `${type}(${neutral})`};\n`;
  const target = `b${output.binding}`;
  const store = (position: string, result: string) => `  ${target}[${position} + ${offset}] = ${result};\n`;
  let main: string;
  if (style === "column") {
    main = `${ENTRY}  let g = (w.y * n.x + w.x) * ${FUSED_WORKGROUP}u + l;
  if (g >= ${word(0)}) { return; }
  let chunk = g / ${word(2)};
  let column = g % ${word(2)};
${start}  let end = min(${word(1)}, (chunk + 1u) * ${word(3)});
  for (var j = chunk * ${word(3)}; j < end; j++) {
    let e = (j * ${word(2)} + column)${width === 4 ? " * 4u" : ""};
${body}  }
${store("g", "acc")}}
`;
  } else if (style === "threadRow") {
    main = `${ENTRY}  let g = (w.y * n.x + w.x) * ${FUSED_WORKGROUP}u + l;
  if (g >= ${word(0)}) { return; }
  let row = g / ${word(2)};
  let chunk = g % ${word(2)};
${start}  let end = min(${word(1)}, (chunk + 1u) * ${word(3)});
  for (var j = chunk * ${word(3)}; j < end; j += ${width}u) {
    let e = row * ${word(1)} + j;
${body}  }
${store("g", lanes)}}
`;
  } else {
    main = `var<workgroup> partial: array<${output.dtype}, ${FUSED_WORKGROUP}>;
${ENTRY}  let g = w.y * n.x + w.x;
  if (g >= ${word(0)}) { return; }
  let row = g / ${word(2)};
  let chunk = g % ${word(2)};
${start}  let end = min(${word(1)}, (chunk + 1u) * ${word(3)});
  for (var j = chunk * ${word(3)} + l * ${width}u; j < end; j += ${FUSED_WORKGROUP * width}u) {
    let e = row * ${word(1)} + j;
${body}  }
  partial[l] = ${lanes};
  for (var half = ${FUSED_WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) {
      let mine = partial[l];
      let other = partial[l + half];
      partial[l] = ${combineSource(combine, "mine", "other")};
    }
  }
  if (l != 0u) { return; }
${store("g", "partial[0]")}}
`;
  }
  const bindings = program.bindings.map(({ access }) => access);
  let code = source.assemble(main);
  // Rows give single numbers, whatever the width they were read with.
  if (style !== "column" && width === 4) {
    code = code.replace(
      new RegExp(`(var<storage, [a-z_]+> ${target}: array<)vec4<${output.dtype}>>`),
      `$1${output.dtype}>`,
    );
  }
  return { name, code, bindings };
}

/** Workgroups for so many threads. */
export function fusedGrid(threads: number): Grid {
  return linearGrid(Math.ceil(threads / FUSED_WORKGROUP));
}
