import { buildValues } from "./build.ts";
import { hostLeaves } from "./plain.ts";
import { transformText } from "./print_transforms.ts";
import {
  isName,
  isNumberWord,
  type Leaf,
  namesIn,
  numberLeaves,
  type PlainArg,
  type PlainNumber,
  type Program,
  type ProgramNode,
  type Segment,
  type Transform,
} from "./program.ts";
import { donatedLeaves } from "./run.ts";
import { unnoticed } from "./unnoticed.ts";

/** A value of a program's arguments in TypeScript. */
function text(arg: PlainArg): string {
  if (isName(arg) || isNumberWord(arg)) return String(arg);
  if (Array.isArray(arg)) return `[${arg.map(text).join(", ")}]`;
  if (typeof arg === "object" && arg !== null) {
    return `{ ${Object.entries(arg).map(([key, part]) => `${key}: ${text(part)}`).join(", ")} }`;
  }
  return JSON.stringify(arg);
}

const list = (values: readonly PlainNumber[]) => `[${values.join(", ")}]`;

function leafText({ dtype, shape, values, given, same }: Leaf): string {
  if (same !== undefined) return `a${same}`;
  if (given === "number") return String(values[0]);
  const size = shape.reduce((a, b) => a * b, 1);
  const data = values.length >= size
    ? list(values.slice(0, size))
    : `Array.from({ length: ${size} }, (_, i) => ${list(values)}[i % ${values.length}])`;
  const made = `dd.tensor(${data}, { shape: ${list(shape)}, dtype: "${dtype}" })`;
  return given === "host" ? made : `${made} /* ${given} */`;
}

const nodeText = ({ op, args, part }: ProgramNode, i: number) =>
  `const n${i} = dd.${op}(${args.map(text).join(", ")})${part === undefined ? "" : `[${JSON.stringify(part)}]`};`;

/** The nodes of a segment as a function, its transforms from the innermost one on, and its call. */
function segmentText(program: Program, segment: Segment): string[] {
  const { from, to } = segment;
  const nodes = program.nodes.slice(from, to);
  const used = [...new Set(nodes.flatMap(({ args }) => args.flatMap(namesIn)))];
  const inputs = used.filter((name) => name[0] === "a" || Number(name.slice(1)) < from);
  const without = { ...program, nodes: program.nodes.slice(0, to), segment: undefined };
  const values = unnoticed(() => buildValues(without, hostLeaves(without), "plain"));
  const numbers = numberLeaves(program);
  const of = new Map(inputs.filter((name) => !numbers.has(name)).map((name) => [name, values[name]]));
  const made = new Map(nodes.map((_, i) => [`n${from + i}`, values[`n${from + i}`]]));
  const names = [...made.keys()].join(", ");
  const lines = [
    `const f0 = ({ ${[...of.keys()].join(", ")} }) => {`,
    ...nodes.map((node, i) => `  ${nodeText(node, from + i)}`),
    `  return { ${names} };`,
    "};",
  ];
  const transforms: Transform[] = [];
  for (let next: Transform | undefined = segment; next; next = next.inside) transforms.unshift(next);
  transforms.forEach((transform, i) => {
    const [first, ...rest] = transformText(transform, `f${i}`, { of, made });
    lines.push(...[`const f${i + 1} = ${first}`, ...rest].join("\n").concat(";").split("\n"));
  });
  return [...lines, `const { ${names} } = f${transforms.length}({ ${[...of.keys()].join(", ")} });`];
}

/** A program as a few lines of TypeScript, for people. */
export function print(program: Program): string {
  const { leaves, nodes, outputs, segment, cells, derive, loop, jit, disposes, trials = [] } = program;
  const donated = donatedLeaves(program);
  const lines = ['import * as dd from "@delta-dawn/delta-lora";', "await dd.openDevice();"];
  for (const { kind, ...rest } of trials) lines.push(`// tried before: ${kind} ${JSON.stringify(rest)}`);
  leaves.forEach((leaf, i) =>
    lines.push(`const a${i} = ${leafText(leaf)};${donated.has(`a${i}`) ? " // donated" : ""}`)
  );
  nodes.slice(0, segment?.from).forEach((node, i) => lines.push(nodeText(node, i)));
  if (segment) lines.push(...segmentText(program, segment));
  nodes.forEach((node, i) => {
    if (segment && i >= segment.to) lines.push(nodeText(node, i));
  });
  if (derive) {
    const weights = derive.cotangents ? ` with cotangents ${derive.cotangents.join(", ")}` : "";
    lines.push(`// ${derive.kind} of ${derive.of.join(", ")} by ${derive.by.join(", ")}${weights}`);
  }
  if (loop) {
    const carried = loop.carry.map(([leaf, value]) => `${leaf} = ${value}`);
    if (loop.optimizer) carried.push(`${derive!.by.join(", ")} moved by ${loop.optimizer}`);
    lines.push(`// ${loop.steps} steps: ${carried.join("; ")}`);
  }
  if (cells) lines.push(`// each step in cells, by vmap(): ${JSON.stringify(cells)}`);
  if (jit) lines.push(`// by jit(), ${donated.size > 0 ? "donated and not" : "twice"}`);
  if (disposes) lines.push("// all but the results is disposed of while they are pending");
  lines.push(`console.log(await Promise.all([${outputs.join(", ")}].map((x) => x.data())));`);
  return lines.join("\n");
}
