import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { type Adapter, adapterMethod, type BaseParams } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights, loadFixture, part } from "../support/encoder.ts";
import { expectClose } from "../support/numbers.ts";
import { caseBatch, checkpointOf, described } from "../support/pretrained.ts";

/** What peft_settings.py wrote of one adapter. */
interface Said {
  /** A model of models.py, or the encoder. */
  readonly base: string | null;
  readonly config: Adapter["config"];
  readonly logits: readonly number[];
}

const fixture = new URL("../fixtures/peft_settings.json", import.meta.url);
const said: Readonly<Record<string, Said>> = JSON.parse(await Deno.readTextFile(fixture)).adapters;
const tensors = await loadFixture("peft_settings");

/** A model, and what it answers with other parameters; compiled once for dense ones. */
interface Answering {
  readonly base: BaseParams;
  readonly answer: (params: Params) => Promise<Tensor>;
}

function answering(name: string | null): Answering {
  if (name === null) {
    const answer = jit((params: Params, batch: ReturnType<typeof encoderBatch>) => encoder.apply(params, batch));
    return { base: encoderWeights(), answer: (params) => answer(params, encoderBatch(0)) };
  }
  const model = fromConfig(described.cases[name].classification.config, { head: "classification" });
  const { params: base } = paramsFrom(checkpointOf(name, "classification"), model, { key: random.key(0) });
  const answer = jit((params: Params, batch: ReturnType<typeof caseBatch>) => model.apply(params, batch));
  return { base, answer: (params) => answer(params, caseBatch(name, 0)) };
}

describe("adapters that PEFT wrote by any of its settings", () => {
  const models = new Map<string | null, Answering>();
  beforeAll(async () => {
    await testDevice();
    for (const { base } of Object.values(said)) if (!models.has(base)) models.set(base, answering(base));
  });
  afterAll(deviceIdle);

  for (const [number, [name, { base: model, config, logits }]] of Object.entries(said).entries()) {
    it(`${name}: gives PEFT's logits here, adapted and merged`, async () => {
      const { base, answer } = models.get(model)!;
      const adapter = { config, tensors: part(tensors, `${number}.`) };
      const { method, trainable, base: changed } = adapterMethod(adapter, base);
      const state = { base: changed, trainable: trainable as never, aux: method.init(random.key(0), changed).aux };
      expectClose(await (await answer(method.merge(state))).data(), logits, 1e-5);
      expectClose(await (await answer(method.adapt(changed, state.trainable, state.aux))).data(), logits, 1e-5);
    });
  }
});
