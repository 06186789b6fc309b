import { type AttentionOptions, attentionSource, MASKED } from "./attention.ts";
import type { Kernel } from "./kernel.ts";

/** What one subgroup, alone in its workgroup, computes: a few rows against blocks of 4 · lanes others. */
export interface AttentionTile {
  readonly lanes: number;
  /** Rows that are handed round by subgroupBroadcast. */
  readonly rows: number;
  /** vec4s of a row of d elements that a lane owns in sums: ⌈d / (4 · lanes)⌉. */
  readonly quads: number;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const FOUR = range(4);
const PARTS = ["x", "y", "z", "w"];
/** Less than any score: what lies behind the last key. */
const OUTSIDE = "-3e38";

/** Text for a tile, whose rows are numbered i and whose others, four for each lane, `o0 + lane + j · lanes`. */
class TileSource {
  readonly #rows: readonly number[];
  readonly panels: readonly number[];
  readonly quads: readonly number[];

  constructor(readonly tile: AttentionTile) {
    this.#rows = range(tile.rows);
    this.panels = range(Math.ceil(tile.rows / tile.lanes));
    this.quads = range(tile.quads);
  }

  /** A statement for each row. */
  each(statement: (row: number) => string): string {
    return this.#rows.map(statement).join("\n    ");
  }

  /** Addresses of the rows that this lane loads. */
  panelsOf(name: string, origin: string, stride: string, end: string): string {
    const { lanes } = this.tile;
    return this.panels.map((p) =>
      `let ${name}${p} = ${origin} + min(m0 + lane + ${p * lanes}u, ${end} - 1u) * ${stride};`
    ).join(" ");
  }

  /** Addresses of the four others of this lane. */
  othersOf(name: string, origin: string, stride: string, end: string): string {
    const { lanes } = this.tile;
    return FOUR.map((j) => `let ${name}${j} = ${origin} + min(o0 + lane + ${j * lanes}u, ${end} - 1u) * ${stride};`)
      .join(" ");
  }

  /** Inner products of all rows of A with the lane's four rows of B, into an array: every element is loaded once. */
  products(into: string, [A, atA]: readonly [string, string], [B, atB]: readonly [string, string]): string {
    const { lanes } = this.tile;
    const value = (row: number, part: string) =>
      `vec4<f32>(subgroupBroadcast(a${Math.floor(row / lanes)}.${part}, ${row % lanes}u))`;
    return `{
    ${this.each((i) => `var s${i} = vec4<f32>();`)}
    for (var e = 0u; e < d.depth; e++) {
    ${this.panels.map((p) => `let a${p} = ${A}[${atA}${p} + e];`).join(" ")}
    ${FOUR.map((j) => `let b${j} = ${B}[${atB}${j} + e];`).join(" ")}
    ${PARTS.map((part) => `let b${part} = vec4<f32>(${FOUR.map((j) => `b${j}.${part}`).join(", ")});`).join(" ")}
    ${this.each((i) => PARTS.map((part) => `s${i} = fma(${value(i, part)}, b${part}, s${i});`).join(" "))}
    }
    ${this.each((i) => `${into}[${i}] = s${i};`)}
  }`;
  }

  /** Adds to the sums of each row the others' rows of B times the weights that the others' lanes hold. */
  mix(sums: string, weights: string, B: string, origin: string, stride: string, end: string): string {
    const { lanes } = this.tile;
    return `{
    ${this.each((i) => `let x${i} = ${weights}[${i}];`)}
    for (var r = o0; r < min(o0 + ${lanes}u, ${end}); r++) {
    ${
      FOUR.map((j) =>
        `{ let at = ${origin} + min(r + ${j * lanes}u, ${end} - 1u) * ${stride};
    ${this.quads.map((q) => `let b${q} = ${B}[at + min(lane + ${q * lanes}u, d.depth - 1u)];`).join(" ")}
    ${
          this.each((i) =>
            `{ let x = vec4<f32>(subgroupShuffle(x${i}.${PARTS[j]}, r - o0)); ` +
            this.quads.map((q) => `${sums}${i}_${q} = fma(x, b${q}, ${sums}${i}_${q});`).join(" ") + " }"
          )
        } }`
      ).join("\n    ")
    }
  } }`;
  }

  /** Declares the sums that {@linkcode mix} adds to. */
  sums(name: string): string {
    return this.each((i) => this.quads.map((q) => `var ${name}${i}_${q} = vec4<f32>();`).join(" "));
  }

  /** Writes sums to rows of a result, each times a factor. */
  store(name: string, origin: string, end: string, factor: (row: number) => string = () => ""): string {
    const { lanes } = this.tile;
    return this.each((i) =>
      `if (m0 + ${i}u < ${end}) { let at = ${origin} + rowOf(w, m0 + ${i}u, ${end}); ` +
      this.quads.map((q) =>
        `if (lane + ${q * lanes}u < d.depth) { Y[at + lane + ${q * lanes}u] = ${name}${i}_${q}${factor(i)}; }`
      ).join(" ") + " }"
    );
  }

  /** Positions of the lane's four others. */
  get positions(): string {
    const { lanes } = this.tile;
    return `vec4<u32>(o0 + lane) + vec4<u32>(0u, ${lanes}u, ${2 * lanes}u, ${3 * lanes}u)`;
  }
}

function kernelOf(
  name: string,
  arrays: readonly string[],
  { tile, options, body }: { readonly tile: AttentionTile; readonly options: AttentionOptions; readonly body: string },
): Kernel {
  const { lanes, rows, quads } = tile;
  return attentionSource({
    name: `${name}_${rows}x${4 * lanes}${quads > 1 ? `_of${quads}` : ""}`,
    arrays,
    width: 4,
    enable: "enable subgroups;\n",
    body: `@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let m0 = w.x * ${rows}u;
${body}}
`,
  }, options);
}

/** Which of the lane's four keys nobody attends to. */
const padded = (masked: boolean) =>
  masked
    ? `let behind = w.z * d.S + min(s4, vec4<u32>(d.S - 1u));
  let padded = vec4<i32>(M[behind.x], M[behind.y], M[behind.z], M[behind.w]) == vec4<i32>(0);`
    : "let padded = vec4<bool>(false);";

/**
 * softmax(Q·Kᵀ·scale)·V without the scores in memory: some query rows walk over the keys, four a lane, with a running
 * maximum and sum for each row (2205.14135). Bindings: Q, K, V, mask, key, then output and numbers of rows.
 * Grid: blocks of queries, heads, batches.
 */
export function attentionSubgroup(tile: AttentionTile, options: AttentionOptions): Kernel {
  const { rows } = tile;
  const source = new TileSource(tile);
  const body = `  let z = (w.z * d.H + w.y) * d.T;
  let zk = first(d.k, w);
  let zv = first(d.v, w);
  ${source.panelsOf("q", "first(d.q, w)", "d.q.w", "d.T")}
  let live = min(${rows}u, d.T - m0);
  var s: array<vec4<f32>, ${rows}>;
  var tops: array<f32, ${rows}>;
  var sums: array<f32, ${rows}>; // each lane sums its own keys
  var shrink: array<f32, ${rows}>;
  for (var i = 0u; i < live; i++) { tops[i] = ${MASKED}; sums[i] = 0f; }
  ${source.sums("o")}
  for (var o0 = 0u; o0 < d.S; o0 += ${4 * tile.lanes}u) {
  ${source.othersOf("k", "zk", "d.k.w", "d.S")}
  ${source.products("s", ["Q", "q"], ["K", "k"])}
  let s4 = ${source.positions};
  ${padded(options.masked)}
  let outside = s4 >= vec4<u32>(d.S);
  for (var i = 0u; i < live; i++) {
    let t = vec4<u32>(m0 + i);
    var score = select(s[i] * d.scale, vec4<f32>(${MASKED}), padded | unseen(t, s4));
    score = select(score, vec4<f32>(${OUTSIDE}), outside);
    let top = max(tops[i], subgroupMax(max(max(score.x, score.y), max(score.z, score.w))));
    shrink[i] = exp(tops[i] - top);
    tops[i] = top;
    let p = select(exp(score - top), vec4<f32>(), outside);
    sums[i] = sums[i] * shrink[i] + dot(p, vec4<f32>(1f));
    s[i] = p * share(w, t, s4);
  }
  ${source.each((i) => `{ let x = shrink[${i}]; ${source.quads.map((q) => `o${i}_${q} *= x;`).join(" ")} }`)}
  ${source.mix("o", "s", "V", "zv", "d.v.w", "d.S")}
  }
  for (var i = 0u; i < live; i++) {
    sums[i] = 1f / subgroupAdd(sums[i]);
    if (lane == 0u) { Y[d.rows + z + m0 + i] = vec4<f32>(tops[i], sums[i], 0f, 0f); }
  }
  ${source.store("o", "0u", "d.T", (i) => ` * sums[${i}]`)}
`;
  return kernelOf("attention", ["Q", "K", "V"], { tile, options, body });
}

/**
 * The derivative by q: weights are computed again from the numbers of their row. Bindings: Q, K, V, derivative by the
 * output, output with numbers of rows, mask, key, then the result, where Σ g·o joins the numbers of each row.
 */
export function attentionGradQuery(tile: AttentionTile, options: AttentionOptions): Kernel {
  const { lanes, rows } = tile;
  const source = new TileSource(tile);
  const panel = (i: number) => `${Math.floor(i / lanes)}`;
  const body = `  let z = (w.z * d.H + w.y) * d.T;
  let zk = first(d.k, w);
  let zv = first(d.v, w);
  ${source.panelsOf("q", "first(d.q, w)", "d.q.w", "d.T")}
  ${source.panelsOf("g", "first(d.g, w)", "d.g.w", "d.T")}
  let live = min(${rows}u, d.T - m0);
  ${
    source.panels.map((p) =>
      `let t${p} = m0 + lane + ${p * lanes}u;
  var r${p} = O[d.rows + z + min(t${p}, d.T - 1u)];
  { let at = rowOf(w, min(t${p}, d.T - 1u), d.T);
    for (var e = 0u; e < d.depth; e++) { r${p}.z += dot(G[g${p} + e], O[at + e]); } }
  if (t${p} < d.T && lane + ${p * lanes}u < ${rows}u) { Y[d.toRows + z + t${p}] = r${p}; }`
    ).join("\n  ")
  }
  var r: array<vec4<f32>, ${rows}>;
  ${
    source.each((i) =>
      `r[${i}] = vec4<f32>(${
        ["x", "y", "z"].map((part) => `subgroupBroadcast(r${panel(i)}.${part}, ${i % lanes}u)`).join(", ")
      }, 0f);`
    )
  }
  var s: array<vec4<f32>, ${rows}>;
  var g: array<vec4<f32>, ${rows}>;
  ${source.sums("o")}
  for (var o0 = 0u; o0 < d.S; o0 += ${4 * lanes}u) {
  ${source.othersOf("k", "zk", "d.k.w", "d.S")}
  ${source.othersOf("v", "zv", "d.v.w", "d.S")}
  ${source.products("s", ["Q", "q"], ["K", "k"])}
  ${source.products("g", ["G", "g"], ["V", "v"])}
  let s4 = ${source.positions};
  ${padded(options.masked)}
  let outside = s4 >= vec4<u32>(d.S);
  for (var i = 0u; i < live; i++) {
    let t = vec4<u32>(m0 + i);
    let hidden = unseen(t, s4);
    let score = select(s[i] * d.scale, vec4<f32>(${MASKED}), padded | hidden);
    let p = exp(score - r[i].x) * r[i].y;
    s[i] = select(p * (g[i] * share(w, t, s4) - r[i].z) * d.scale, vec4<f32>(), outside | hidden);
  }
  ${source.mix("o", "s", "K", "zk", "d.k.w", "d.S")}
  }
  ${source.store("o", "0u", "d.T")}
`;
  return kernelOf("attentionGradQuery", ["Q", "K", "V", "G", "O"], { tile, options, body });
}

/**
 * The derivatives by k and v: some keys walk over the queries. Bindings: Q, K, V, derivative by the output, mask, key, then
 * the result, which holds the numbers of rows already. Grid: blocks of keys, heads, batches.
 */
export function attentionGradKeyValue(tile: AttentionTile, options: AttentionOptions): Kernel {
  const { lanes, rows } = tile;
  const source = new TileSource(tile);
  const body = `  let z = (w.z * d.H + w.y) * d.T;
  let zq = first(d.q, w);
  let zg = first(d.g, w);
  ${source.panelsOf("k", "first(d.k, w)", "d.k.w", "d.S")}
  ${source.panelsOf("v", "first(d.v, w)", "d.v.w", "d.S")}
  let live = min(${rows}u, d.S - m0);
  var s: array<vec4<f32>, ${rows}>;
  var g: array<vec4<f32>, ${rows}>;
  ${source.sums("k")}
  ${source.sums("v")}
  for (var o0 = 0u; o0 < d.T; o0 += ${4 * lanes}u) {
  ${source.othersOf("q", "zq", "d.q.w", "d.T")}
  ${source.othersOf("g", "zg", "d.g.w", "d.T")}
  ${source.products("s", ["K", "k"], ["Q", "q"])}
  ${source.products("g", ["V", "v"], ["G", "g"])}
  let t4 = ${source.positions};
  let outside = t4 >= vec4<u32>(d.T);
  ${FOUR.map((j) => `let r${j} = Y[d.toRows + z + min(t4[${j}], d.T - 1u)];`).join(" ")}
  ${
    ["x", "y", "z"].map((part) => `let r${part} = vec4<f32>(${FOUR.map((j) => `r${j}.${part}`).join(", ")});`).join(" ")
  }
  for (var i = 0u; i < live; i++) {
    let key = vec4<u32>(m0 + i);
    let hidden = unseen(t4, key);
    let score = select(s[i] * d.scale, vec4<f32>(${MASKED}), hidden${
    options.masked ? " | vec4<bool>(M[w.z * d.S + m0 + i] == 0)" : ""
  });
    let p = select(exp(score - rx) * ry, vec4<f32>(), outside);
    let kept = share(w, t4, key);
    s[i] = p * kept;
    g[i] = select(p * (g[i] * kept - rz) * d.scale, vec4<f32>(), outside | hidden);
  }
  ${source.mix("v", "s", "G", "zg", "d.g.w", "d.T")}
  ${source.mix("k", "g", "Q", "zq", "d.q.w", "d.T")}
  }
  ${source.store("k", "d.toK", "d.S")}
  ${source.store("v", "d.toV", "d.S")}
`;
  return kernelOf("attentionGradKeyValue", ["Q", "K", "V", "G"], { tile, options, body });
}
