import { formatBytes } from "./format_bytes.ts";
import type { FunctionMemory, MemoryItem, MemoryKind } from "./function_memory.ts";
import { keysOf } from "../../text/keys_of.ts";
import { plural } from "../../text/plural.ts";

const LARGEST = 10;

const KINDS: Readonly<Record<MemoryKind, string>> = {
  argument: "arguments",
  captured: "captured constants",
  texture: "weights as textures",
  packed: "operands as textures",
  kept: "kept for later dispatches",
  temporary: "temporaries",
  scalars: "single numbers",
  uniforms: "uniforms",
  result: "results",
  rounding: "rounding up",
  staging: "staging, while a call runs",
};

const sumOf = (items: readonly MemoryItem[]) => items.reduce((sum, { bytes }) => sum + bytes, 0);

/** What an argument is a part of: `state.base`, say. */
const partOf = ({ path }: MemoryItem) => path.slice(0, 2).join(".");

/**
 * Puts what takes the bytes of a jitted function into words: a line for each kind, for the parts of the arguments, and
 * for the ten largest tensors.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const double = dd.jit(function double(x: dd.Tensor) {
 *   return x.mul(2);
 * });
 * console.log(await (await double(dd.tensor([1, 2]))).data()); // Float32Array [2, 4]
 * const [memory] = double.memory();
 * console.log(dd.inspect.formatMemory(memory).startsWith("double: ")); // true
 * ```
 */
export function formatMemory({ name, items, liveBytes, peakBytes, peak }: FunctionMemory): string {
  const rows: [string, string][] = [];
  const add = (label: string, bytes: number, notes: readonly string[] = []) =>
    rows.push([label, [formatBytes(bytes).padStart(12), ...notes].join("  ")]);
  for (const kind of keysOf(KINDS)) {
    const own = items.filter((item) => item.kind === kind);
    if (own.length === 0) continue;
    add(KINDS[kind], sumOf(own), [`${(100 * sumOf(own) / peakBytes).toFixed(1).padStart(5)} %`]);
    if (kind !== "argument") continue;
    for (const [part, inside] of Map.groupBy(own, partOf)) {
      const donated = inside.filter(({ isDonated }) => isDonated).length;
      const note = plural(inside.length, "tensor");
      add(`  ${part}`, sumOf(inside), donated > 0 ? [`${note}, ${donated} given up`] : [note]);
    }
  }
  const isOne = ({ kind, shape }: MemoryItem) => shape !== undefined && kind !== "rounding";
  const largest = items.filter(isOne).sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST);
  rows.push([`the ${largest.length} largest`, ""]);
  for (const { path, shape, kind, bytes } of largest) {
    add(`  ${path.join(".")} [${shape!.join(", ")}]`, bytes, [KINDS[kind]]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    `${name ? `${name}: ` : ""}${formatBytes(peakBytes)} while a call runs, ${formatBytes(liveBytes)} between calls`,
    ...peak
      ? [`its own memory is fullest at dispatch ${peak.dispatch}, ${peak.kernel}: ${formatBytes(peak.bytes)}`]
      : [],
    ...rows.map(([label, rest]) => `${label.padEnd(width)}  ${rest}`.trimEnd()),
  ].join("\n");
}
