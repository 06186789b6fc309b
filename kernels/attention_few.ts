import { attentionSource } from "./attention.ts";
import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup. */
export const FEW_WORKGROUP = 64;

/**
 * The derivatives by k and v where there are so few queries that their sums are not worth a product's tile, as of the first
 * token alone: a thread makes four elements of the rows of four keys. Bindings: stored weights, Q, derivative by the
 * output, then the result. Grid: vec4s of all keys by fours, heads of keys, batches.
 */
export function attentionGradFew(options: { readonly grouped?: boolean } = {}): Kernel {
  const { grouped = false } = options;
  const h = grouped ? "h" : "w";
  const four = [0, 1, 2, 3];
  const parts = ["x", "y", "z", "w"];
  return attentionSource({
    name: "attentionGradFew",
    arrays: ["W", "Q", "G"],
    width: 4,
    body: `@compute @workgroup_size(${FEW_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let width = (d.count + 3u) / 4u;
  let i = w.x * ${FEW_WORKGROUP}u + l;
  if (i >= width * d.depth) { return; }
  let e = i % d.depth;
  let s = i / d.depth;
  ${four.map((j) => `var k${j} = vec4<f32>(); var v${j} = vec4<f32>();`).join(" ")}
  for (var ${grouped ? "row" : "t"} = 0u; ${grouped ? "row < d.T * d.group; row++" : "t < d.T; t++"}) {
${
      grouped
        ? `    let h = vec3<u32>(w.x, w.y * d.group + row / d.T, w.z);
    let t = row % d.T;
`
        : ""
    }    let at = ((w.z * d.H + ${h}.y) * d.T + t) * width + s;
    let weights = W[at];
    let slopes = W[at + d.half];
    let q = Q[first(d.q, ${h}) + t * d.q.w + e];
    let g = G[first(d.g, ${h}) + t * d.g.w + e];
    ${
      four.map((j) =>
        `k${j} = fma(vec4<f32>(slopes.${parts[j]}), q, k${j}); v${j} = fma(vec4<f32>(weights.${parts[j]}), g, v${j});`
      ).join("\n    ")
    }
  }
  ${
      four.map((j) =>
        `if (4u * s + ${j}u < d.count) { let at = ${
          grouped ? "keyRow" : "rowOf"
        }(w, d.start + 4u * s + ${j}u, d.S) + e; Y[d.toK + at] = k${j}; Y[d.toV + at] = v${j}; }`
      ).join("\n  ")
    }
}
`,
  }, { masked: false, causal: false, grouped });
}
