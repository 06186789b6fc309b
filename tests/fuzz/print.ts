import { isName, isNumberWord, type Leaf, type PlainArg, type PlainNumber, type Program } from "./program.ts";
import { donatedLeaves } from "./run.ts";

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

/** A program as a few lines of TypeScript, for people. */
export function print(program: Program): string {
  const { leaves, nodes, outputs, segment, derive, loop, jit, disposes, trials = [] } = program;
  const donated = donatedLeaves(program);
  const lines = ['import * as dd from "@delta-dawn/delta-lora";', "await dd.openDevice();"];
  for (const { kind, ...rest } of trials) lines.push(`// tried before: ${kind} ${JSON.stringify(rest)}`);
  leaves.forEach((leaf, i) =>
    lines.push(`const a${i} = ${leafText(leaf)};${donated.has(`a${i}`) ? " // donated" : ""}`)
  );
  nodes.forEach(({ op, args, part }, i) => {
    if (segment?.from === i) lines.push(`// inside ${segment.kind}():`);
    if (segment?.to === i) lines.push(`// after it:`);
    lines.push(`const n${i} = dd.${op}(${args.map(text).join(", ")})${part === undefined ? "" : `[${part}]`};`);
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
  if (jit) lines.push(`// by jit(), ${donated.size > 0 ? "donated and not" : "twice"}`);
  if (disposes) lines.push("// all but the results is disposed of while they are pending");
  lines.push(`console.log(await Promise.all([${outputs.join(", ")}].map((x) => x.data())));`);
  return lines.join("\n");
}
