import fc from "fast-check";
import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import type { Device } from "../../../lib/device/mod.ts";
import { add, mul, reshape, sub, transpose } from "../../../lib/ops/mod.ts";
import {
  evaluate,
  type Shape,
  type Tensor,
  tensor,
  type Tree,
  treeDispose,
  treeLeaves,
} from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { openLike } from "../../support/devices.ts";
import { testDevice } from "../../support/device.ts";
import { useDevice } from "../../../lib/compile/open_device.ts";

/** Results of the first size arrive on the host where they are not written in place; those of the second never do. */
const SHAPES: readonly Shape[] = [[2, 3], [100, 200]];
const CLOSED = 0.5;

/** What a program knows of a tensor: all its elements are one number. */
type Model = Map<Tensor, number>;
/** A way through the choices of a program. */
type Choices = readonly number[];

/** A jitted function of two tensors, donating some of them, and what it does to the numbers. */
interface Jitted {
  readonly call: (a: Tensor, b: Tensor) => Promise<Tree>;
  readonly donated: readonly number[];
  readonly numbers: (a: number, b: number) => readonly number[];
  dispose(): void;
}

function jitted(
  f: (a: Tensor, b: Tensor) => Tree,
  donated: readonly number[],
  numbers: Jitted["numbers"],
): Jitted {
  const call = jit(f, { donate: donated });
  return { call, donated, numbers, dispose: () => call.dispose() };
}

const turned = (x: Tensor) => reshape(transpose(x), x.shape);

function makeFunctions(closed: ReadonlyMap<string, Tensor>): Jitted[] {
  const closedFor = (x: Tensor) => closed.get(x.shape.join())!;
  return [
    jitted(
      (a) => {
        const next = add(a, 1);
        return { params: next, ema: next, flat: reshape(next, [-1]) };
      },
      [0],
      (a) => [a + 1, a + 1, a + 1],
    ),
    jitted(
      (a, b) => [a, { again: a, next: add(a, b) }, turned(a), reshape(a, [-1])],
      [0],
      (a, b) => [a, a, a + b, a, a],
    ),
    jitted((a, b) => [add(b, 1), mul(a, 0.5)], [0, 1], (a, b) => [b + 1, a * 0.5]),
    jitted((a, b) => [sub(a, b), b], [0], (a, b) => [a - b, b]),
    jitted((a, b) => [add(a, b), a, reshape(b, [-1])], [], (a, b) => [a + b, a, b]),
    jitted((a) => [add(a, closedFor(a)), closedFor(a), mul(tensor([1, 2]), 0)], [0], (a) => [a + CLOSED, CLOSED, 0]),
    jitted((a, b) => [reshape(a, [-1]), turned(b)], [0, 1], (a, b) => [a, b]),
  ];
}

/** Runs a program that its choices make, on tensors and on plain numbers at once. */
class Program {
  readonly #live: Model = new Map();
  #position = 0;

  constructor(readonly choices: Choices, readonly functions: readonly Jitted[]) {}

  #choose(limit: number): number {
    return this.choices[this.#position++ % this.choices.length] % limit;
  }

  #pick(shape?: Shape): [Tensor, number] {
    const fitting = [...this.#live].filter(([x]) => !shape || x.size === shape[0] * shape[1]);
    return fitting.length > 0 ? fitting[this.#choose(fitting.length)] : this.#create(shape);
  }

  #create(shape: Shape = SHAPES[this.#choose(SHAPES.length)]): [Tensor, number] {
    const number = this.#choose(9);
    const host = tensor(new Float32Array(shape[0] * shape[1]).fill(number), { shape });
    return this.#add(this.#choose(2) === 0 ? host : mul(host, 1), number);
  }

  #add(x: Tensor, number: number): [Tensor, number] {
    this.#live.set(x, number);
    return [x, number];
  }

  #dispose(x: Tensor): void {
    x.dispose();
    this.#live.delete(x);
  }

  /** A tensor of one of the shapes, made of one that lives: perhaps the very one. */
  #shaped(shape: Shape): [Tensor, number] {
    const [x, number] = this.#pick(shape);
    return x.shape.join() === shape.join() ? [x, number] : this.#add(reshape(x, shape), number);
  }

  async #check(x: Tensor, number: number): Promise<void> {
    const data = await x.data();
    const wanted = expect.closeTo(number, 3);
    expect([data[0], data[data.length - 1]]).toEqual([wanted, wanted]);
  }

  async #call(): Promise<void> {
    const { call, donated, numbers } = this.functions[this.#choose(this.functions.length)];
    const shape = SHAPES[this.#choose(SHAPES.length)];
    const given = [this.#shaped(shape), this.#shaped(shape)];
    const running = call(given[0][0], given[1][0]);
    // What is made of an argument, or becomes of it, while the call waits.
    const meanwhile = this.#choose(4);
    if (meanwhile === 0) this.#dispose(given[0][0]);
    if (meanwhile === 1) this.#add(add(given[1][0], 1), given[1][1] + 1);
    const results = treeLeaves(await running);
    for (const position of donated) this.#live.delete(given[position][0]);
    numbers(given[0][1], given[1][1]).forEach((number, i) => this.#add(results[i], number));
    for (const position of donated) {
      const [x] = given[position];
      if (!results.includes(x)) await expect(x.data()).rejects.toThrow(/donated|disposed/);
    }
  }

  async #step(): Promise<void> {
    switch (this.#choose(9)) {
      case 0:
        return void this.#create();
      case 1: {
        const [x, number] = this.#pick();
        return void this.#add(mul(add(x, 1), 0.5), (number + 1) / 2);
      }
      case 2: {
        const shape = SHAPES[this.#choose(SHAPES.length)];
        const [[x, first], [y, second]] = [this.#shaped(shape), this.#shaped(shape)];
        return void this.#add(sub(x, y), first - second);
      }
      case 3: {
        const [x, number] = this.#pick();
        return void this.#add(this.#choose(2) === 0 ? reshape(x, [-1]) : transpose(x), number);
      }
      case 4:
        return await this.#check(...this.#pick());
      case 5: {
        const [[x], [y]] = [this.#pick(), this.#pick()];
        return void await evaluate([x, y]);
      }
      case 6: {
        const [x] = this.#pick();
        this.#dispose(x);
        return x.dispose();
      }
      default:
        return await this.#call();
    }
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) await this.#step();
    // What was given back too early gets other contents.
    const others = SHAPES.flatMap((shape) =>
      [1, 2, 3].map(() => mul(tensor(new Float32Array(shape[0] * shape[1])), 1))
    );
    await evaluate(others);
    for (const [x, number] of this.#live) await this.#check(x, number);
    treeDispose([...this.#live.keys(), ...others]);
    this.#live.clear();
  }
}

/** Sees to it that a device gives no buffer out twice, and takes none back twice. */
function watchBuffers(device: Device): { readonly faults: string[]; readonly count: () => number } {
  const used = new Set<GPUBuffer>();
  const faults: string[] = [];
  const { acquire, release } = device;
  device.acquire = (bytes) => {
    const buffer = acquire.call(device, bytes);
    if (used.has(buffer)) faults.push("a buffer in use was handed out");
    used.add(buffer);
    return buffer;
  };
  device.release = (buffer) => {
    if (!used.delete(buffer)) faults.push("a buffer was given back twice");
    release.call(device, buffer);
  };
  return { faults, count: () => used.size };
}

describe("random programs of eager and jitted functions", () => {
  beforeAll(async () => void await testDevice());

  it("keep every tensor's value, hand out no buffer twice, and give all memory back", async () => {
    const shared = await testDevice();
    const device = await openLike(shared);
    useDevice(device);
    try {
      await collectGarbage();
      const before = device.memory().liveBytes;
      const buffers = watchBuffers(device);
      const full = (shape: Shape, value: number) =>
        tensor(new Float32Array(shape[0] * shape[1]).fill(value), { shape });
      const closed = new Map(SHAPES.map((shape) => [shape.join(), full(shape, CLOSED)]));
      const functions = makeFunctions(closed);
      for (const { call } of functions) {
        for (const shape of SHAPES) treeDispose(await call(full(shape, 0), full(shape, 0)));
      }
      await device.done();
      await collectGarbage();
      const { liveBytes } = device.memory();
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(2 ** 20), { minLength: 150, maxLength: 150 }), async (choices) => {
          await new Program(choices, functions).run(40);
          await device.done();
          await collectGarbage();
          expect(buffers.faults).toEqual([]);
          expect(device.memory().liveBytes).toBe(liveBytes);
        }),
        { numRuns: 10, seed: 15, endOnFailure: true },
      );
      for (const f of functions) f.dispose();
      treeDispose([...closed.values()]);
      await device.done();
      await collectGarbage();
      expect(buffers.count()).toBe(0);
      expect(device.memory().liveBytes).toBe(before);
    } finally {
      useDevice(shared);
      device.destroy();
    }
  });
});
