import { type Grid, type Kernel, linearGrid } from "./kernel.ts";
import { across, acrossThreads, combine, NEUTRAL, type RowOptions, rowPowers, threadsOf } from "./rows.ts";
import type { KernelTarget } from "./target.ts";

/** `value`: log-probabilities of labels; `slope`: from the derivatives by them, those by the logits. */
export type CrossEntropyPart = "value" | "slope";

/** A row kernel's variant, and whether labels are smoothed. */
interface CrossEntropyOptions extends RowOptions {
  readonly isSmoothed: boolean;
}

/** Bits of NaN, which WGSL cannot write as a constant. */
const NAN_BITS = 0x7fc00000;

/**
 * Log-softmax of rows of logits X `[rows, n]` at one label each, L i32 `[rows]`, without the rest of it ever being
 * stored; NaN for a label outside of the row. Bindings of `value`: X, L, Y `[rows]`; of `slope`: X, L, G `[rows]` and
 * Y `[rows, n]`, where Y = G·(one-hot − softmax). Each reads a row three times. With smoothed labels, a share ε of the
 * target lies on all classes alike: the value is (1 − ε)·log-softmax at the label + ε·the mean of log-softmax, for which
 * `value` reads the row once more, and the target of the slope is (1 − ε)·one-hot + ε / n.
 */
function crossEntropyKernel(part: CrossEntropyPart, { lanes, vec4, isSmoothed }: CrossEntropyOptions): Kernel {
  const threads = threadsOf(lanes);
  const type = vec4 ? "vec4<f32>" : "f32";
  const isSlope = part === "slope";
  const arrays = [["X", type], ["L", "i32"], ...isSlope ? [["G", "f32"], ["Y", type]] : [["Y", "f32"]]];
  const declared = arrays.map(([name, of], i) =>
    `@group(0) @binding(${i}) var<storage, ${name === "Y" ? "read_write" : "read"}> ${name}: array<${of}>;\n`
  ).join("");
  const folded = (kind: "sum" | "max") =>
    vec4 ? combine(kind, combine(kind, "s.x", "s.y"), combine(kind, "s.z", "s.w")) : "s";
  const pass = (name: string, kind: "sum" | "max", of: string) =>
    `  var ${name}: f32;
  {
    var s = ${type}(${NEUTRAL[kind]});
    for (var i = thread; i < steps; i += ${threads}u) { let a = X[start + i]; s = ${combine(kind, "s", of)}; }
    ${name} = ${across(kind, lanes, folded(kind))};
  }
`;
  const index = vec4 ? "vec4<i32>(i32(i * 4u)) + vec4<i32>(0, 1, 2, 3)" : "i32(i)";
  const one = vec4
    ? "select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<bool>(at == vec4<i32>(label)))"
    : "select(0.0, 1.0, at == label)";
  const target = isSmoothed ? `(${one} * (1.0 - d.smoothing) + d.smoothing / f32(d.n))` : one;
  const atLabel = vec4 ? "X[start + u32(label) / 4u][u32(label) % 4u]" : "X[start + u32(label)]";
  // Less the largest element before they are summed or weighed, so that large ones lose nothing.
  const value = isSmoothed
    ? `(${atLabel} - top) * (1.0 - d.smoothing) + spread / f32(d.n) * d.smoothing - norm`
    : `${atLabel} - top - norm`;
  const spread = isSmoothed && !isSlope ? pass("spread", "sum", vec4 ? "(a - vec4<f32>(top))" : "(a - top)") : "";
  const end = isSlope
    ? `  let slope = G[row];
  for (var i = thread; i < steps; i += ${threads}u) {
    let at = ${index};
    Y[start + i] = slope * (${target} - rowExp(X[start + i] - top - norm));
  }
`
    : `  if (thread != 0u) { return; }
  if (label < 0 || label >= i32(d.n)) { Y[row] = bitcast<f32>(d.nan); return; }
  Y[row] = ${value};
`;
  return {
    name: `crossEntropy_${part}${isSmoothed ? "_smoothed" : ""}_${lanes > 0 ? `subgroup${lanes}` : "plain"}${
      vec4 ? "_vec4" : ""
    }`,
    bindings: arrays.map(([name]) => name === "Y" ? "read_write" : "read"),
    code: `${lanes > 0 ? "enable subgroups;\n" : ""}struct Sizes { rows: u32, n: u32, nan: u32, smoothing: f32 }
${declared}@group(0) @binding(${arrays.length}) var<uniform> d: Sizes;
${acrossThreads(["max", "sum"], lanes)}${rowPowers(vec4 ? 4 : 1)}@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>,
        @builtin(${lanes > 0 ? "subgroup_invocation_id" : "local_invocation_index"}) thread: u32) {
  let row = w.y * g.x + w.x;
  if (row >= d.rows) { return; }
  let steps = d.n${vec4 ? " / 4u" : ""};
  let start = row * steps;
  let label = L[row];
${pass("top", "max", "a")}${
      pass("total", "sum", vec4 ? "rowExp(a - vec4<f32>(top))" : "rowExp(a - top)")
    }  let norm = rowLog(total);
${spread}${end}}
`,
  };
}

/** The variant of {@linkcode crossEntropyKernel} for a device, with grid and uniforms. */
export function crossEntropyDispatch(
  part: CrossEntropyPart,
  { rows, n, smoothing }: { readonly rows: number; readonly n: number; readonly smoothing: number },
  target: KernelTarget,
): { kernel: Kernel; grid: Grid; uniforms: Uint32Array } {
  return {
    kernel: crossEntropyKernel(part, { lanes: target.subgroupSize, vec4: n % 4 === 0, isSmoothed: smoothing > 0 }),
    grid: linearGrid(rows),
    uniforms: Uint32Array.of(rows, n, NAN_BITS, new Uint32Array(Float32Array.of(smoothing).buffer)[0]),
  };
}
