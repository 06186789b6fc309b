import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { add, addLowRank, embedding, matmul, mul, slice, square, tanh } from "../../../lib/ops/mod.ts";
import type { Tensor } from "../../../lib/tensor/mod.ts";
import { jit, type JitOptions } from "../../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../../support/device.ts";
import { Numbers } from "../../support/numbers.ts";

const numbers = new Numbers();
const square64 = () => numbers.tensor([64, 64]);

/** The plan of a function for some arguments, line by line. */
async function planOf(
  f: (...args: Tensor[]) => unknown,
  args: readonly Tensor[],
  options?: JitOptions,
): Promise<string[]> {
  const jitted = jit(f, options);
  await jitted.compile(...args);
  const lines = jitted.explain().split("\n");
  jitted.dispose();
  return lines;
}

describe("explain()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const layer = (x: Tensor, W: Tensor, b: Tensor) => tanh(add(matmul(x, W), b));

  it("begins with the function's name, its dispatches, its work and the bytes it moves", async () => {
    const [head, memory, ...rest] = await planOf(layer, [square64(), square64(), numbers.tensor([64])]);
    // 2 · 64³ operations; two matrices and a row in, one matrix out.
    expect(head).toBe(
      "layer: 1 dispatches, 0.52 MFLOP in products, 32.3 KiB read, 16.0 KiB written, 10.6 FLOP a byte",
    );
    expect(memory).toBe("1 buffers of its own (0.02 MiB), 0 results in place, 0 copied back");
    expect(rest).toHaveLength(1);
  });

  it("shows of each dispatch the kernel, the grid, work, bytes, buffers and what was fused", async () => {
    const [, , line] = await planOf(layer, [square64(), square64(), numbers.tensor([64])]);
    expect(line).toMatch(
      /^ {3}0 {2}matmul_nn_\S+ {2}\[\d+×\d+×\d+\] {2}0\.52 MFLOP {2}48\.3 KiB {2}in0 in1 in2 → m0 {2}matmul, add, tanh$/,
    );
  });

  it("counts the product of factors that is added to a matrix", async () => {
    const change = (W: Tensor, left: Tensor, right: Tensor) => addLowRank(W, { left, right, scale: 0.5 });
    const [head] = await planOf(change, [square64(), numbers.tensor([64, 8]), numbers.tensor([8, 64])]);
    // 2 · 64² · 8 operations.
    expect(head).toContain(" 0.07 MFLOP in products");
  });

  it("counts memory that is updated in place as read and written", async () => {
    const [head, memory, line] = await planOf((x: Tensor) => add(x, 1), [numbers.tensor([1024])], { donate: [0] });
    expect(head).toContain("4.0 KiB read, 4.0 KiB written");
    expect(memory).toContain("1 results in place");
    expect(line).toMatch(/→ in0 {2}add$/);
  });

  it("counts of a slice, and of a table in which rows are looked up, what is needed", async () => {
    const part = (x: Tensor) => mul(slice(x, { start: [0, 0], size: [2, 64] }), 2);
    expect((await planOf(part, [square64()]))[0]).toContain("512 B read, 512 B written");
    // Three rows of 64 and three ids.
    const look = await planOf((table: Tensor, ids: Tensor) => embedding(table, ids), [
      numbers.tensor([512, 64]),
      numbers.ids([3], 512),
    ]);
    expect(look[0]).toContain("780 B read, 768 B written");
  });

  it("says what was fused in joined work, and of how many tensors", async () => {
    const update = (tensors: Tensor[]) => tensors.map((x) => mul(add(x, 1), add(x, 2)));
    const jitted = jit(update, { donate: [0] });
    await jitted.compile([square64(), square64(), square64()]);
    expect(jitted.explain()).toMatch(/a0 {2}add ×2, mul; of 3 at once$/m);
    expect(jitted.explain()).toContain("48.0 KiB read, 48.0 KiB written");
    jitted.dispose();
  });

  it("shows a long plan kernel by kernel, and each dispatch where it is asked to", async () => {
    const jitted = jit((x: Tensor, y: Tensor) => {
      for (let i = 0; i < 70; i++) x = matmul(x, y);
      return x;
    });
    await jitted.compile(square64(), square64());
    const short = jitted.explain().split("\n");
    expect(short[0]).toContain("70 dispatches, 36.70 MFLOP in products");
    expect(short).toHaveLength(3);
    expect(short[2]).toMatch(/^ {2}70 {2}matmul_nn_\S+ {2}36\.70 MFLOP {2}3\.28 MiB {2}matmul$/);
    const long = jitted.explain({ detail: "dispatches" }).split("\n");
    expect(long.slice(0, 2)).toEqual(short.slice(0, 2));
    expect(long).toHaveLength(2 + 70);
    expect(jitted.explain({ detail: "sums" }).split("\n")).toEqual(short.slice(0, 2));
    jitted.dispose();
  });

  it("holds the plan against a roofline where one is given", async () => {
    const jitted = jit((x: Tensor, y: Tensor) => tanh(matmul(square(x), y)));
    await jitted.compile(square64(), square64());
    const line = (gflopsPerSecond: number, gigabytesPerSecond: number) =>
      jitted.explain({ roofline: { gflopsPerSecond, gigabytesPerSecond } }).split("\n")[1];
    // Squares move 32 KiB, the product moves 48 KiB and takes 524,288 operations.
    expect(line(1, 1)).toBe(
      "at 1.0 GFLOP/s and 1.0 GB/s no less than 0.56 ms, bound 0.52 ms by arithmetic, 0.03 ms by memory",
    );
    expect(line(1000, 1)).toContain("no less than 0.08 ms, bound 0.08 ms by memory");
    jitted.dispose();
  });

  it("says of a function that computes nothing that it needs no dispatches", async () => {
    expect(await planOf((x: Tensor) => x, [square64()])).toEqual([
      "0 dispatches, 0.00 MFLOP in products, 0 B read, 0 B written",
      "0 buffers of its own (0.00 MiB), 0 results in place, 0 copied back",
    ]);
  });
});
