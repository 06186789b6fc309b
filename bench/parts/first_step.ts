// A program as users write it, from its imports to its first finished step; startup.ts starts it and reads its line.
//   deno run -A bench/parts/first_step.ts [DEVICE]
import { jit, openDevice, optim, peft, random, train } from "../../mod.ts";
import { lossOf, SMALL, tensorBatch } from "../cases/models.ts";

/** Milliseconds since 1970: the one clock that two processes share. */
const now = () => performance.timeOrigin + performance.now();

const imported = now();
using device = await openDevice({ device: Deno.args[0] });
const opened = now();

const { encoder, loss } = lossOf(SMALL, { dropout: 0.1 });
const method = peft.deltaLora({ rank: 8, alpha: 16, lambda: 0.5, startStep: -1, targets: ["query", "value"] });
const optimizer = optim.adamw({ learningRate: 1e-3, weightDecay: 0.01 });
const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0] });
const state = train.init(random.key(1), encoder.init(random.key(0)), { method, optimizer });
const [, metrics] = await step(state, tensorBatch(SMALL));
const value = await metrics.loss.item();
await device.done();

const finished = now();
const slowest = device.slowestPipeline?.milliseconds;
console.log(
  JSON.stringify({ imported, opened, finished, loss: value, pipelines: device.counters().pipelines, slowest }),
);
