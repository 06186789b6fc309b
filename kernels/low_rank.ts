import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** Which variant of {@linkcode addLowRankKernel}. */
export interface AddLowRankOptions {
  /** Whether the result is W's own buffer. */
  readonly inPlace: boolean;
  /** Four rows and four columns for each thread, where columns and ranks are multiples of 4. */
  readonly vec4: boolean;
  /** Into how many pieces L is cut along its columns, and R along its rows: 1 or 2. */
  readonly blocks: number;
}

const WORKGROUP = 64;

/** Arrays in the order in which uniforms say how far it is from one cell to the next; there may be fewer blocks. */
const NEXT = ["W", "S", "L0", "L1", "R0", "R1"] as const;

/** Sizes of {@linkcode addLowRankKernel}. */
export interface AddLowRankSizes {
  readonly m: number;
  readonly n: number;
  /** Of the blocks. */
  readonly ranks: readonly number[];
  /** 1 by default. */
  readonly cells?: number;
  /** From one cell to the next: of W, scale, the blocks of L and those of R; 0 where they are shared, or there is one. */
  readonly next?: readonly number[];
}

/**
 * W + scale·L·R, and W's own bits where scale is 0: W `[m, n]`, L `[m, r]` and R `[r, n]` in one or two blocks along r,
 * scale one f32. Bindings: W, scale, the blocks of L, those of R, and the output unless in place. The product is summed
 * first, over ascending r in f32, then added to W at once. Of several cells each is a layer of the grid.
 */
export function addLowRankKernel({ inPlace, vec4, blocks }: AddLowRankOptions): Kernel {
  const type = vec4 ? "vec4<f32>" : "f32";
  const output = inPlace ? "W" : "Y";
  const each = Array.from({ length: blocks }, (_, block) => block);
  const arrays = [
    { name: "W", access: inPlace ? "read_write" as const : "read" as const, of: type },
    { name: "S", access: "read" as const, of: "f32" },
    ...each.map((block) => ({ name: `L${block}`, access: "read" as const, of: type })),
    ...each.map((block) => ({ name: `R${block}`, access: "read" as const, of: type })),
    ...inPlace ? [] : [{ name: "Y", access: "read_write" as const, of: type }],
  ];
  const declared = arrays.map(({ name, access, of }, i) =>
    `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${of}>;\n`
  ).join("");
  // First element of a cell's part of an array.
  const first = (name: string) => `w.z * d.next${name}${vec4 && name !== "S" ? " / 4u" : ""}`;
  const head = `struct Sizes { m: u32, n: u32, r0: u32, r1: u32, ${
    NEXT.map((name) => `next${name}: u32`).join(", ")
  }, pad0: u32, pad1: u32 }
${declared}@group(0) @binding(${arrays.length}) var<uniform> d: Sizes;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${WORKGROUP}u + l;
  let scale = S[w.z * d.nextS];
  let ofW = ${first("W")};
  let ofY = ${inPlace ? "ofW" : `w.z * (d.m * d.n${vec4 ? " / 4u" : ""})`};
`;
  const four = [0, 1, 2, 3];
  const inFours = (block: number) =>
    `  {
    let depth = d.r${block} / 4u;
    ${four.map((i) => `let l${i} = ${first(`L${block}`)} + min(row + ${i}u, d.m - 1u) * depth;`).join(" ")}
    for (var j = 0u; j < depth; j++) {
      ${four.map((i) => `let a${i} = L${block}[l${i} + j];`).join(" ")}
      ${
      four.map((k) =>
        `{ let b = R${block}[${first(`R${block}`)} + (j * 4u + ${k}u) * width + column]; ` +
        four.map((i) => `s${i} = fma(vec4<f32>(a${i}.${"xyzw"[k]}), b, s${i});`).join(" ") + " }"
      ).join("\n      ")
    }
    }
  }
`;
  const body = vec4
    ? `  let width = d.n / 4u;
  let column = t % width;
  let row = t / width * 4u;
  if (row >= d.m) { return; }
  ${four.map((i) => `var s${i} = vec4<f32>();`).join(" ")}
${each.map(inFours).join("")}  ${
      four.map((i) =>
        `if (row + ${i}u < d.m) { let at = (row + ${i}u) * width + column; let x = W[ofW + at]; ` +
        `${output}[ofY + at] = select(fma(vec4<f32>(scale), s${i}, x), x, scale == 0.0); }`
      ).join("\n  ")
    }
`
    : `  if (t >= d.m * d.n) { return; }
  let row = t / d.n;
  let column = t % d.n;
  var sum = 0f;
${
      each.map((i) =>
        `  for (var j = 0u; j < d.r${i}; j++) { sum = fma(L${i}[${first(`L${i}`)} + row * d.r${i} + j], R${i}[${
          first(`R${i}`)
        } + j * d.n + column], sum); }\n`
      ).join("")
    }  let x = W[ofW + t];
  ${output}[ofY + t] = select(fma(scale, sum, x), x, scale == 0.0);
`;
  return {
    name: `addLowRank${vec4 ? "_vec4" : ""}${blocks > 1 ? `_of${blocks}` : ""}${inPlace ? "_inPlace" : ""}`,
    bindings: arrays.map(({ access }) => access),
    code: `${head}${body}}\n`,
  };
}

/** Uniforms of {@linkcode addLowRankKernel}. */
export function addLowRankUniforms({ m, n, ranks, next = [] }: AddLowRankSizes): Uint32Array {
  const [w = 0, scale = 0, ...blocks] = next;
  const [l0 = 0, l1 = 0, r0 = 0, r1 = 0] = ranks.length > 1 ? blocks : [blocks[0], 0, blocks[1]];
  return Uint32Array.of(m, n, ranks[0], ranks[1] ?? 0, w, scale, l0, l1, r0, r1, 0, 0);
}

/** Workgroups of {@linkcode addLowRankKernel}. */
export function addLowRankGrid({ vec4 }: Pick<AddLowRankOptions, "vec4">, { m, n, cells = 1 }: AddLowRankSizes): Grid {
  const [x, y] = linearGrid(Math.ceil((vec4 ? Math.ceil(m / 4) * n / 4 : m * n) / WORKGROUP));
  return [x, y, cells];
}
