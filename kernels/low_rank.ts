import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** Which variant of {@linkcode addLowRankKernel}. */
export interface AddLowRankOptions {
  /** Whether the result is W's own buffer. */
  readonly inPlace: boolean;
  /** Four rows and four columns for each thread, where columns and rank are multiples of 4. */
  readonly vec4: boolean;
}

const WORKGROUP = 64;

/**
 * W + scale·L·R, and W's own bits where scale is 0: W `[m, n]`, L `[m, r]`, R `[r, n]`, scale one f32. Bindings: W, L, R,
 * scale, and the output unless in place. The product is summed first, over ascending r in f32, then added to W at once.
 */
export function addLowRankKernel({ inPlace, vec4 }: AddLowRankOptions): Kernel {
  const type = vec4 ? "vec4<f32>" : "f32";
  const output = inPlace ? "W" : "Y";
  const binding = (i: number, name: string, access: string, of: string) =>
    `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${of}>;\n`;
  const head = `struct Sizes { m: u32, n: u32, r: u32 }
${binding(0, "W", inPlace ? "read_write" : "read", type)}${binding(1, "L", "read", type)}${
    binding(2, "R", "read", type)
  }${binding(3, "S", "read", "f32")}${inPlace ? "" : binding(4, "Y", "read_write", type)}@group(0) @binding(${
    inPlace ? 4 : 5
  }) var<uniform> d: Sizes;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${WORKGROUP}u + l;
  let scale = S[0];
`;
  const four = [0, 1, 2, 3];
  const body = vec4
    ? `  let width = d.n / 4u;
  let column = t % width;
  let row = t / width * 4u;
  if (row >= d.m) { return; }
  let depth = d.r / 4u;
  ${four.map((i) => `let l${i} = min(row + ${i}u, d.m - 1u) * depth; var s${i} = vec4<f32>();`).join("\n  ")}
  for (var j = 0u; j < depth; j++) {
    ${four.map((i) => `let a${i} = L[l${i} + j];`).join(" ")}
    ${
      four.map((k) =>
        `{ let b = R[(j * 4u + ${k}u) * width + column]; ` +
        four.map((i) => `s${i} = fma(vec4<f32>(a${i}.${"xyzw"[k]}), b, s${i});`).join(" ") + " }"
      ).join("\n    ")
    }
  }
  ${
      four.map((i) =>
        `if (row + ${i}u < d.m) { let at = (row + ${i}u) * width + column; let x = W[at]; ` +
        `${output}[at] = select(fma(vec4<f32>(scale), s${i}, x), x, scale == 0.0); }`
      ).join("\n  ")
    }
`
    : `  if (t >= d.m * d.n) { return; }
  let row = t / d.n;
  let column = t % d.n;
  var sum = 0f;
  for (var j = 0u; j < d.r; j++) { sum = fma(L[row * d.r + j], R[j * d.n + column], sum); }
  let x = W[t];
  ${output}[t] = select(fma(scale, sum, x), x, scale == 0.0);
`;
  return {
    name: `addLowRank${vec4 ? "_vec4" : ""}${inPlace ? "_inPlace" : ""}`,
    bindings: [inPlace ? "read_write" : "read", "read", "read", "read", ...inPlace ? [] : ["read_write" as const]],
    code: `${head}${body}}\n`,
  };
}

/** Uniforms of {@linkcode addLowRankKernel}. */
export function addLowRankUniforms(m: number, n: number, r: number): Uint32Array {
  return Uint32Array.of(m, n, r, 0);
}

/** Workgroups of {@linkcode addLowRankKernel}. */
export function addLowRankGrid({ vec4 }: AddLowRankOptions, m: number, n: number): Grid {
  return linearGrid(Math.ceil((vec4 ? Math.ceil(m / 4) * n / 4 : m * n) / WORKGROUP));
}
