import { type FusedOutput, type FusedProgram, FusedSource, typeOf, word as wordOf } from "./fused_source.ts";
import { isNaNExpression } from "./is_nan.ts";
import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** How elements are combined. */
export type Combine = "sum" | "prod" | "max" | "min";

/**
 * How a reduction is spread: a thread or a workgroup for each row, or a thread for each column (four columns at width
 * 4), where rows lie one after the other in memory and the reduction runs along a row or along a column. A workgroup for
 * four rows whose elements lie side by side, `groupRows`, sums each as `groupRow` sums it at width 4.
 */
export type ReduceStyle = "threadRow" | "groupRow" | "groupRows" | "column";

/** Threads of a workgroup. */
const FUSED_WORKGROUP = 64;

/** Words of the uniforms before those of the operands, by kind. */
const HEADER = { map: 1, reduce: 8 };

const word = (i: number) => wordOf("u", i);

/** The finished text. */
function assemble(source: FusedSource, main: string): string {
  const rows = Math.ceil(source.words / 4);
  return `${source.declarations()}@group(0) @binding(${source.program.bindings.length}) var<uniform> u: array<vec4<u32>, ${rows}>;\n` +
    `${source.helpers()}${main}`;
}

const ENTRY = `@compute @workgroup_size(${FUSED_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) l: u32) {
`;

function indent(lines: readonly string[], depth: number): string {
  return lines.map((line) => `${"  ".repeat(depth)}${line}\n`).join("");
}

/** Element-wise work as a kernel. Uniform words: number of threads, operands, constants, outputs. */
export function fusedMap(name: string, program: FusedProgram, outputs: readonly FusedOutput[]): Kernel {
  const source = new FusedSource(program, { array: "u", from: HEADER.map });
  source.compute();
  source.store(outputs);
  const main = `${ENTRY}  let g = (w.y * n.x + w.x) * ${FUSED_WORKGROUP}u + l;
  if (g >= ${word(0)}) { return; }
  let e = g${program.width === 4 ? " * 4u" : ""};
${indent(source.lines, 1)}}
`;
  return { name, code: assemble(source, main), bindings: program.bindings.map(({ access }) => access) };
}

/** Combines two values of a type; NaN wins, whichever side it is on. */
function combineSource(combine: Combine, [a, b]: readonly [string, string], type: string): string {
  if (combine === "sum") return `${a} + ${b}`;
  if (combine === "prod") return `${a} * ${b}`;
  const isNaN = type.includes("f32") ? ` | ${isNaNExpression(b, type.replace("f32", "u32"))}` : "";
  return `select(${a}, ${b}, (${b} ${combine === "max" ? ">" : "<"} ${a})${isNaN})`;
}

/**
 * A reduction of element-wise work as a kernel. Uniform words: number of threads or groups; length of the reduced axis;
 * for columns their number over the width, else the chunks of a row; length of a chunk; bits of the neutral element; for
 * several reductions at once, one for each z of the grid, where the first one's elements begin, and from one to the next
 * the distance of elements and that of results; operands; constants; offset of the output. `value` has the program's width.
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
  const source = new FusedSource(program, { array: "u", from: HEADER.reduce });
  source.compute();
  const [offset] = source.take(1);
  const type = typeOf(output.dtype, width);
  const neutral = output.dtype === "u32" ? word(4) : `bitcast<${output.dtype}>(${word(4)})`;
  const body = indent([...source.lines, `acc = ${combineSource(combine, ["acc", value], type)};`], 2);
  const lanes = width === 1 ? "acc" : ["acc.y", "acc.z", "acc.w"].reduce(
    (text, lane) => text ? `(${combineSource(combine, [text, lane], output.dtype)})` : lane,
    "acc.x",
  );
  const target = `b${output.binding}`;
  const store = (position: string, result: string) =>
    `  ${target}[${position} + ${offset} + w.z * ${word(7)}] = ${result};\n`;
  const start = `  let origin = ${word(5)} + w.z * ${word(6)};
  var acc = ${width === 1 ? neutral : `${type}(${neutral})`};\n`;
  let main: string;
  if (style === "column") {
    main = `${ENTRY}  let g = (w.y * n.x + w.x) * ${FUSED_WORKGROUP}u + l;
  if (g >= ${word(0)}) { return; }
  let chunk = g / ${word(2)};
  let column = g % ${word(2)};
${start}  let end = min(${word(1)}, (chunk + 1u) * ${word(3)});
  for (var j = chunk * ${word(3)}; j < end; j++) {
    let e = origin + (j * ${word(2)} + column)${width === 4 ? " * 4u" : ""};
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
    let e = origin + row * ${word(1)} + j;
${body}  }
${store("g", lanes)}}
`;
  } else if (style === "groupRows") {
    // Element e of the four rows stands at e, e + 1, e + 2 and e + 3: a vec4 has one element of each.
    const four = [0, 1, 2, 3];
    const add = (a: string, b: string) => combineSource(combine, [a, b], type);
    const total = [1, 2, 3].reduce((text, i) => `(${add(text, `acc${i}`)})`, "acc0");
    main = `var<workgroup> partial: array<${type}, ${FUSED_WORKGROUP}>;
${ENTRY}  let g = w.y * n.x + w.x;
  if (g >= ${word(0)}) { return; }
${four.map((i) => `  var acc${i} = ${type}(${neutral});\n`).join("")}  for (var j = l * 4u; j < ${word(1)}; j += ${
      4 * FUSED_WORKGROUP
    }u) {
${
      four.map((i) =>
        `    {
      let e = (g * ${word(1)} + j + ${i}u) * 4u;
${indent([...source.lines, `acc${i} = ${add(`acc${i}`, value)};`], 3)}    }
`
      ).join("")
    }  }
  partial[l] = ${total};
  for (var half = ${FUSED_WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) {
      let mine = partial[l];
      let other = partial[l + half];
      partial[l] = ${add("mine", "other")};
    }
  }
  if (l != 0u) { return; }
  ${target}[g + ${offset}] = partial[0];
}
`;
  } else {
    main = `var<workgroup> partial: array<${output.dtype}, ${FUSED_WORKGROUP}>;
${ENTRY}  let g = w.y * n.x + w.x;
  if (g >= ${word(0)}) { return; }
  let row = g / ${word(2)};
  let chunk = g % ${word(2)};
${start}  let end = min(${word(1)}, (chunk + 1u) * ${word(3)});
  for (var j = chunk * ${word(3)} + l * ${width}u; j < end; j += ${FUSED_WORKGROUP * width}u) {
    let e = origin + row * ${word(1)} + j;
${body}  }
  partial[l] = ${lanes};
  for (var half = ${FUSED_WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) {
      let mine = partial[l];
      let other = partial[l + half];
      partial[l] = ${combineSource(combine, ["mine", "other"], output.dtype)};
    }
  }
  if (l != 0u) { return; }
${store("g", "partial[0]")}}
`;
  }
  const bindings = program.bindings.map(({ access }) => access);
  let code = assemble(source, main);
  // Rows give single numbers, whatever the width they were read with.
  if (style.endsWith("Row") && width === 4) {
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
