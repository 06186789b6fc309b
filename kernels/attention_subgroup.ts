import { type AttentionOptions, attentionSource, keyRange, MASKED, OUTSIDE } from "./attention.ts";
import { expExpression } from "./exponential.ts";
import type { Kernel } from "./kernel.ts";

/** What one subgroup, alone in its workgroup, computes: a few rows against blocks of 4 · lanes others. */
export interface AttentionTile {
  /** A power of two. */
  readonly lanes: number;
  /** Rows that are handed round by subgroupBroadcast, 32 at most. */
  readonly rows: number;
  /** vec4s of a row of d elements that a lane owns in sums: ⌈d / (4 · lanes)⌉. */
  readonly quads: number;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const FOUR = range(4);
const PARTS = ["x", "y", "z", "w"];

/** A matrix of rows: its array, where it begins, the stride of its rows and how many there are. */
interface Matrix {
  readonly array: string;
  readonly origin: string;
  readonly stride: string;
  readonly end: string;
}

const QUERIES: Matrix = { array: "Q", origin: "zq", stride: "d.q.w", end: "d.T" };
const KEYS: Matrix = { array: "K", origin: "zk", stride: "d.k.w", end: "d.S" };
const VALUES: Matrix = { array: "V", origin: "zv", stride: "d.v.w", end: "d.S" };
const SLOPES: Matrix = { array: "G", origin: "zg", stride: "d.g.w", end: "d.T" };

/**
 * Text for a tile of rows m0 + i against others, of which each lane owns the four that follow o0 + 4 · lane. What is
 * computed for a row has its number behind its name, as nothing but registers is fast; arrays that are indexed in a loop
 * take a driver in software seconds to compile.
 */
class TileSource {
  readonly rows: readonly number[];
  readonly panels: readonly number[];
  readonly quads: readonly number[];

  constructor(readonly tile: AttentionTile) {
    this.rows = range(tile.rows);
    this.panels = range(Math.ceil(tile.rows / tile.lanes));
    this.quads = range(tile.quads);
  }

  /** A statement for each row. */
  each(statement: (row: number) => string): string {
    return this.rows.map(statement).join("\n    ");
  }

  /** A value that the lane of a row holds, in all lanes: `name` has a number for each panel of rows. */
  ofRow(name: string, part: string, row: number): string {
    const { lanes } = this.tile;
    return `subgroupBroadcast(${name}${Math.floor(row / lanes)}${part}, ${row % lanes}u)`;
  }

  /** Addresses of the rows that this lane loads. */
  panelsOf(name: string, { origin, stride, end }: Matrix): string {
    const { lanes } = this.tile;
    return this.panels.map((p) =>
      `let ${name}${p} = ${origin} + min(m0 + lane + ${p * lanes}u, ${end} - 1u) * ${stride};`
    ).join(" ");
  }

  /** Inner products of all rows of A with the lane's four rows of B: every element is loaded once. */
  products(into: string, A: string, panels: string, B: Matrix): string {
    return `  ${this.each((i) => `var ${into}${i} = vec4<f32>();`)}
  {
    ${FOUR.map((j) => `let at${j} = ${B.origin} + min(o0 + 4u * lane + ${j}u, ${B.end} - 1u) * ${B.stride};`).join(" ")}
    for (var e = 0u; e < d.depth; e++) {
    ${this.panels.map((p) => `let a${p} = ${A}[${panels}${p} + e];`).join(" ")}
    ${FOUR.map((j) => `let b${j} = ${B.array}[at${j} + e];`).join(" ")}
    ${PARTS.map((part) => `let b${part} = vec4<f32>(${FOUR.map((j) => `b${j}.${part}`).join(", ")});`).join(" ")}
    ${
      this.each((i) =>
        PARTS.map((part) => `${into}${i} = fma(vec4<f32>(${this.ofRow("a", `.${part}`, i)}), b${part}, ${into}${i});`)
          .join(" ")
      )
    }
    }
  }`;
  }

  /** Adds to the sums of each row the others' rows of B times the weights that the others' lanes hold. */
  mix(sums: string, weights: string, { array, origin, stride, end }: Matrix): string {
    const { lanes } = this.tile;
    // Behind the end weights are 0, and what is read in place of a row must not make NaN of that.
    const seen = (row: string, j: number) => j === 0 ? row : `select(vec4<f32>(), ${row}, r + ${j}u < ${end})`;
    // The bound is no constant, as the driver must not unroll this.
    return `  for (var r = o0; r < min(o0 + ${4 * lanes}u, ${end}); r += 4u) {
    let l = (r - o0) / 4u;
    ${
      FOUR.map((j) =>
        `{ let at = ${origin} + min(r + ${j}u, ${end} - 1u) * ${stride};
    ${
          this.quads.map((q) => `let b${q} = ${seen(`${array}[at + min(lane + ${q * lanes}u, d.depth - 1u)]`, j)};`)
            .join(" ")
        }
    ${
          this.each((i) =>
            `{ let x = vec4<f32>(subgroupShuffle(${weights}${i}.${PARTS[j]}, l)); ` +
            this.quads.map((q) => `${sums}${i}_${q} = fma(x, b${q}, ${sums}${i}_${q});`).join(" ") + " }"
          )
        } }`
      ).join("\n    ")
    }
  }`;
  }

  /** Declares the sums that {@linkcode mix} adds to. */
  sums(name: string): string {
    return `  ${this.each((i) => this.quads.map((q) => `var ${name}${i}_${q} = vec4<f32>();`).join(" "))}`;
  }

  /**
   * Writes sums to rows of a result, each times a factor: in a loop over an array, as the text of so many stores would
   * take a driver in software a second to compile.
   */
  store(name: string, origin: string, end: string, factor: (row: number) => string = () => ""): string {
    const { lanes, rows, quads } = this.tile;
    return `  var ${name}: array<vec4<f32>, ${rows * quads}>;
    ${this.each((i) => this.quads.map((q) => `${name}[${i * quads + q}] = ${name}${i}_${q}${factor(i)};`).join(" "))}
  for (var row = m0; row < min(m0 + ${rows}u, ${end}); row++) {
    var at = (row - m0) * ${quads}u;
    for (var e = lane; e < d.depth; e += ${lanes}u) { Y[${origin} + rowOf(w, row, ${end}) + e] = ${name}[at]; at++; }
  }`;
  }

  /** One value of all lanes, by exchange in pairs. */
  across(name: string, combine: (a: string, b: string) => string): string {
    const steps: string[] = [];
    for (let step = 1; step < this.tile.lanes; step *= 2) {
      steps.push(`${name} = ${combine(name, `subgroupShuffleXor(${name}, ${step}u)`)};`);
    }
    return steps.join(" ");
  }
}

/**
 * Which weights stay after dropout, a bit for each row: drawn in a loop, as one draw is a hundred instructions.
 */
function draw(tile: AttentionTile, options: AttentionOptions): string {
  return options.threefry
    ? `  var kept = vec4<u32>();
  for (var i = 0u; i < min(${tile.rows}u, d.T + d.S); i++) {
    kept |= select(vec4<u32>(), vec4<u32>(1u << i), keep(w, vec4<u32>(m0 + i), keys));
  }`
    : "";
}

/** What dropout makes of a value of a row. */
const dropped = ({ threefry }: AttentionOptions, value: string, i: number) =>
  threefry ? `select(vec4<f32>(), ${value} * d.factor, (kept & vec4<u32>(${2 ** i}u)) != vec4<u32>())` : value;

/** What the scores of the lane's four keys are where nobody attends to them, and else 0. */
const penalize = ({ masked }: AttentionOptions) =>
  `  let keys = vec4<u32>(o0 + 4u * lane) + vec4<u32>(0u, 1u, 2u, 3u);
  var penalty = vec4<f32>();
${
    masked
      ? `  { let at = w.z * d.S + min(keys, vec4<u32>(d.S - 1u));
    let isHidden = vec4<i32>(M[at.x], M[at.y], M[at.z], M[at.w]) == vec4<i32>();
    penalty = select(penalty, vec4<f32>(${MASKED}), isHidden); }
`
      : ""
  }  let outside = keys >= vec4<u32>(d.S);
  penalty = select(penalty, vec4<f32>(${OUTSIDE}), outside);`;

/** The range of the query whose row this lane holds. */
const spansOf = ({ tile: { lanes }, panels }: TileSource, { spanned = false }: AttentionOptions) =>
  spanned ? `  ${panels.map((p) => `let n${p} = spanOf(w, min(m0 + lane + ${p * lanes}u, d.T - 1u));`).join(" ")}` : "";

/**
 * Declares the scores of a row, and in `unseen` the keys that come too late, or lie outside of its range. Scores of those and
 * of hidden keys are replaced, not added to: NaN is to be where a key is seen alone.
 */
const scoreOf = (source: TileSource, { causal, spanned = false }: AttentionOptions, i: number) => {
  const late = causal ? [`isUnseen(vec4<u32>(m0 + ${i}u), keys)`] : [];
  if (spanned) {
    const [first, end] = [".x", ".y"].map((part) => `vec4<u32>(${source.ofRow("n", part, i)})`);
    return `let unseen = ${[`(keys < ${first})`, `(keys >= ${end})`, ...late].join(" | ")};
      let score = select(s${i} * d.scale, vec4<f32>(${OUTSIDE}), unseen);`;
  }
  return `${causal ? `let unseen = ${late[0]};` : ""}
      let score = select(s${i} * d.scale, min(penalty, vec4<f32>(${MASKED})), (penalty != vec4<f32>())${
    causal ? " | unseen" : ""
  });`;
};

function kernelOf(
  name: string,
  arrays: readonly string[],
  { tile, options, body }: {
    readonly tile: AttentionTile;
    readonly options: AttentionOptions;
    readonly body: readonly string[];
  },
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
  let z = (w.z * d.H + w.y) * d.T;
  let zq = first(d.q, w);
  let zk = first(d.k, ${options.grouped ? "keyHead(w)" : "w"});
  let zv = first(d.v, ${options.grouped ? "keyHead(w)" : "w"});
  let zg = first(d.g, w);
${body.filter((part) => part.length > 0).join("\n")}
}
`,
  }, options);
}

/**
 * softmax(Q·Kᵀ/√d)·V without the scores in memory: some query rows walk over the keys, four a lane, with a running
 * maximum and sum for each row (2205.14135). Bindings: Q, K, V, mask, key, then output and numbers of rows.
 * Grid: blocks of queries, heads, batches.
 */
export function attentionSubgroup(tile: AttentionTile, options: AttentionOptions): Kernel {
  const { lanes, rows } = tile;
  const source = new TileSource(tile);
  const body = [
    `  ${source.panelsOf("q", QUERIES)}`,
    `  ${source.each((i) => `var top${i} = ${MASKED}f; var total${i} = 0f;`)}`,
    source.sums("o"),
    spansOf(source, options),
    keyRange(options, { rows, block: 4 * lanes }),
    `  for (var o0 = firstKey; o0 < endKey; o0 += ${4 * lanes}u) {`,
    source.products("s", "Q", "q", KEYS),
    penalize(options),
    draw(tile, options),
    // Each lane sums the weights of its own keys.
    `  ${
      source.each((i) =>
        `{
      ${scoreOf(source, options, i)}
      var top = max(max(score.x, score.y), max(score.z, score.w));
      ${source.across("top", (a, b) => `max(${a}, ${b})`)}
      top = max(top, top${i});
      let shrink = exp(top${i} - top);
      top${i} = top;
      let away = score - top;
      s${i} = ${expExpression("away", "vec4<u32>")};
      total${i} = fma(total${i}, shrink, (s${i}.x + s${i}.y) + (s${i}.z + s${i}.w));
      s${i} = ${dropped(options, `s${i}`, i)};
      ${source.quads.map((q) => `o${i}_${q} *= shrink;`).join(" ")}
    }`
      )
    }`,
    source.mix("o", "s", VALUES),
    "  }",
    `  ${
      source.each((i) =>
        `${source.across(`total${i}`, (a, b) => `${a} + ${b}`)} total${i} = ${
          options.spanned ? `select(1f / total${i}, 0f, total${i} == 0f)` : `1f / total${i}`
        };`
      )
    }`,
    ...source.panels.map((p) => {
      const own = source.rows.filter((i) => Math.floor(i / lanes) === p);
      return `  { var numbers = vec4<f32>();
    ${
        own.map((i) => `numbers = select(numbers, vec4<f32>(top${i}, total${i}, 0f, 0f), lane == ${i % lanes}u);`).join(
          " ",
        )
      }
    let t = lane + ${p * lanes}u;
    if (t < ${rows}u && m0 + t < d.T) { Y[d.rows + z + m0 + t] = numbers; } }`;
    }),
    source.store("o", "0u", "d.T", (i) => ` * total${i}`),
  ];
  return kernelOf("attention", ["Q", "K", "V"], { tile, options, body });
}

/**
 * What the derivatives are products of, for `count` keys that begin with `start`: the weights after dropout, then the
 * derivatives by the scores, both `[B, H, T, count]` with rows of whole vec4s. The weights are computed again from the
 * numbers of their row. Bindings: Q, K, V, derivative by the output, output with numbers of rows, mask, key, then the
 * result, whose second part begins at `half`. Grid: blocks of queries, heads, batches.
 */
export function attentionGradWeights(tile: AttentionTile, options: AttentionOptions): Kernel {
  const { lanes, rows } = tile;
  const skips = options.spanned || options.skips;
  const stored = (place: string) => skips ? `select(vec4<f32>(), results[${place}], isSeen)` : `results[${place}]`;
  const source = new TileSource(tile);
  const body = [
    `  ${source.panelsOf("q", QUERIES)}`,
    `  ${source.panelsOf("g", SLOPES)}`,
    // Σ g·o of a row, in its lane.
    ...source.panels.map((p) =>
      `  let t${p} = min(m0 + lane + ${p * lanes}u, d.T - 1u);
  var r${p} = O[d.rows + z + t${p}];
  { let at = rowOf(w, t${p}, d.T);
    for (var e = 0u; e < d.depth; e++) { r${p}.z += dot(G[g${p} + e], O[at + e]); } }`
    ),
    spansOf(source, options),
    skips ? keyRange(options, { rows, block: 4 * lanes }) : "",
    `  let end = d.start + d.count;
  for (var o0 = d.start; o0 < end; o0 += ${4 * lanes}u) {
  var results: array<vec4<f32>, ${2 * rows}>;`,
    // What nobody sees is stored as zeros.
    skips ? `  let isSeen = o0 < endKey && o0 + ${4 * lanes}u > firstKey;\n  if (isSeen) {` : "",
    source.products("s", "Q", "q", KEYS),
    source.products("h", "G", "g", VALUES),
    penalize(options),
    draw(tile, options),
    `  ${
      source.each((i) =>
        `{
      ${scoreOf(source, options, i)}
      let p = exp(score - ${source.ofRow("r", ".x", i)}) * ${source.ofRow("r", ".y", i)};
      let slope = ${dropped(options, `h${i}`, i)} - ${source.ofRow("r", ".z", i)};
      results[${2 * i}] = ${dropped(options, "p", i)};
      results[${2 * i + 1}] = ${
          options.causal || options.spanned ? "select(p * slope * d.scale, vec4<f32>(), unseen)" : "p * slope * d.scale"
        };
    }`
      )
    }${skips ? "\n  }" : ""}
  if (o0 + 4u * lane < end) {
    for (var row = m0; row < min(m0 + ${rows}u, d.T); row++) {
      let at = (z + row) * ((d.count + 3u) / 4u) + (o0 - d.start) / 4u + lane;
      Y[at] = ${stored("2u * (row - m0)")};
      Y[at + d.half] = ${stored("2u * (row - m0) + 1u")};
    }
  }
  }`,
  ];
  return kernelOf("attentionGradWeights", ["Q", "K", "V", "G", "O"], { tile, options, body });
}
