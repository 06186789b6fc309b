import { type FusedOutput, type FusedProgram, FusedSource, typeOf } from "./fused_source.ts";
import type { Access } from "./kernel.ts";

/**
 * What a kernel does with each of its results: stores it, or computes on with it and stores what comes of that. The
 * kernel calls `epilogue(e, acc)` with the position of the (first) element and its value.
 */
export interface Epilogue {
  /** What it does, for the kernel's name; empty where it only stores. */
  readonly name: string;
  /** Elements for each call. */
  readonly width: 1 | 4;
  /** Use of its buffers, which follow the kernel's own. */
  readonly bindings: readonly Access[];
  /** Words that follow the kernel's own uniforms, in whole vec4s. */
  readonly uniforms: Uint32Array;
  /**
   * Declarations and functions, where the kernel has `first` buffers of its own. A kernel that works on the rows of a
   * column one after the other says so by `byColumn`: it calls `prepare(e)` with an element of a column before all calls
   * for elements of it, and what is the same for all rows is then loaded once.
   */
  code(first: number, byColumn?: boolean): string;
}

/** How a kernel gets what it does with its results, for the width that it works with. */
export type EpilogueFor = (width: 1 | 4) => Epilogue;

/** Field of the kernel's uniforms that holds the words of {@linkcode Epilogue}, with its comma; nothing where there are none. */
export function epilogueField({ uniforms }: Epilogue): string {
  return uniforms.length > 0 ? `, rest: array<vec4<u32>, ${uniforms.length / 4}>` : "";
}

/** Stores results as they are. */
export function storeResult(width: 1 | 4): Epilogue {
  return assignment("", "=", width);
}

/** Adds results to what is there. */
export function addResult(width: 1 | 4): Epilogue {
  return assignment("_added", "+=", width);
}

function assignment(name: string, operator: "=" | "+=", width: 1 | 4): Epilogue {
  const type = typeOf("f32", width);
  return {
    name,
    width,
    bindings: ["read_write"],
    uniforms: new Uint32Array(0),
    code: (first, byColumn = false) =>
      `@group(0) @binding(${first}) var<storage, read_write> C: array<${type}>;
${byColumn ? "fn prepare(e: u32) {}\n" : ""}fn epilogue(e: u32, acc: ${type}) { C[e${
        width === 4 ? " >> 2u" : ""
      }] ${operator} acc; }
`,
  };
}

/** Element-wise work on results, which it calls `acc`. The kernel's uniforms are called `d`. */
export function fusedEpilogue(
  name: string,
  program: FusedProgram,
  options: { readonly outputs: readonly FusedOutput[]; readonly uniforms: Uint32Array },
): Epilogue {
  const { outputs, uniforms } = options;
  const padded = new Uint32Array(Math.ceil(uniforms.length / 4) * 4);
  padded.set(uniforms);
  return {
    name: `_then_${name}`,
    width: program.width,
    bindings: program.bindings.map(({ access }) => access),
    uniforms: padded,
    code(first, byColumn = false) {
      const source = new FusedSource(program, { array: "d.rest", from: 0 });
      source.compute({ byColumn });
      source.store(outputs);
      const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join("");
      const prepare = byColumn ? `fn prepare(e: u32) {\n${indented(source.prepared)}}\n` : "";
      return `${source.declarations(first)}${source.helpers()}${prepare}fn epilogue(e: u32, acc: ${
        typeOf("f32", program.width)
      }) {
${indented(source.lines)}}
`;
    },
  };
}
