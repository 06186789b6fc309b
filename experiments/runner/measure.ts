import { evaluate, jit, matmul, mul, random, type Tensor } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";

/** Best of several rounds of a jitted function, in seconds a call. */
async function bestSeconds(device: Device, call: () => Promise<unknown>): Promise<number> {
  await call();
  await device.done();
  let best = Infinity;
  const end = performance.now() + 1000;
  for (let round = 0; round < 3 || (round < 30 && performance.now() < end); round++) {
    const began = performance.now();
    await call();
    await device.done();
    best = Math.min(best, (performance.now() - began) / 1000);
  }
  return best;
}

/** GFLOP/s of a product of n × n matrices, ten in a row, so that waiting counts little. */
export async function measureProduct(device: Device, n: number): Promise<number> {
  const [a, b] = await evaluate([0, 1].map((i) => random.normal(random.key(i), [n, n], { std: 1 / Math.sqrt(n) })));
  const times = 10;
  const chain = jit((x: Tensor, y: Tensor) => {
    for (let i = 0; i < times; i++) x = matmul(x, y);
    return x;
  });
  const seconds = await bestSeconds(device, async () => (await chain(a, b)).dispose());
  chain.dispose();
  return 2 * n ** 3 * times / seconds / 1e9;
}

/** GB/s of a read and a write of many bytes. */
export async function measureCopy(device: Device): Promise<number> {
  const count = 2 ** 22;
  const [x] = await evaluate([random.uniform(random.key(2), [count])]);
  const scale = jit((y: Tensor) => mul(y, 2));
  const seconds = await bestSeconds(device, async () => (await scale(x)).dispose());
  scale.dispose();
  return 2 * 4 * count / seconds / 1e9;
}

/** Rows of the square product that a device is measured with: large enough to fill it, small enough for a moment. */
export function productSize({ report }: Device): number {
  return report.isSoftware ? (report.subgroupSize === 8 ? 512 : 256) : 2048;
}
