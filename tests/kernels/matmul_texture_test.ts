import { expect } from "expect";
import { afterAll, describe, it } from "@std/testing/bdd";
import { storeResult } from "../../kernels/epilogue.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import {
  type MatmulLayout,
  matmulNaive,
  type MatmulSizes,
  matmulUniforms,
  SINGLE_PRODUCT,
} from "../../kernels/matmul.ts";
import {
  matmulTexture,
  matmulTextureUniforms,
  packTexture,
  packTextureGrid,
  packTextureUniforms,
  textureSize,
} from "../../kernels/matmul_texture.ts";
import type { Bindable, Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { Numbers } from "../support/numbers.ts";
import { runKernel } from "../support/run_kernel.ts";

const over = (a: number, b: number) => Math.ceil(a / b);

/** Rows of A in padded rows behind an offset, and so of C; B is one whole matrix. */
function sizesOf(layout: MatmulLayout, [m, n, k]: readonly number[]): MatmulSizes {
  return {
    m,
    n,
    k,
    lda: (layout === "tn" ? m : k) + 4,
    ldb: layout === "nt" ? k : n,
    ldc: n + 8,
    ...SINGLE_PRODUCT,
    offsetA: 12,
    offsetB: 0,
    offsetC: 16,
    scale: 0.5,
  };
}

async function dispatch(
  device: Device,
  run: {
    readonly kernel: Kernel;
    readonly memory: readonly Bindable[];
    readonly uniforms: Uint32Array;
    readonly grid: readonly [number, number, number];
  },
): Promise<void> {
  const pipeline = await device.pipeline(run.kernel);
  const buffer = device.uniforms(run.uniforms);
  const group = device.bindGroup(run.kernel, run.memory, { buffer, offset: 0, size: run.uniforms.byteLength });
  device.submit((encoder) => {
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...run.grid);
    pass.end();
  }, 1);
  device.releaseUniforms(buffer);
}

const devices = (await everyDevice()).filter(({ report }) => report.readsTextures && report.subgroupSize > 0);
const able = devices.length > 0
  ? { test: it, note: "" }
  : { test: it.skip, note: " (skipped: a device without subgroups, or whose language reads no storage textures)" };

describe("products by a weight in a texture", () => {
  afterAll(async () => (await everyDevice()).forEach((device) => device.destroy()));

  const CASES = [[1, 4, 4, 1], [7, 68, 12, 3], [63, 36, 64, 1], [64, 64, 64, 1], [65, 260, 8, 2], [257, 132, 100, 1]];
  for (const layout of ["nn", "tn", "nt"] as const) {
    for (const [m, n, k, batch] of CASES) {
      const shape = [layout === "tn" ? 4 * over(m, 4) : m, n, k];
      able.test(`${batch} of ${layout} of ${shape.join("×")}, any tile: the bits of the naive product${able.note}`, async () => {
        const [rows, columns] = layout === "nt" ? [n, k] : [k, n];
        const one = { ...sizesOf(layout, shape), ldb: columns + 8, offsetB: 4 };
        const { m, lda, ldb, ldc, offsetA, offsetB, offsetC } = one;
        const [a1, b1, c1] = [(layout === "tn" ? k : m) * lda + 4, rows * ldb + 8, m * ldc];
        const sizes: MatmulSizes = batch === 1 ? one : { ...one, batch, inner: batch, a1, b1, c1 };
        const numbers = new Numbers(m + n + k);
        const draw = async (size: number) => await numbers.tensor([size]).data() as Float32Array;
        const A = await draw(offsetA + batch * a1);
        const [B, C] = [await draw(offsetB + batch * b1), await draw(offsetC + batch * c1)];
        for (const device of devices) {
          const [wanted] = await runKernel(device, {
            kernel: matmulNaive(layout),
            grid: [over(m, 8), over(n, 8), batch],
            uniforms: matmulUniforms(sizes, storeResult(1)),
            buffers: [A, B, C],
          });
          const texture = device.acquireTexture(...textureSize(rows, columns, batch));
          const [a, b, c] = [A, B, C].map((data) => device.acquire(data.byteLength));
          device.write(a, A);
          device.write(b, B);
          await dispatch(device, {
            kernel: packTexture(),
            memory: [b, texture],
            uniforms: packTextureUniforms(rows, columns, { stride: ldb, offset: offsetB, next: b1 }),
            grid: packTextureGrid(rows, columns, batch),
          });
          const lanes = device.report.subgroupSize;
          for (const [tileRows, tileColumns] of [[8, 4], [16, 8], [32, 4]]) {
            device.write(c, C);
            await dispatch(device, {
              kernel: matmulTexture(layout, { lanes, rows: tileRows, columns: tileColumns }),
              memory: [a, texture, c],
              uniforms: matmulTextureUniforms(layout, sizes, storeResult(4)),
              grid: [over(m, tileRows), over(n, lanes * tileColumns), batch],
            });
            const got = new Uint32Array(await device.read(c, C.byteLength));
            expect(got.findIndex((word, i) => word !== wanted[i])).toBe(-1);
          }
          device.releaseTexture(texture);
          for (const buffer of [a, b, c]) device.release(buffer);
        }
      });
    }
  }

  for (const layout of ["nn", "nt"] as const) {
    able.test(`${layout} by a weight of f16: the bits of its numbers in f32${able.note}`, async () => {
      const sizes = sizesOf(layout, [65, 68, 36]);
      const { m, n, k, lda, ldb, offsetA, offsetC, ldc } = sizes;
      const numbers = new Numbers(3);
      const draw = async (size: number) => await numbers.tensor([size]).data() as Float32Array;
      const A = await draw(offsetA + m * lda);
      // Small numbers, too, which have fewer digits in f16.
      const B = new Float16Array((await draw(n * k)).map((x, i) => x * 2 ** -(i % 25)));
      const C = await draw(offsetC + m * ldc);
      for (const device of devices) {
        const [wanted] = await runKernel(device, {
          kernel: matmulNaive(layout),
          grid: [over(m, 8), over(n, 8), 1],
          uniforms: matmulUniforms(sizes, storeResult(1)),
          buffers: [A, Float32Array.from(B), C],
        });
        const [rows, columns] = [n * k / ldb, ldb];
        const texture = device.acquireTexture(...textureSize(rows, columns), "rgba16float");
        expect(device.bytesOf(texture)).toBe(2 * n * k);
        const [a, b, c] = [A, B, C].map((data) => {
          const buffer = device.acquire(data.byteLength);
          device.write(buffer, data);
          return buffer;
        });
        await dispatch(device, {
          kernel: packTexture("f16"),
          memory: [b, texture],
          uniforms: packTextureUniforms(rows, columns),
          grid: packTextureGrid(rows, columns),
        });
        const lanes = device.report.subgroupSize;
        await dispatch(device, {
          kernel: matmulTexture(layout, { lanes, rows: 8, columns: 4 }, storeResult(4), undefined, "f16"),
          memory: [a, texture, c],
          uniforms: matmulTextureUniforms(layout, sizes, storeResult(4)),
          grid: [over(m, 8), over(n, lanes * 4), 1],
        });
        const got = new Uint32Array(await device.read(c, C.byteLength));
        expect(got.findIndex((word, i) => word !== wanted[i])).toBe(-1);
        device.releaseTexture(texture);
        for (const buffer of [a, b, c]) device.release(buffer);
      }
    });
  }

  for (const layout of ["nn", "nt"] as const) {
    able.test(`${layout} with a branch: the bits of the naive product with one${able.note}`, async () => {
      const [m, n, k, r] = [65, 68, 36, 3];
      const branch = { layout, r, ldz: r, ldv: layout === "nt" ? r : n, offsetZ: 0, offsetV: 0 };
      const sizes = { ...sizesOf(layout, [m, n, k]), branch };
      const numbers = new Numbers(m);
      const counts = [sizes.offsetA + m * sizes.lda, n * k, m * r, r * n, sizes.offsetC + m * sizes.ldc];
      const [A, B, Z, V, C] = await Promise.all(
        counts.map(async (size) => await numbers.tensor([size]).data() as Float32Array),
      );
      for (const device of devices) {
        const [wanted] = await runKernel(device, {
          kernel: matmulNaive(layout, storeResult(1), layout),
          grid: [over(m, 8), over(n, 8), 1],
          uniforms: matmulUniforms(sizes, storeResult(1)),
          buffers: [A, B, Z, V, C],
        });
        const [rows, columns] = [n * k / sizes.ldb, sizes.ldb];
        const texture = device.acquireTexture(...textureSize(rows, columns));
        const [a, b, z, v, c] = [A, B, Z, V, C].map((data) => {
          const buffer = device.acquire(data.byteLength);
          device.write(buffer, data);
          return buffer;
        });
        const uniforms = packTextureUniforms(rows, columns);
        await dispatch(device, {
          kernel: packTexture(),
          memory: [b, texture],
          uniforms,
          grid: packTextureGrid(rows, columns),
        });
        await dispatch(device, {
          kernel: matmulTexture(
            layout,
            { lanes: device.report.subgroupSize, rows: 16, columns: 8 },
            storeResult(4),
            layout,
          ),
          memory: [a, texture, z, v, c],
          uniforms: matmulTextureUniforms(layout, sizes, storeResult(4)),
          grid: [over(m, 16), over(n, device.report.subgroupSize * 8), 1],
        });
        const got = new Uint32Array(await device.read(c, C.byteLength));
        expect(got.findIndex((word, i) => word !== wanted[i])).toBe(-1);
        device.releaseTexture(texture);
        for (const buffer of [a, b, z, v, c]) device.release(buffer);
      }
    });
  }
});
