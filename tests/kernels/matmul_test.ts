import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { storeResult } from "../../kernels/epilogue.ts";
import type { Grid, Kernel } from "../../kernels/kernel.ts";
import { fitsSubgroup, matmulDispatch } from "../../kernels/choose_matmul.ts";
import {
  type MatmulLayout,
  matmulNaive,
  type MatmulSizes,
  matmulSubgroup,
  matmulTiled,
  matmulUniforms,
  SINGLE_PRODUCT,
} from "../../kernels/matmul.ts";
import { matmulNarrow } from "../../kernels/matmul_narrow.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

const LAYOUTS: readonly MatmulLayout[] = ["nn", "tn", "nt"];
const over = (a: number, b: number) => Math.ceil(a / b);

/** A single product of whole matrices. */
function plainSizes(layout: MatmulLayout, [m, n, k]: readonly number[]): MatmulSizes {
  return {
    m,
    n,
    k,
    lda: layout === "tn" ? m : k,
    ldb: layout === "nt" ? k : n,
    ldc: n,
    ...SINGLE_PRODUCT,
  };
}

/** 2 × 3 products in padded rows behind offsets; the second operand is shared along the inner index. */
function batchedSizes(layout: MatmulLayout, [m, n, k]: readonly number[]): MatmulSizes {
  const [rowsA, rowsB] = [layout === "tn" ? k : m, layout === "nt" ? n : k];
  const [lda, ldb, ldc] = [(layout === "tn" ? m : k) + 4, (layout === "nt" ? k : n) + 8, n + 4];
  return {
    ...plainSizes(layout, [m, n, k]),
    lda,
    ldb,
    ldc,
    batch: 6,
    inner: 3,
    a0: 3 * rowsA * lda,
    a1: rowsA * lda,
    b0: rowsB * ldb,
    c0: 3 * m * ldc + 8,
    c1: m * ldc,
    offsetA: 12,
    offsetB: 4,
    offsetC: 16,
    scale: 0.5,
  };
}

/** Shapes with an odd size in every place; the kernels of subgroups take those in fours alone. */
const SHAPES = [
  [1, 1, 1],
  [7, 63, 1],
  [1, 257, 65],
  [64, 64, 64],
  [65, 7, 257],
  [63, 65, 7],
  [257, 1, 63],
  [4, 4, 4],
  [36, 68, 64],
  [8, 260, 12],
  [260, 36, 4],
  [7, 65, 64],
];

interface Operands {
  readonly A: Float32Array;
  readonly B: Float32Array;
  readonly C: Float32Array;
}

async function operandsOf(layout: MatmulLayout, sizes: MatmulSizes): Promise<Operands> {
  const { m, n, k, lda, ldb, ldc, batch, inner, a0, a1, b0, b1, c0, c1, offsetA, offsetB, offsetC } = sizes;
  const numbers = new Numbers(m * 31 + n * 7 + k);
  const draw = async (size: number) => await numbers.tensor([size]).data() as Float32Array;
  const outer = batch / inner;
  const end = (offset: number, far: number, near: number, rows: number, stride: number) =>
    offset + (outer - 1) * far + (inner - 1) * near + rows * stride;
  return {
    A: await draw(end(offsetA, a0, a1, layout === "tn" ? k : m, lda)),
    B: await draw(end(offsetB, b0, b1, layout === "nt" ? n : k, ldb)),
    C: await draw(end(offsetC, c0, c1, m, ldc)),
  };
}

/** What C holds afterwards, in float64: what lies between its matrices stays. */
function multiply(layout: MatmulLayout, sizes: MatmulSizes, { A, B, C }: Operands): Float64Array {
  const { m, n, k, lda, ldb, ldc, batch, inner, a0, a1, b0, b1, c0, c1, offsetA, offsetB, offsetC } = sizes;
  const result = Float64Array.from(C);
  for (let z = 0; z < batch; z++) {
    const [far, near] = [Math.floor(z / inner), z % inner];
    const [za, zb, zc] = [
      offsetA + far * a0 + near * a1,
      offsetB + far * b0 + near * b1,
      offsetC + far * c0 + near * c1,
    ];
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          sum += A[za + (layout === "tn" ? i * lda + row : row * lda + i)] *
            B[zb + (layout === "nt" ? col * ldb + i : i * ldb + col)];
        }
        result[zc + row * ldc + col] = sum * (sizes.scale ?? 1);
      }
    }
  }
  return result;
}

/** Kernels that can do a product on a device, with their grids; the naive one first. */
function variants(
  device: Device,
  layout: MatmulLayout,
  sizes: MatmulSizes,
): { kernel: Kernel; grid: Grid; width: 1 | 4 }[] {
  const { m, n, k, batch, ldc, c0, c1, offsetC } = sizes;
  const found: { kernel: Kernel; grid: Grid; width: 1 | 4 }[] = [
    { kernel: matmulNaive(layout), grid: [over(m, 8), over(n, 8), batch], width: 1 },
    { kernel: matmulTiled(layout), grid: [over(m, 64), over(n, 64), batch], width: 1 },
  ];
  const lanes = device.report.subgroupSize;
  if (lanes === 0 || !fitsSubgroup(layout, sizes)) return found;
  // What lavapipe takes, and SwiftShader; each driver compiles its own.
  const tiles = /swiftshader/i.test(device.report.name) ? [[8, 8], [16, 16]] : [[8, 4], [16, 4], [32, 4]];
  const inFours = [n, ldc, c0, c1, offsetC].every((size) => size % 4 === 0);
  const width = inFours ? 4 : 1;
  if (layout !== "tn") tiles.push([1, 4], [12, 4]);
  for (const [rows, columns] of tiles) {
    const kernel = matmulSubgroup(layout, { lanes, rows, columns, endsAnywhere: k % 4 !== 0 }, storeResult(width));
    found.push({ kernel, grid: [over(m, rows), over(n, lanes * columns), batch], width });
  }
  if (k % 4 !== 0) return found;
  for (const [rows, columns] of [[4, 4], [12, 4], [8, 8]]) {
    const kernel = matmulNarrow(layout, { lanes, rows, columns }, storeResult(width));
    found.push({ kernel, grid: [over(m, lanes * columns), over(n, rows), batch], width });
  }
  return found;
}

describe("kernels of products", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  /** Runs every variant on every device: the naive one against float64, the others against its bits. */
  async function check(layout: MatmulLayout, sizes: MatmulSizes, given?: Operands): Promise<number> {
    const operands = given ?? await operandsOf(layout, sizes);
    const wanted = multiply(layout, sizes, operands);
    let count = 0;
    for (const device of devices) {
      let first: Uint32Array | undefined;
      for (const { kernel, grid, width } of variants(device, layout, sizes)) {
        const uniforms = matmulUniforms(sizes, storeResult(width));
        const buffers = [operands.A, operands.B, operands.C];
        const [C] = await runKernel(device, { kernel, grid, uniforms, buffers });
        if (!first) expectClose(asFloats(C), wanted, 2e-6 * Math.sqrt(sizes.k));
        first ??= C;
        const differs = C.findIndex((word, i) => word !== first![i]);
        if (differs >= 0) throw new Error(`${kernel.name} on ${device.report.name}: other bits at ${differs}`);
        count++;
      }
    }
    return count;
  }

  for (const layout of LAYOUTS) {
    for (const shape of SHAPES) {
      it(`${layout} of ${shape.join("×")}: all variants have the bits of the naive one, which is right`, async () => {
        expect(await check(layout, plainSizes(layout, shape))).toBeGreaterThanOrEqual(2);
      });
    }

    for (const shape of [[7, 5, 3], [36, 20, 8], [9, 11, 12], [12, 16, 6]]) {
      it(`${layout} of 2 × 3 products of ${shape.join("×")} with strides, offsets and a factor`, async () => {
        expect(await check(layout, batchedSizes(layout, shape))).toBeGreaterThanOrEqual(2);
      });
    }
  }

  it("tn takes nothing into its sums of what lies behind k", async () => {
    const longer = plainSizes("tn", [12, 32, 8]);
    const sizes = { ...longer, k: 6 };
    const { A, B, C } = await operandsOf("tn", longer);
    A.fill(NaN, sizes.k * sizes.lda);
    B.fill(Infinity, sizes.k * sizes.ldb);
    expect(await check("tn", sizes, { A, B, C })).toBeGreaterThanOrEqual(2);
  });

  it("are chosen by sizes and device alone: subgroups where they fit, else tiles, else the naive one", () => {
    const target = { driver: "lavapipe", isSoftware: true, subgroupSize: 8, maxInvocations: 1024 } as const;
    const nameOf = (layout: MatmulLayout, shape: number[], over = {}) =>
      matmulDispatch(layout, plainSizes(layout, shape), { target: { ...target, ...over } }).kernel.name;
    expect(nameOf("nn", [512, 512, 512])).toBe("matmul_nn_32x32");
    expect(nameOf("nn", [64, 64, 64])).toBe("matmul_nn_16x32");
    expect(nameOf("nn", [8, 64, 64])).toBe("matmul_nn_8x32");
    // Few rows by a large matrix.
    expect([1, 4, 10, 16].map((m) => nameOf("nt", [m, 512, 512]))).toEqual(
      ["matmul_nt_1x32", "matmul_nt_4x32", "matmul_nt_12x32", "matmul_nt_16x32"],
    );
    expect(nameOf("tn", [4, 512, 512])).toBe("matmul_tn_8x32");
    expect(nameOf("nn", [64, 65, 64])).toBe("matmul_nn_tiled");
    expect(nameOf("nt", [64, 65, 64])).toContain("matmul_nt_16x32");
    expect(nameOf("tn", [65, 64, 64])).toBe("matmul_tn_tiled");
    expect(nameOf("tn", [64, 64, 70])).toBe("matmul_tn_16x32_any_k");
    expect(nameOf("tn", [512, 8, 70])).toBe("matmul_tn_16x32_any_k");
    expect(nameOf("tn", [12, 16, 6])).toBe("matmul_tn_naive");
    expect(nameOf("nn", [64, 64, 70])).toBe("matmul_nn_tiled");
    expect(nameOf("nt", [512, 8, 64])).toBe("matmul_nt_narrow_32x8");
    expect(nameOf("nt", [512, 9, 64])).toBe("matmul_nt_narrow_32x12_scalar");
    expect(nameOf("nn", [16, 8, 64])).toBe("matmul_nn_8x32");
    expect(nameOf("nn", [64, 64, 64], { subgroupSize: 0 })).toBe("matmul_nn_tiled");
    expect(nameOf("nn", [4, 300, 64], { subgroupSize: 0 })).toBe("matmul_nn_naive");
    expect(nameOf("nn", [8, 256, 2])).toBe("matmul_nn_naive");
    expect(nameOf("nn", [8, 256, 2], { isSoftware: false, subgroupSize: 0 })).toBe("matmul_nn_tiled");
    expect(nameOf("nn", [16, 16, 300], { subgroupSize: 0 })).toBe("matmul_nn_naive");
    expect(nameOf("nn", [64, 64, 64], { driver: "swiftshader", subgroupSize: 4 })).toBe("matmul_nn_16x64");
  });

  it("refuse more products than a dispatch has, and say how many", () => {
    const target = { driver: "other", isSoftware: false, subgroupSize: 0, maxInvocations: 256 } as const;
    const sizes = { ...plainSizes("nn", [1, 1, 1]), batch: 65_536, inner: 65_536 };
    expect(() => matmulDispatch("nn", sizes, { target })).toThrow(
      "matmul: 65536 products are more than the 65,535 of one dispatch",
    );
  });
});
