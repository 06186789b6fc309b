import type { Tensor } from "../../lib/tensor/mod.ts";
import { sameShape } from "../../lib/tensor/shape.ts";
import type { Draft } from "./draft.ts";
import { call, type Drawing, keyOf, matrixOf, rankOf } from "./drawing.ts";
import type { PlainArg } from "./program.ts";

/** An f32 of a shape: one that is there, or a new leaf. */
const ofShape = (draft: Draft, shape: readonly number[]) =>
  draft.value({ dtypes: ["f32"], where: (other) => sameShape(other.shape, shape) }, () => shape);

/** 1 where a query sees a key, 0 where not: of keys, of each query, or of each head's. */
function maskOf(draft: Draft, [B, H, T, S]: readonly number[]): string {
  const axes = (sizes: readonly number[]) => [...sizes.map((size) => draft.chance(0.3) ? 1 : size), S];
  const shape = draft.one([[B, S], axes([B, T]), axes([B, H, T])]);
  return draft.leaf(draft.one(["i32", "bool"]), shape, { element: () => draft.chance(0.7) ? 1 : 0 });
}

/** The range of keys that each query sees, some of them empty. */
function spansOf(draft: Draft, [B, , T, S]: readonly number[]): string {
  let first: number | undefined;
  const element = () => {
    const end = first === undefined ? undefined : first + draft.numbers.below(S + 1 - first);
    first = end === undefined ? draft.numbers.below(S) : undefined;
    return end ?? first!;
  };
  return draft.leaf("i32", [B, T, 2], { element });
}

const attention: Drawing = (draft) => {
  const [B, G, d] = [draft.between(1, 3), draft.between(1, 3), draft.one([1, 2, 3, 4, 8, 16])];
  const H = G * draft.one([1, 1, 1, 2, 3]);
  const [T, S] = [0, 0].map(() => draft.one([1, 2, 3, 4, 5, 7, 8, 33]));
  const q = ofShape(draft, [B, H, T, d]);
  let [k, v] = [ofShape(draft, [B, G, S, d]), ofShape(draft, [B, G, S, d])];
  const options: Record<string, PlainArg> = {};
  if (draft.chance(0.5)) options.mask = maskOf(draft, [B, H, T, S]);
  if (draft.chance(0.4)) options.bias = draft.leaf("f32", draft.stretchable([B, H, T, S]));
  if (draft.chance(0.3)) options.causal = true;
  if (draft.chance(0.2)) {
    options.spans = spansOf(draft, [B, H, T, S]);
    // Whether keys outside of a range count as 0 · x or not at all is left open: in NaN and infinities it shows.
    const element = () => draft.one([-1, -0.5, 0.25, 1, 2]);
    [k, v] = [0, 1].map(() => draft.leaf("f32", [B, G, S, d], { element }));
  }
  if (draft.chance(0.2)) Object.assign(options, { dropout: draft.one([0, 0.25, 0.5]), key: keyOf(draft) });
  return call(q, k, v, ...Object.keys(options).length > 0 ? [options] : []);
};

/** Loss of rows by their labels, of which some do not count. */
const crossEntropy: Drawing = (draft) => {
  const where = ({ rank, size, shape }: Tensor) => rank >= 2 && size <= 600 && !shape.includes(0);
  const logits = draft.value({ dtypes: ["f32"], where }, () => [draft.between(1, 9), draft.between(1, 40)]);
  const { shape } = draft.tensor(logits);
  const rows = shape.slice(0, -1);
  const classes = shape[shape.length - 1];
  const labels = draft.leaf("i32", rows, { element: () => draft.chance(0.15) ? -100 : draft.numbers.below(classes) });
  const options: Record<string, PlainArg> = {};
  if (draft.chance(0.4)) options.labelSmoothing = draft.one([0.1, 0.5]);
  if (draft.chance(0.4)) options.weights = ofShape(draft, rows);
  return {
    args: [logits, labels, ...Object.keys(options).length > 0 ? [options] : []],
    part: draft.one(["sum", "count"]),
  };
};

/** A matrix, or several, that is not large, wide where `isWide` lets it. */
function thinOf(draft: Draft, isWide: boolean): string | undefined {
  const n = draft.one([1, 2, 3, 4, 5, 8]);
  const fits = ({ rank, shape, size }: Tensor) =>
    rank >= 2 && size <= 300 && Math.min(...shape.slice(-2)) <= 8 && (isWide || shape[rank - 2] >= shape[rank - 1]);
  const front = draft.chance(0.3) ? [draft.between(1, 3)] : [];
  const sides = [n + draft.one([0, 0, 1, 3, 9]), n];
  const name = draft.value(
    { dtypes: ["f32"], where: fits },
    () => [...front, ...isWide ? draft.shuffled(sides) : sides],
  );
  return draft.elements(name).every(Number.isFinite) ? name : undefined;
}

const factors = (count: number, isWide: boolean): Drawing => (draft) => {
  const x = thinOf(draft, isWide);
  return x === undefined ? undefined : { args: [x], part: draft.numbers.below(count) };
};

/** What is drawn of layers, losses and factorizations. */
export const LAYERS: Readonly<Record<string, Drawing>> = {
  "nn.attention": attention,
  "nn.crossEntropy": crossEntropy,
  "nn.dropout": (draft) =>
    call(draft.value({ dtypes: ["f32"] }), {
      rate: draft.one([0, 0.1, 0.5]),
      ...draft.chance(0.8) && { key: keyOf(draft) },
    }),
  "nn.layerNorm": (draft) => {
    const x = draft.value({ dtypes: ["f32"], where: rankOf(1) }, () => [draft.size() % 9, draft.between(1, 300)]);
    const { shape } = draft.tensor(x);
    const parameter = () => ofShape(draft, shape.slice(-1));
    return call(x, parameter(), parameter(), ...draft.chance(0.5) ? [] : [{ epsilon: draft.one([1e-5, 1e-2, 1]) }]);
  },
  "nn.linear": (draft) => {
    const where = ({ rank, size }: Tensor) => rank >= 2 && size <= 3000;
    const x = draft.value({ dtypes: ["f32"], where }, () => draft.shape(draft.between(2, 3)));
    const { shape } = draft.tensor(x);
    const columns = draft.size() % 65;
    const weight = matrixOf(draft, columns, shape[shape.length - 1], draft.chance(0.15) ? ["f16"] : ["f32"]);
    return call(x, weight, ...draft.chance(0.6) ? [ofShape(draft, [columns])] : []);
  },
  "nn.meanSquaredError": (draft) => {
    const predictions = draft.value({ dtypes: ["f32"] });
    const { shape } = draft.tensor(predictions);
    const options = draft.chance(0.5) ? [] : [{ weights: ofShape(draft, shape) }];
    return { args: [predictions, ofShape(draft, shape), ...options], part: draft.one(["sum", "count"]) };
  },
  "nn.rmsNorm": (draft) => {
    const x = draft.value({ dtypes: ["f32"], where: rankOf(1) }, () => [draft.size() % 9, draft.between(1, 300)]);
    const weight = ofShape(draft, draft.tensor(x).shape.slice(-1));
    return call(x, weight, ...draft.chance(0.5) ? [] : [{ epsilon: draft.one([1e-5, 1e-2, 1]) }]);
  },
  "nn.rotate": (draft) => {
    const [B, H, T, half] = [0, 1, 2, 3].map(() => draft.between(1, 4));
    const angles = () => ofShape(draft, [draft.one([1, B]), T, 2 * half]);
    return call(ofShape(draft, [B, H, T, 2 * half]), { cos: angles(), sin: angles() });
  },
  "nn.rotationOf": (draft) => {
    const positions = draft.leaf("i32", [draft.between(1, 3), draft.between(1, 9)], {
      element: () => draft.numbers.below(40),
    });
    const frequencies = draft.leaf("f32", [draft.between(1, 5)], { element: () => draft.one([1, 0.5, 0.1, 0.01]) });
    return { args: [positions, frequencies, { scale: draft.one([1, 1.25]) }], part: draft.one(["cos", "sin"]) };
  },
  "linalg.qr": factors(2, false),
  "linalg.svd": factors(3, true),
};
