import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { random } from "../../lib/ops/mod.ts";
import { applyUpdates, flora, isRefreshStep, type Optimizer, scaleByFlora } from "../../lib/optim/mod.ts";
import { type Tensor, tensor, type Tree, treeLeaves, treeMap } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import fixture from "../fixtures/flora.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";

const [RANK, EVERY, RATE, DECAY, BETA] = [3, 4, 0.1, 0.2, 0.9];
const SHAPES: Readonly<Record<string, readonly [number, number]>> = { tall: [7, 5], wide: [4, 6] };
type Matrix = readonly (readonly number[])[];

const filled = (rows: number, columns: number, of: (i: number, j: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => of(i, j)));
const times = (a: Matrix, b: Matrix) =>
  filled(a.length, b[0].length, (i, j) => b.reduce((sum, row, k) => sum + a[i][k] * row[j], 0));
const turned = (a: Matrix) => filled(a[0].length, a.length, (i, j) => a[j][i]);
const combine = (a: Matrix, b: Matrix, of: (x: number, y: number) => number) =>
  filled(a.length, a[0].length, (i, j) => of(a[i][j], b[i][j]));
const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

async function matrixOf(x: Tensor): Promise<Matrix> {
  const data = await x.data();
  return filled(x.shape[0], x.shape[1], (i, j) => data[x.shape[1] * i + j]);
}

/** Projection `period` of matrix `index`, as the state's key draws it. */
async function projectionOf(key: Tensor, index: number, period: number, short: number): Promise<Matrix> {
  const own = random.foldIn(random.foldIn(key, period), index);
  return await matrixOf(random.normal(own, [short, RANK]).mul(1 / Math.sqrt(RANK)));
}

/** Flora of one matrix in float64, step by step, as the paper and the authors' code have it. */
class Reference {
  #M: Matrix;
  #R: readonly number[];
  #C: readonly number[];
  #steps = 0;
  readonly #isTall: boolean;

  constructor(public W: Matrix) {
    this.#isTall = W.length >= W[0].length;
    // The momentum of a wide matrix as that of its transpose.
    this.#M = filled(Math.max(W.length, W[0].length), RANK, () => 0);
    this.#R = W.map(() => 0);
    this.#C = W[0].map(() => 0);
  }

  #down(whole: Matrix, P: Matrix): Matrix {
    return times(this.#isTall ? whole : turned(whole), P);
  }

  #up(low: Matrix, P: Matrix): Matrix {
    const whole = times(low, turned(P));
    return this.#isTall ? whole : turned(whole);
  }

  /** `next` is what momentum goes over to, where it does. */
  step(G: Matrix, P: Matrix, next?: Matrix): void {
    const decay = 1 - (++this.#steps) ** -0.8;
    const squares = G.map((row) => row.map((x) => x * x + 1e-30));
    this.#R = this.#R.map((old, i) => decay * old + (1 - decay) * mean(squares[i]));
    this.#C = this.#C.map((old, j) => decay * old + (1 - decay) * mean(squares.map((row) => row[j])));
    const whole = mean(this.#R);
    const normal = G.map((row, i) => row.map((x, j) => x / Math.sqrt(this.#R[i] / whole * this.#C[j])));
    const direction = combine(normal, this.#up(this.#M, P), (u, m) => (1 - BETA) * u + BETA * m);
    const rms = Math.sqrt(mean(direction.flat().map((x) => x * x)));
    const moved = next ? this.#down(this.#up(this.#M, P), next) : this.#M;
    this.#M = combine(moved, this.#down(normal, next ?? P), (m, u) => BETA * m + (1 - BETA) * u);
    this.W = combine(this.W, direction, (w, d) => w * (1 - RATE * DECAY) - RATE * d / Math.max(1, rms));
  }
}

const OPTIONS = { learningRate: RATE, weightDecay: DECAY, rank: RANK, refreshEvery: EVERY };

describe("flora()", () => {
  beforeAll(async () => void await testDevice());

  it("has a rule in float64 that is the authors' in PyTorch, over given projections", () => {
    for (const name of ["tall", "wide"] as const) {
      const [rows, width] = fixture.shapes[name];
      const matrix = (flat: readonly number[], columns: number) =>
        filled(flat.length / columns, columns, (i, j) => flat[columns * i + j]);
      const reference = new Reference(matrix(fixture.params[name], width));
      const projections = fixture.projections[name].map((flat) => matrix(flat, RANK));
      let period = 0;
      for (const [i, grads] of fixture.grads.entries()) {
        const P = projections[period];
        reference.step(matrix(grads[name], width), P, i % EVERY === 0 ? projections[++period] : undefined);
        expect(reference.W.length).toBe(rows);
        expectClose(reference.W.flat(), fixture.after[i][name], 1e-8);
      }
    }
  });

  it("follows its rule in float64, over projections that it draws anew, in two programs", async () => {
    const numbers = new Numbers(3);
    const draw = ([m, n]: readonly [number, number]) => filled(m, n, () => Math.fround(numbers.next() * 2 - 1));
    const names = Object.keys(SHAPES);
    const references = names.map((name) => new Reference(draw(SHAPES[name])));
    const optimizer: Optimizer = flora(OPTIONS);
    const step = jit(
      (params: Record<string, Tensor>, state: Tree, grads: Record<string, Tensor>, isRefresh: boolean) => {
        const { updates, state: next } = optimizer.update(grads, state, params, isRefresh);
        const result: [Record<string, Tensor>, Tree] = [applyUpdates(params, updates), next];
        return result;
      },
    );
    const key = random.foldIn(random.key(0), 0x666c6f72);
    let params = Object.fromEntries(names.map((name, i) => [name, tensor(references[i].W)]));
    let state = optimizer.init(params);
    for (let i = 0; i < 10; i++) {
      const grads = names.map((name) => draw(SHAPES[name]));
      const isRefresh = isRefreshStep(optimizer, i);
      const period = Math.floor((i + EVERY - 1) / EVERY);
      for (const [at, reference] of references.entries()) {
        const short = Math.min(...SHAPES[names[at]]);
        const P = await projectionOf(key, at, period, short);
        const next = isRefresh ? await projectionOf(key, at, period + 1, short) : undefined;
        reference.step(grads[at], P, next);
      }
      [params, state] = await step(
        params,
        state,
        Object.fromEntries(names.map((name, at) => [name, tensor(grads[at])])),
        isRefresh,
      );
      for (const [at, name] of names.entries()) {
        expectClose(await params[name].data(), references[at].W.flat(), 2e-5);
      }
    }
    expect(step.plans()).toHaveLength(2);
    step.dispose();
  });

  it("draws projections of variance 1/r from the key that it begins with, another for each matrix and period", async () => {
    const draws = await Promise.all(
      [[0, 0], [0, 1], [1, 0]].map(([index, period]) => projectionOf(random.key(7), index, period, 400)),
    );
    for (const draw of draws) {
      expect(Math.abs(mean(draw.flat().map((x) => x * x)) * RANK - 1)).toBeLessThan(0.15);
    }
    expect(draws[0]).not.toEqual(draws[1]);
    expect(draws[0]).not.toEqual(draws[2]);
    const params = { W: tensor([[1, 2], [3, 4]]) };
    const keyOf = async (state: { readonly key: Tensor }) => bits(await state.key.data());
    const flora = scaleByFlora({ rank: 1, seed: 5 });
    expect(await keyOf(flora.init(params))).toEqual(await keyOf(flora.init(params, random.key(5))));
    expect(await keyOf(flora.init(params))).not.toEqual(await keyOf(flora.init(params, random.key(6))));
  });

  it("keeps momentum of r by the longer side and a row and a column of second moments, and Adam's moments of the rest", () => {
    const params = { tall: tensor(new Float32Array(60), { shape: [10, 6] }), b: tensor([1, 2]) };
    const [{ moments, adam }] = flora({ learningRate: 1, rank: 4 }).init(params);
    expect(treeMap(({ shape }) => [...shape], moments)).toEqual({
      tall: { momentum: [10, 4], rows: [10], columns: [6] },
    });
    expect(treeLeaves([moments, adam.mu, adam.nu]).reduce((sum, { size }) => sum + size, 0)).toBe(
      10 * 4 + 10 + 6 + 2 * 2,
    );
  });

  it("refuses what it cannot be made of, and an update that is not told whether it is a refresh", () => {
    expect(() => scaleByFlora({ rank: 0 })).toThrow("flora: rank is a whole number from 1, not 0");
    expect(() => scaleByFlora({ rank: 1, refreshEvery: 1.5 })).toThrow(
      "flora: refreshEvery is a whole number from 1, not 1.5",
    );
    expect(() => scaleByFlora({ rank: 1, momentum: 1 })).toThrow("flora: momentum lies in [0, 1), not 1");
    const params = { W: tensor([[1, 2], [3, 4]]) };
    const optimizer = scaleByFlora({ rank: 1 });
    expect(() => optimizer.update(params, optimizer.init(params), params)).toThrow(
      "flora: an update must be told whether it is a refresh",
    );
  });
});
