import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fitsSubgroup, type MatmulVariant, variantDispatch, variantName } from "../../kernels/choose_matmul.ts";
import { type MatmulSizes, SINGLE_PRODUCT } from "../../kernels/matmul.ts";
import type { KernelTarget } from "../../kernels/target.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

type Layout = "nn" | "nt";

/** A product with a branch; Z and V have padded rows behind offsets, which are in fours where r is. */
function sizesOf(layout: Layout, [m, n, k, r]: readonly number[], of: Layout): MatmulSizes {
  const ldv = of === "nt" ? r : n;
  const places = r % 4 === 0
    ? { ldz: r + 4, ldv: ldv + 8, offsetZ: 4, offsetV: 12 }
    : { ldz: r + 1, ldv: ldv + 3, offsetZ: 2, offsetV: 5 };
  const branch = { layout: of, r, ...places };
  return {
    m,
    n,
    k,
    lda: k,
    ldb: layout === "nt" ? k : n,
    ldc: n,
    ...SINGLE_PRODUCT,
    scale: 0.5,
    branch,
  };
}

async function operandsOf({ m, n, k, branch }: MatmulSizes): Promise<Float32Array[]> {
  const { r, layout, ldz, ldv, offsetZ, offsetV } = branch!;
  const counts = [m * k, k * n, offsetZ + m * ldz, offsetV + (layout === "nt" ? n : r) * ldv];
  const numbers = new Numbers(m * n);
  return await Promise.all(counts.map(async (count) => await numbers.tensor([count]).data() as Float32Array));
}

/** The sum in float64. */
function wantedOf(layout: Layout, { m, n, k, scale, branch }: MatmulSizes, [A, B, Z, V]: Float32Array[]): number[] {
  const { r, layout: of, ldz, ldv, offsetZ, offsetV } = branch!;
  return Array.from({ length: m * n }, (_, i) => {
    const [row, col] = [Math.floor(i / n), i % n];
    let sum = 0;
    for (let j = 0; j < k; j++) sum += A[row * k + j] * B[layout === "nt" ? col * k + j : j * n + col];
    for (let j = 0; j < r; j++) {
      sum += Z[offsetZ + row * ldz + j] * V[offsetV + (of === "nt" ? col * ldv + j : j * ldv + col)];
    }
    return sum * scale!;
  });
}

/** The same product, its branch in two blocks: the last columns of Z and rows of V apart from the others. */
function inBlocks(sizes: MatmulSizes, [A, B, Z, V]: Float32Array[]): { sizes: MatmulSizes; operands: Float32Array[] } {
  const { branch } = sizes;
  const { layout, r, ldz, ldv, offsetZ, offsetV } = branch!;
  const from = Math.floor(r / 2);
  const second = { ldz, ldv, offsetZ: offsetZ + from, offsetV: offsetV + from * (layout === "nt" ? 1 : ldv), from };
  const twice = layout === "nt" ? "nt_nt" : "nn_nn";
  return { sizes: { ...sizes, branch: { ...branch!, layout: twice, second } }, operands: [A, B, Z, V, Z, V] };
}

describe("a product with a branch", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const layout of ["nn", "nt"] as const) {
    for (const  of of["nn", "nt"] as const) {
      for (
        const shape of [[1, 4, 4, 1], [7, 5, 3, 2], [65, 36, 8, 3], [33, 132, 64, 9], [65, 36, 8, 8], [7, 33, 4, 12]]
      ) {
        it(`${layout} of ${shape.slice(0, 3).join("×")} and ${of} along ${shape[3]}: one sum, the same bits, in two blocks, too`, async () => {
          const sizes = sizesOf(layout, shape, of);
          const operands = await operandsOf(sizes);
          const wanted = wantedOf(layout, sizes, operands);
          for (const device of devices) {
            const { subgroupSize, isSoftware, limits, name } = device.report;
            const target: KernelTarget = {
              driver: /swiftshader/i.test(name) ? "swiftshader" : "lavapipe",
              isSoftware,
              subgroupSize,
              maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
            };
            const variants: MatmulVariant[] = [{ kind: "naive" }, { kind: "tiled" }];
            const tile = { kind: "buffer", rows: 16, columns: target.driver === "swiftshader" ? 16 : 4 } as const;
            if (subgroupSize > 0 && fitsSubgroup(layout, sizes)) variants.push(tile);
            let first: Uint32Array | undefined;
            for (const variant of variants) {
              const { kernel, grid, uniforms } = variantDispatch(variant, layout, sizes, { target });
              const buffers = [...operands, new Float32Array(wanted.length)];
              const [C] = await runKernel(device, { kernel, grid, uniforms, buffers });
              if (!first) expectClose(asFloats(C), wanted, 1e-5);
              first ??= C;
              const differs = C.findIndex((word, i) => word !== first![i]);
              if (differs >= 0) throw new Error(`${variantName(variant)} on ${name}: other bits at ${differs}`);
              const blocks = inBlocks(sizes, operands);
              const apart = variantDispatch(variant, layout, blocks.sizes, { target });
              const [D] = await runKernel(device, {
                kernel: apart.kernel,
                grid: apart.grid,
                uniforms: apart.uniforms,
                buffers: [...blocks.operands, new Float32Array(wanted.length)],
              });
              const other = D.findIndex((word, i) => word !== first![i]);
              if (other >= 0) throw new Error(`${variantName(variant)} on ${name}: other bits in blocks at ${other}`);
            }
          }
        });
      }
    }
  }
});
