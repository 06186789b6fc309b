import { type AttentionOptions, attentionSource, keyRange, MASKED, OUTSIDE } from "./attention.ts";
import { expExpression } from "./exponential.ts";
import type { Kernel } from "./kernel.ts";

/** Threads that share a row, each of which takes one of 64 others at a time, and every 64th of the d columns. */
const THREADS = 64;

/** Options of the plain kernels. */
export interface PlainAttentionOptions extends AttentionOptions {
  /** Columns of a row that a thread sums: ⌈d / 64⌉. */
  readonly columns: number;
}

/** The place of a head's keys and values. */
const ofKeys = ({ grouped = false }: AttentionOptions) => grouped ? "keyHead(w)" : "w";

/** Where the rows of a head begin. */
const HEAD = (options: AttentionOptions) =>
  `let z = (w.z * d.H + w.y) * d.T;
  let q = first(d.q, w);
  let k = first(d.k, ${ofKeys(options)});
  let v = first(d.v, ${ofKeys(options)});
  let g = first(d.g, w);`;

function kernelOf(
  name: string,
  arrays: readonly string[],
  options: PlainAttentionOptions,
  body: string,
  { ofEachHead = false }: { readonly ofEachHead?: boolean } = {},
): Kernel {
  const reduce = (kind: string, combine: string) =>
    `fn ${kind}Across(value: f32, l: u32) -> f32 {
  workgroupBarrier();
  parts[l] = value;
  for (var half = ${THREADS / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) { parts[l] = ${combine}; }
  }
  workgroupBarrier();
  return parts[0];
}
`;
  return attentionSource({
    name: `${name}_plain${options.columns}`,
    arrays,
    width: 1,
    body: `var<workgroup> parts: array<f32, ${THREADS}>;
var<workgroup> weights: array<f32, ${THREADS}>;
var<workgroup> slopes: array<f32, ${THREADS}>;
${reduce("max", "max(parts[l], parts[l + half])")}${reduce("sum", "parts[l] + parts[l + half]")}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) place: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  ${ofEachHead ? "" : `let w = place;\n  ${HEAD(options)}`}
${body}}
`,
  }, options);
}

/** An inner product of two rows. */
const dot = (sum: string, a: string, b: string) =>
  `var ${sum} = 0f;
    for (var e = 0u; e < d.depth; e++) { ${sum} = fma(${a} + e], ${b} + e], ${sum}); }`;

/** The score of query t and key s, after the masks. */
const score = ({ masked, causal, spanned = false }: AttentionOptions) => {
  const isLate = causal ? "isUnseen(t, s)" : "false";
  return `${dot("product", "Q[q + t * d.q.w", "K[k + s * d.k.w")}
    ${spanned ? "let span = spanOf(w, t);" : ""}
    let unseen = ${spanned ? `s < span.x || s >= span.y || ${isLate}` : isLate};
    let score = ${
    spanned
      ? `select(product * d.scale, ${OUTSIDE}, unseen)`
      : `select(product * d.scale, ${MASKED}, unseen${masked ? " || M[w.z * d.S + s] == 0" : ""})`
  };`;
};

/** Blocks of keys that a query sees some of. */
const blocks = (options: AttentionOptions) =>
  `let m0 = t;
${keyRange(options, { rows: 1, block: THREADS })}
  for (var s0 = firstKey; s0 < endKey; s0 += ${THREADS}u) {`;

/** What dropout makes of a value. */
const dropped = ({ threefry }: AttentionOptions, value: string) =>
  threefry ? `select(0f, ${value} * d.factor, keep(w, t, s))` : value;

/** Adds rows of B times the weights of this block to the thread's columns. */
const mix = (sums: string, weights: string, row: string, count: string) =>
  `for (var c = 0u; c < columns; c++) {
      var sum = ${sums}[c];
      for (var i = 0u; i < ${count}; i++) { sum = fma(${weights}[i], ${row} + l + c * ${THREADS}u], sum); }
      ${sums}[c] = sum;
    }`;

/** How many columns this thread has. */
const COLUMNS = `let columns = (max(d.depth, l) - l + ${THREADS - 1}u) / ${THREADS}u;`;

/** The obvious fused attention: 64 threads for each query. Bindings as those of the subgroup kernel. Grid: T, H, B. */
export function attentionPlain(options: PlainAttentionOptions): Kernel {
  return kernelOf(
    "attention",
    ["Q", "K", "V"],
    options,
    `  let t = w.x;
  ${COLUMNS}
  var top = ${MASKED}f;
  var total = 0f;
  var sums: array<f32, ${options.columns}>;
  for (var c = 0u; c < columns; c++) { sums[c] = 0f; }
  ${blocks(options)}
    let s = min(s0 + l, d.S - 1u);
    ${score(options)}
    let next = max(top, maxAcross(score, l));
    let shrink = exp(top - next);
    top = next;
    let away = score - top;
    let p = select(0f, ${expExpression("away", "u32")}, s0 + l < d.S);
    total = total * shrink + p;
    weights[l] = ${dropped(options, "p")};
    workgroupBarrier();
    for (var c = 0u; c < columns; c++) { sums[c] *= shrink; }
    ${mix("sums", "weights", "V[v + (s0 + i) * d.v.w", `min(${THREADS}u, d.S - s0)`)}
  }
  let whole = sumAcross(total, l);
  let inverse = ${options.spanned ? "select(1f / whole, 0f, whole == 0f)" : "1f / whole"};
  let at = rowOf(w, t, d.T);
  for (var c = 0u; c < columns; c++) { Y[at + l + c * ${THREADS}u] = sums[c] * inverse; }
  if (l < 4u) { Y[d.rows + (z + t) * 4u + l] = select(select(0f, inverse, l == 1u), top, l == 0u); }
`,
  );
}

/** The derivative by q, 64 threads for each query. Bindings as those of the subgroup kernel. */
export function attentionGradQueryPlain(options: PlainAttentionOptions): Kernel {
  return kernelOf(
    "attentionGradQuery",
    ["Q", "K", "V", "G", "O"],
    options,
    `  let t = w.x;
  ${COLUMNS}
  let numbers = d.rows + (z + t) * 4u;
  let top = O[numbers];
  let inverse = O[numbers + 1u];
  let at = rowOf(w, t, d.T);
  var part = 0f;
  for (var e = l; e < d.depth; e += ${THREADS}u) { part = fma(G[g + t * d.g.w + e], O[at + e], part); }
  let along = sumAcross(part, l);
  if (l < 4u) {
    Y[d.toRows + (z + t) * 4u + l] = select(select(select(0f, along, l == 2u), inverse, l == 1u), top, l == 0u);
  }
  var sums: array<f32, ${options.columns}>;
  for (var c = 0u; c < columns; c++) { sums[c] = 0f; }
  ${blocks(options)}
    let s = min(s0 + l, d.S - 1u);
    ${score(options)}
    ${dot("slope", "G[g + t * d.g.w", "V[v + s * d.v.w")}
    let p = exp(score - top) * inverse;
    workgroupBarrier();
    slopes[l] = select(p * (${dropped(options, "slope")} - along) * d.scale, 0f, unseen);
    workgroupBarrier();
    ${mix("sums", "slopes", "K[k + (s0 + i) * d.k.w", `min(${THREADS}u, d.S - s0)`)}
  }
  for (var c = 0u; c < columns; c++) { Y[at + l + c * ${THREADS}u] = sums[c]; }
`,
  );
}

/** The derivatives by k and v, 64 threads for each key. Bindings as those of the subgroup kernel. Grid: S, G, B. */
export function attentionGradKeyValuePlain(options: PlainAttentionOptions): Kernel {
  const { grouped = false } = options;
  // Queries in front of the key do not see it.
  const start = options.skips ? `u32(max(i32(s) - d.reach, 0)) / ${THREADS}u * ${THREADS}u` : "0u";
  const body = `  for (var t0 = ${start}; t0 < d.T; t0 += ${THREADS}u) {
    let t = min(t0 + l, d.T - 1u);
    ${score(options)}
    ${dot("slope", "G[g + t * d.g.w", "V[v + s * d.v.w")}
    let numbers = d.toRows + (z + t) * 4u;
    let p = exp(score - Y[numbers]) * Y[numbers + 1u];
    workgroupBarrier();
    weights[l] = ${dropped(options, "p")};
    slopes[l] = select(p * (${dropped(options, "slope")} - Y[numbers + 2u]) * d.scale, 0f, unseen);
    workgroupBarrier();
    ${mix("sumsV", "weights", "G[g + (t0 + i) * d.g.w", `min(${THREADS}u, d.T - t0)`)}
    ${mix("sumsK", "slopes", "Q[q + (t0 + i) * d.q.w", `min(${THREADS}u, d.T - t0)`)}
  }`;
  return kernelOf(
    "attentionGradKeyValue",
    ["Q", "K", "V", "G"],
    options,
    `  let s = place.x;
  ${COLUMNS}
  var sumsK: array<f32, ${options.columns}>;
  var sumsV: array<f32, ${options.columns}>;
  for (var c = 0u; c < columns; c++) { sumsK[c] = 0f; sumsV[c] = 0f; }
${
      grouped
        ? `  for (var head = place.y * d.group; head < (place.y + 1u) * d.group; head++) {
  let w = vec3<u32>(place.x, head, place.z);
  ${HEAD(options)}
${body}
  }`
        : body
    }
  let at = ${grouped ? "keyRow" : "rowOf"}(place, s, d.S) + l;
  for (var c = 0u; c < columns; c++) {
    Y[d.toK + at + c * ${THREADS}u] = sumsK[c];
    Y[d.toV + at + c * ${THREADS}u] = sumsV[c];
  }
`,
    { ofEachHead: grouped },
  );
}
