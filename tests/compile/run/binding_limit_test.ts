import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../../lib/compile/open_device.ts";
import { Device, requestDevice } from "../../../lib/device/mod.ts";
import { fromConfig } from "../../../lib/models/mod.ts";
import { crossEntropy, type Params } from "../../../lib/nn/mod.ts";
import { add, embedding, matmul, random, sum } from "../../../lib/ops/mod.ts";
import { sgd } from "../../../lib/optim/mod.ts";
import { lora } from "../../../lib/peft/mod.ts";
import { tensor, treeLeaves } from "../../../lib/tensor/mod.ts";
import { init, makeStep } from "../../../lib/train/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { TEST_DEVICE } from "../../support/devices.ts";
import { type TinyBatch, tinyBatch } from "../../support/tiny.ts";

const LIMIT = 2 ** 20;
const over = (mib: string) => `${mib} MiB are over this device's limit of 1.0 MiB for one tensor`;
/** So many numbers on the host, of which nobody looks at one. */
const numbers = (...shape: number[]) =>
  tensor(new Float32Array(shape.reduce((product, size) => product * size)), { shape });

describe("tensors larger than a device can bind", () => {
  let device: Device;
  beforeAll(async () => {
    const { gpu, report } = await requestDevice({ device: TEST_DEVICE });
    // No device goes below WebGPU's 128 MiB, which would be much to compute with here.
    device = new Device(gpu, { ...report, limits: { ...report.limits, maxStorageBufferBindingSize: LIMIT } });
    useDevice(device);
  });
  afterAll(() => device.done());

  /** Expects a RangeError, and that no memory was taken. */
  async function refuses(run: () => Promise<unknown>, ...messages: string[]): Promise<void> {
    await device.done();
    const before = device.memory().liveBytes;
    const error: unknown = await run().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RangeError);
    for (const message of messages) expect((error as Error).message).toContain(message);
    expect((error as Error).message).toContain(device.report.name);
    expect(device.memory().liveBytes).toBe(before);
  }

  it("are refused with shape, bytes and cures: a table, eagerly", async () => {
    const lookUp = () => embedding(numbers(1000, 400), tensor([1], { dtype: "i32" })).data();
    await refuses(
      () => lookUp(),
      `cannot compute with a tensor, f32 [1000, 400], as its ${over("1.5")}`,
      'keep it in f16, which takes 0.8 MiB (`model.weights` f16, or dtype: "f16" of models.paramsFrom)',
      "cut it down to 655 rows",
      "open another device",
    );
  });

  it("are refused by their name: a vocabulary's table in a step of training", async () => {
    const sizes = { hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2, max_position_embeddings: 16 };
    const model = fromConfig({ model_type: "bert", vocab_size: 9000, ...sizes }, {
      head: "classification",
      dropout: 0,
    });
    const base = Object.fromEntries(model.shapes.map(([name, shape]) => [name, numbers(...shape)]));
    const [method, optimizer] = [lora({ rank: 2, alpha: 4, targets: ["query"] }), sgd({ learningRate: 1 })];
    const state = init(random.key(0), base, { method, optimizer });
    for (const leaf of treeLeaves(state.trainable)) await leaf.data();
    const loss = (params: Params, batch: TinyBatch) => crossEntropy(model.apply(params, batch), batch.labels);
    const step = jit(makeStep({ loss, method, optimizer }), { donate: [0], names: ["state", "batch"] });
    await refuses(
      () => step(state as never, tinyBatch(0)),
      `cannot compute with state.base.bert.embeddings.word_embeddings.weight, f32 [9000, 32], as its ${over("1.1")}`,
      "keep it in f16, which takes 0.5 MiB",
      "cut it down to 8192 rows",
    );
  });

  it("are refused by operation and shape: a result that a batch makes too large, with and without jit", async () => {
    const product = (x: ReturnType<typeof numbers>) => matmul(x, x, { transposeB: true });
    const message = `cannot compute the result of matmul, f32 [600, 600], as its ${over("1.4")}`;
    const cure = "use smaller batches (train.makeAccumulatedStep adds them up) or shorter texts, or another device";
    const x = numbers(600, 3);
    await refuses(() => product(x).data(), message, cure);
    await refuses(() => jit(product)(x), message, cure);
    await refuses(() => sum(product(x)).data(), message, cure);
  });

  it("are no matter where nothing of that size is ever stored", async () => {
    const x = numbers(1000, 1);
    expect(await sum(add(x, numbers(1, 1000))).item()).toBe(0);
  });

  it("are taken up to the last byte, where the size class is over the limit", () => {
    for (const limit of [LIMIT - 4, 900_000]) {
      const { gpu, report } = device;
      const narrow = new Device(gpu, { ...report, limits: { ...report.limits, maxStorageBufferBindingSize: limit } });
      const buffer = narrow.acquire(limit - 16);
      expect(buffer.size).toBeLessThanOrEqual(limit);
      expect(buffer.size).toBeGreaterThanOrEqual(limit - 16);
      expect(() => narrow.acquire(limit + 4)).toThrow("over this device's limit");
      narrow.release(buffer);
    }
  });

  it("leave the device as it was: the next function runs", async () => {
    const double = jit((x: ReturnType<typeof numbers>) => add(x, x));
    expect(await (await double(tensor([1, 2]))).data()).toEqual(Float32Array.of(2, 4));
  });
});
