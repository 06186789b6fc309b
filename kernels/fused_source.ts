import { halfElement } from "./half.ts";
import type { Access } from "./kernel.ts";

/** Element types as kernels see them; `bool` is stored as u32, `f16` by two in a word, and is f32 once it is read. */
export type Scalar = "f32" | "i32" | "u32" | "bool" | "f16";

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
  /** Whether it is the same for all elements of a column, or for all there are, and nothing writes it meanwhile. */
  readonly isOfColumn?: boolean;
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

const QUOTIENT = `fn quotient(a: u32, d: u32, inverse: f32) -> u32 {
  var q = u32(f32(a) * inverse);
  let r = i32(a - q * d);
  if (r < 0) { q -= 1u; } else if (u32(r) >= d) { q += 1u; }
  return q;
}
`;

/** WGSL type of a value of `width` elements. */
export function typeOf(dtype: Scalar, width: 1 | 4): string {
  const scalar = dtype === "f16" ? "f32" : dtype;
  return width === 1 ? scalar : `vec4<${scalar}>`;
}

/** Type of the elements of an operand's buffer. */
function bufferType(dtype: Scalar, width: 1 | 4): string {
  return dtype === "f16" ? "u32" : typeOf(stored(dtype), width);
}

function stored(dtype: Scalar): Scalar {
  return dtype === "bool" ? "u32" : dtype;
}

/** Words that an operand of a rank takes: offset, then size, stride and inverse size of each axis. */
export function operandWords(rank: number): number {
  return 1 + 3 * rank;
}

/** Where a kernel keeps the words of its operands: the name of an array of vec4<u32>, and the first word that is free. */
export interface Uniforms {
  readonly array: string;
  readonly from: number;
}

/** Collects the statements of element-wise work on the elements at `e`. */
export class FusedSource {
  readonly lines: string[] = [];
  /** Statements that run once for all elements of a column. */
  readonly prepared: string[] = [];
  readonly functions: string[] = [];
  #word: number;

  constructor(readonly program: FusedProgram, readonly uniforms: Uniforms) {
    this.#word = uniforms.from;
  }

  /** The next words of the uniforms, as an expression for each. */
  take(count: number): string[] {
    return Array.from({ length: count }, () => word(this.uniforms.array, this.#word++));
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
    const isHalf = input.dtype === "f16";
    const one = (at: string) =>
      isHalf ? halfElement(buffer, at) : width === 1 ? `${buffer}[${at}]` : `${buffer}[${at} >> 2u][${at} & 3u]`;
    // Four neighbours of f16 are two words.
    const four = (at: string) =>
      isHalf
        ? `vec4<f32>(${[0, 1].map((word) => `unpack2x16float(${buffer}[((${at}) >> 1u) + ${word}u])`).join(", ")})`
        : `${buffer}[(${at}) >> 2u]`;
    const type = typeOf(stored(input.dtype), width);
    let value: string;
    if (input.mode === "linear") {
      const [offset] = this.take(1);
      value = width === 1 ? one(`e + ${offset}`) : four(`e + ${offset}`);
    } else if (input.mode === "scalar") {
      const [offset] = this.take(1);
      const cast = typeOf(stored(this.program.bindings[input.binding].dtype), width);
      value = width === 1 ? one(offset) : `${cast}(${one(offset)})`;
    } else {
      const at = this.position(`at${i}`, input.rank, input.exact);
      this.lines.push(`let p${i} = ${at}(e);`);
      if (width === 1) value = one(`p${i}`);
      else if (input.mode === "vector") value = four(`p${i}`);
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

  /** Loads ahead what all elements of a column share. */
  #prepare(input: FusedInput, i: number): void {
    const before = this.lines.length;
    this.load(input, i);
    this.prepared.push(...this.lines.splice(before), `h${i} = x${i};`);
    this.functions.push(`var<private> h${i}: ${typeOf(input.dtype, this.program.width)};\n`);
    this.lines.push(`let x${i} = h${i};`);
  }

  /** Loads and body: everything up to the values; `byColumn` loads ahead what can be. */
  compute({ byColumn = false }: { readonly byColumn?: boolean } = {}): void {
    const { width, inputs, constants, body } = this.program;
    inputs.forEach((input, i) => byColumn && input.isOfColumn ? this.#prepare(input, i) : this.load(input, i));
    constants.forEach((dtype, i) => this.constant(dtype, i));
    if (body.some((line) => /\bindex\b/.test(line))) {
      this.lines.push(width === 1 ? "let index = e;" : "let index = vec4<u32>(e, e + 1u, e + 2u, e + 3u);");
    }
    this.lines.push(...body);
  }

  /** Stores results: the statements that write the outputs. */
  store(outputs: readonly FusedOutput[]): void {
    const { width } = this.program;
    outputs.forEach((output, i) => {
      const declared = stored(this.program.bindings[output.binding].dtype);
      const bits = inStorage(output.value, output.dtype, width);
      const value = declared === stored(output.dtype) ? bits : `bitcast<${typeOf(declared, width)}>(${bits})`;
      const buffer = `b${output.binding}`;
      if (output.mode === "linear") {
        this.lines.push(`${buffer}[${width === 1 ? "e" : "e >> 2u"}] = ${value};`);
      } else if (output.mode === "scalar") {
        this.lines.push(`${buffer}[${this.take(1)[0]}] = ${value};`);
      } else {
        const to = this.position(`to${i}`, output.rank, output.exact);
        this.lines.push(`${buffer}[${to}(e)${width === 1 ? "" : " >> 2u"}] = ${value};`);
      }
    });
  }

  /** Declarations of the operands' buffers, the first of which has binding `first`. */
  declarations(first = 0): string {
    const { bindings, width } = this.program;
    return bindings.map(({ dtype, access }, i) =>
      `@group(0) @binding(${first + i}) var<storage, ${access}> b${i}: array<${bufferType(dtype, width)}>;\n`
    ).join("");
  }

  /** Functions that the statements call. */
  helpers(): string {
    const functions = this.functions.join("");
    return `${functions.includes("quotient(") ? QUOTIENT : ""}${
      [...new Set(this.program.preludes)].join("")
    }${functions}`;
  }
}

/** Word `i` of an array of vec4<u32>. */
export function word(array: string, i: number): string {
  return `${array}[${i >> 2}].${"xyzw"[i & 3]}`;
}

function inStorage(value: string, dtype: Scalar, width: 1 | 4): string {
  const type = typeOf("u32", width);
  return dtype === "bool" ? `select(${type}(0u), ${type}(1u), ${value})` : value;
}
