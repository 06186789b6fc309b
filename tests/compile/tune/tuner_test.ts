import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { matmulVariants } from "../../../kernels/choose_matmul.ts";
import { SINGLE_PRODUCT } from "../../../kernels/matmul.ts";
import { type ChoicesFile, readChoices, writeChoices } from "../../../lib/compile/tune/choices_file.ts";
import { compileFunction } from "../../../lib/compile/run/compiled.ts";
import { openDevice, productChoices } from "../../../lib/compile/open_device.ts";
import { Runtime } from "../../../lib/compile/run/runtime.ts";
import { Tuner } from "../../../lib/compile/tune/tuner.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { add, gelu, matmul } from "../../../lib/ops/mod.ts";
import { currentExecutor } from "../../../lib/tensor/executor.ts";
import { idOf, makeTensor, type Tensor } from "../../../lib/tensor/mod.ts";
import { TEST_DEVICE } from "../../support/devices.ts";
import { deviceIdle, testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

const SHAPES = { x: [144, 160], W: [196, 160], b: [196] } as const;
const CLASS = "nt 256x256x256 frozen epilogue";

describe("the tuner", () => {
  let device: Device;
  const args = [SHAPES.x, SHAPES.W, SHAPES.b].map((shape, i) => new Numbers(i).tensor(shape));
  beforeAll(async () => void (device = await testDevice()));
  afterAll(deviceIdle);

  /** Compiles gelu(x Wᵀ + b) with a tuner, and gives the name of its kernel and its result. */
  async function compileWith(tuner: Tuner | undefined): Promise<{ kernel: string; result: number[] }> {
    const runtime = new Runtime(device, { tuner });
    const trace = () => {
      const first = makeTensor([1], "f32", { kind: "host", data: new Float32Array(1) });
      const placeholders = args.map(({ shape }, index) => makeTensor(shape, "f32", { kind: "argument", index }));
      const [x, W, b] = placeholders;
      return {
        placeholders,
        outputs: [gelu(add(matmul(x, W, { transposeB: true }), b))],
        donated: new Set<number>(),
        firstId: idOf(first),
        name: "layer",
      };
    };
    const compiled = await compileFunction(runtime, runtime.tracing(trace));
    const [result] = await compiled.run(args);
    const data = bits(await result.data());
    await compiled.dispose();
    return { kernel: compiled.plan.steps[0].kernel.name, result: data };
  }

  it("changes no bit, whatever it chose", async () => {
    const [m, k] = SHAPES.x;
    const [n] = SHAPES.W;
    const { target } = currentExecutor() as Runtime;
    const sizes = { m, n, k, lda: k, ldb: k, ldc: n, ...SINGLE_PRODUCT };
    const names = [...matmulVariants("nt", sizes, { target, isFrozen: true }).keys()];
    expect(names.length).toBeGreaterThanOrEqual(1 + Number(target.subgroupSize > 0));
    const wanted = await compileWith(undefined);
    const kernels = new Set<string>();
    for (const name of names) {
      const { kernel, result } = await compileWith(new Tuner(device, { known: new Map([[CLASS, name]]) }));
      kernels.add(kernel);
      expect(result.findIndex((word, i) => word !== wanted.result[i])).toBe(-1);
    }
    expect(kernels.size).toBe(names.length);
  });

  it("measures a class once, where it is asked to, and its choice is in force from then on", async () => {
    const learned: string[][] = [];
    const tuner = new Tuner(device, {
      remember: (choices) => Promise.resolve(void learned.push(...choices)),
    });
    const { liveBytes } = device.memory();
    const first = await compileWith(tuner);
    expect(learned).toHaveLength(1);
    expect(learned[0][0]).toBe(CLASS);
    await device.done();
    expect(device.memory().liveBytes).toBeLessThanOrEqual(liveBytes);
    const again = await compileWith(tuner);
    expect(again.kernel).toBe(first.kernel);
    expect(learned).toHaveLength(1);
    expect(tuner.description).toMatch(/^[0-9a-f]{8} \(nt 256x256x256 frozen epilogue: \w+( \d+x\d+)?\)$/);
  });

  it("chooses by its measurements: the variant that takes the least of the clock's time", async () => {
    // Every look at the clock is one further than the last, but for those of the third variant.
    let now = 0;
    let looks = 0;
    const variants = ["a", "b", "c"];
    const clock = () => {
      const candidate = variants[Math.floor(looks++ / 2) % variants.length];
      return now += candidate === "c" ? 0.5 : 1;
    };
    const tuner = new Tuner(device, { clock, remember: () => Promise.resolve() });
    const sizes = { m: 8, n: 8, k: 8, lda: 8, ldb: 8, ldc: 8, batch: 1, inner: 1 };
    const { variantDispatch } = await import("../../../kernels/choose_matmul.ts");
    const dispatch = () =>
      variantDispatch({ kind: "naive" }, "nn", {
        ...sizes,
        ...{ a0: 0, a1: 0, b0: 0, b1: 0, c0: 0, c1: 0, offsetA: 0, offsetB: 0, offsetC: 0 },
      }, { target: (currentExecutor() as Runtime).target });
    const question = { variants: new Map(variants.map((name) => [name, dispatch])), elements: 64 };
    expect(tuner.measured("class", () => question)).toBe(undefined);
    expect(await tuner.learn()).toBe(true);
    expect(tuner.measured("class", () => question)).toBe("c");
    expect(await tuner.learn()).toBe(false);
  });

  it("falls back to the heuristic where the remembered variant cannot do a product, or is unknown", async () => {
    const { kernel } = await compileWith(undefined);
    for (const name of ["texture 3x7", "nonsense"]) {
      expect((await compileWith(new Tuner(device, { known: new Map([[CLASS, name]]) }))).kernel).toBe(kernel);
    }
  });

  it("says that the heuristic decides where nothing was measured", () => {
    expect(new Tuner(device, {}).description).toBe("heuristic");
    expect(productChoices()).toBe("heuristic");
  });
});

describe("the file of the tuner's choices", () => {
  let folder: string;
  const lines: string[] = [];
  const file = (over: Partial<ChoicesFile> = {}): ChoicesFile => ({
    path: `${folder}/cache/products.json`,
    version: "1",
    device: "A | 1",
    report: (line) => void lines.push(line),
    ...over,
  });
  beforeAll(async () => void (folder = await Deno.makeTempDir()));
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("is not needed, and is made with its folder", async () => {
    expect(await readChoices(file())).toEqual(new Map());
    await writeChoices(file(), new Map([["nn 1x1x1", "tiled"]]));
    expect(await readChoices(file())).toEqual(new Map([["nn 1x1x1", "tiled"]]));
    expect([...Deno.readDirSync(`${folder}/cache`)].map(({ name }) => name)).toEqual(["products.json"]);
  });

  it("keeps what others wrote, of the same device and of others", async () => {
    await writeChoices(file(), new Map([["nt 2x2x2", "naive"]]));
    await writeChoices(file({ device: "B | 1" }), new Map([["nn 1x1x1", "buffer 16x4"]]));
    await Promise.all(["x", "y"].map((name) => writeChoices(file({ device: name }), new Map([[name, "tiled"]]))));
    expect(await readChoices(file())).toEqual(new Map([["nn 1x1x1", "tiled"], ["nt 2x2x2", "naive"]]));
    expect(await readChoices(file({ device: "B | 1" }))).toEqual(new Map([["nn 1x1x1", "buffer 16x4"]]));
  });

  it("is whole at every moment while several processes write", async () => {
    const script = `
      import { readChoices, writeChoices } from "${new URL(
      "../../../lib/compile/tune/choices_file.ts",
      import.meta.url,
    )}";
      const file = { path: Deno.args[0], version: "1", device: Deno.args[1], report: (line) => { throw new Error(line); } };
      for (let i = 0; i < 40; i++) {
        await writeChoices(file, new Map([["class " + i, "tiled"]]));
        await readChoices(file);
      }`;
    const path = file().path;
    const writers = ["p", "q"].map((device) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-config", "--allow-read", "--allow-write", "-", path, device],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn()
    );
    const outputs = await Promise.all(writers.map(async (child) => {
      const input = child.stdin.getWriter();
      await input.write(new TextEncoder().encode(script));
      await input.close();
      return await child.output();
    }));
    for (const { code, stderr } of outputs) expect([code, new TextDecoder().decode(stderr)]).toEqual([0, ""]);
    const last = await Promise.all(["p", "q"].map((device) => readChoices(file({ device }))));
    expect(last.some((choices) => choices.get("class 39") === "tiled")).toBe(true);
    expect([...Deno.readDirSync(`${folder}/cache`)].map(({ name }) => name)).toEqual(["products.json"]);
  });

  it("says nothing of other kernels, and is replaced by what is measured of them", async () => {
    const other = file({ version: "2" });
    expect(await readChoices(other)).toEqual(new Map());
    await writeChoices(other, new Map([["nn 4x4x4", "tiled"]]));
    expect(await readChoices(other)).toEqual(new Map([["nn 4x4x4", "tiled"]]));
    expect(await readChoices(file())).toEqual(new Map());
  });

  it("is read where an older version wrote it, which called devices adapters", async () => {
    await Deno.writeTextFile(file().path, '{"version":"1","adapters":{"A | 1":{"nn 1x1x1":"tiled"}}}');
    expect(await readChoices(file())).toEqual(new Map([["nn 1x1x1", "tiled"]]));
    await writeChoices(file(), new Map([["nt 2x2x2", "naive"]]));
    expect(JSON.parse(await Deno.readTextFile(file().path)))
      .toEqual({ version: "1", devices: { "A | 1": { "nn 1x1x1": "tiled", "nt 2x2x2": "naive" } } });
    expect(lines).toEqual([]);
  });

  it("is set aside with a message where it is damaged", async () => {
    for (const text of ["{", "[]", '{"version":"1"}', '{"version":"1","devices":{"A | 1":{"x":3}}}']) {
      await Deno.writeTextFile(file().path, text);
      lines.length = 0;
      expect(await readChoices(file())).toEqual(new Map());
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain("products.json is damaged (");
      expect(lines[0]).toContain("kernels are chosen without it");
      expect(await Deno.readTextFile(`${file().path}.damaged`)).toBe(text);
      await expect(Deno.stat(file().path)).rejects.toThrow(Deno.errors.NotFound);
    }
  });
});

describe("openDevice()", () => {
  it("uses what is remembered in the cache folder, and nothing else changes", async () => {
    const folder = await Deno.makeTempDir();
    const before = Deno.env.get("XDG_CACHE_HOME");
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      using device = await openDevice({ device: TEST_DEVICE, products: "measured" });
      expect(productChoices()).toBe("heuristic");
      const [x, W] = [new Numbers(1).tensor([160, 160]), new Numbers(2).tensor([196, 160])];
      const { jit } = await import("../../../lib/transform/mod.ts");
      const f = jit((x: Tensor, W: Tensor) => matmul(x, W, { transposeB: true }));
      const y = bits(await (await f(x, W)).data());
      const choices = productChoices();
      expect(choices).toContain("nt 256x256x256 frozen:");
      f.dispose();
      await device.done();
      using again = await openDevice({ device: TEST_DEVICE });
      expect(productChoices()).toBe(choices);
      const g = jit((x: Tensor, W: Tensor) => matmul(x, W, { transposeB: true }));
      const [x2, W2] = [new Numbers(1).tensor([160, 160]), new Numbers(2).tensor([196, 160])];
      expect(bits(await (await g(x2, W2)).data())).toEqual(y);
      g.dispose();
      await again.done();
    } finally {
      if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", before);
      await Deno.remove(folder, { recursive: true });
    }
  });
});
