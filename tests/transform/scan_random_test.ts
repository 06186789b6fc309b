// Loops of random bodies against the same turns with nodes of their own: what is carried is kept, swapped, repeated,
// replaced, written in place or not, and donated or not.
import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as dd from "../../mod.ts";
import type { Tensor } from "../../mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

const PROGRAMS = 16;
const N = 4;

type Turn = (carry: Tensor[], xs: Tensor[]) => [Tensor[], Tensor[]];

/** How many matrices a turn carries, and how many it closes over. */
interface Sizes {
  readonly carried: number;
  readonly captured: number;
}

/** A turn of random operations on square matrices, all of which stay small. */
function randomTurn(numbers: Numbers, { carried, captured }: Sizes, depth: number): Turn {
  const W = Array.from({ length: captured }, () => numbers.tensor([N, N], { min: -0.4, max: 0.4 }));
  const plan = Array.from({ length: 3 + numbers.below(8) }, () => [0, 1, 2, 3].map(() => numbers.next()));
  const [hands, gives] = [carried, 1 + numbers.below(3)].map((count) =>
    Array.from({ length: count }, () => numbers.next())
  );
  const inner = depth > 0 ? randomTurn(numbers, { carried: 2, captured: 1 }, depth - 1) : undefined;
  const [length, reverse] = [1 + numbers.below(3), numbers.below(2) === 1];
  return (carry, xs) => {
    const known = [...carry, ...xs, ...W, dd.full([N, N], 0.5)];
    const pick = (share: number) => known[Math.floor(share * known.length)];
    for (const [kind, a, b, c] of plan) {
      const [x, y] = [pick(a), pick(b)];
      const made: (() => Tensor)[] = [
        () => x.mul(y),
        () => dd.tanh(x.add(y)),
        () => dd.matmul(x, y).mul(0.25),
        () => x.sub(y.mean({ axis: 1, keepDims: true })).mul(0.5),
        () => dd.transpose(x),
        () => dd.softmax(x).add(y.mul(y).mean()).mul(0.5),
        () => dd.flip(x, { axis: 0 }),
        () => inner ? dd.scan(inner, [x, y], [dd.stack(Array.from({ length }, () => pick(c)))], { reverse })[0][1] : x,
      ];
      known.push(made[Math.floor(kind * made.length)]());
    }
    return [hands.map(pick), gives.map(pick)];
  };
}

/** The turns one after the other. */
function unrolled(turn: Turn, carry: Tensor[], xs: Tensor[], { reverse }: { reverse: boolean }): [Tensor[], Tensor[]] {
  const turns = xs[0].shape[0];
  const found: Tensor[][] = [];
  for (let i = 0; i < turns; i++) {
    const index = reverse ? turns - 1 - i : i;
    const [next, y] = turn(carry, xs.map((x) => dd.select(x, { axis: 0, index })));
    carry = next;
    found[index] = y;
  }
  return [carry, found[0].map((_, k) => dd.stack(found.map((y) => y[k])))];
}

describe("scan() of random bodies", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (let seed = 0; seed < PROGRAMS; seed++) {
    it(`gives what turns one after the other give (${seed})`, async () => {
      const numbers = new Numbers(100 + seed);
      const sizes = { carried: 1 + numbers.below(4), rows: 1 + numbers.below(2), captured: 1 + numbers.below(2) };
      const turn = randomTurn(numbers, sizes, numbers.below(2));
      const [length, reverse] = [1 + numbers.below(6), numbers.below(2) === 1];
      const small = { min: -0.5, max: 0.5 };
      const init = Array.from({ length: sizes.carried }, () => numbers.tensor([N, N], small));
      const xs = Array.from({ length: sizes.rows }, () => numbers.tensor([length, N, N], small));
      const isDonated = numbers.below(2) === 1;
      // Some of the first carry is made beforehand, and some results are needed with more made of them.
      const program = (scan: typeof unrolled) => (init: Tensor[], xs: Tensor[]) => {
        const begin = init.map((x, i) => i % 2 === seed % 2 ? x : x.mul(0.5));
        const [carry, ys] = scan(turn, begin, xs, { reverse });
        return [...carry, ys[0], ys[ys.length - 1].sum(), carry[0].mul(begin[0])];
      };
      const loss = (scan: typeof unrolled) => (init: Tensor[], xs: Tensor[]) =>
        program(scan)(init, xs).map((x) => x.mul(x).mean()).reduce((sum, one) => sum.add(one));
      const whole = (scan: typeof unrolled) => (init: Tensor[], xs: Tensor[]) => ({
        results: program(scan)(init, xs),
        slopes: [dd.grad(loss(scan))(init, xs), dd.grad(loss(scan), { argument: 1 })(init, xs)],
      });
      const elements = (tree: dd.Tree) => Promise.all(dd.tree.leaves(tree).map((leaf) => leaf.data()));
      const wanted = await elements(whole(unrolled)(init, xs));
      const jitted = dd.jit(whole(dd.scan), { donate: isDonated ? [0] : [] });
      const values = dd.jit(program(dd.scan), { donate: isDonated ? [0] : [] });
      const copies = () => init.map((x) => dd.copy(x));
      const compare = (got: Awaited<ReturnType<typeof elements>>) =>
        got.forEach((one, i) => expectClose(one, wanted[i], 1e-4));
      compare(await elements(whole(dd.scan)(init, xs)));
      for (let call = 0; call < 2; call++) compare(await elements(await jitted(copies(), xs)));
      for (let call = 0; call < 2; call++) compare(await elements(await values(copies(), xs)));
      expect(values.plans()[0].dispatches.length).toBeGreaterThan(0);
      jitted.dispose();
      values.dispose();
    });
  }
});

describe("scan() of halves", () => {
  beforeAll(async () => void (await testDevice()));

  it("reads views of f16 in its body, whatever they are views of", async () => {
    const half = dd.cast(dd.tensor([[1, 2], [3, 4]]), "f16");
    const twice = (t: Tensor) => dd.scan(() => [{}, dd.cast(t, "f32")], {}, {}, { length: 2 })[1].data();
    expect([...await twice(half)]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    expect([...await twice(dd.transpose(half))]).toEqual([1, 3, 2, 4, 1, 3, 2, 4]);
    expect([...await twice(dd.reshape(dd.flip(half), [4]))]).toEqual([4, 3, 2, 1, 4, 3, 2, 1]);
  });
});
