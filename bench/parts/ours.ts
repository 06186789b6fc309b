import {
  add,
  type Device,
  div,
  gelu,
  jit,
  matmul,
  nn,
  optim,
  type Params,
  peft,
  random,
  reshape,
  slice,
  softmax,
  type Tensor,
  tensor,
  train,
  valueAndGrad,
} from "../../mod.ts";
import { treeDispose } from "../../lib/tensor/mod.ts";
import {
  EPSILON,
  type KernelCase,
  type KernelContender,
  type KernelInputs,
  repeatsOf,
  storedShapes,
} from "../cases/kernel_case.ts";
import { lossOf, tensorBatch } from "../cases/models.ts";
import { ADAMW, type Peer, type StepContender, type StepInputs, STEPS_PER_RUN } from "../cases/peer.ts";

/** What a case computes of its left operand, and that operand's shape. */
function operationOf(
  work: KernelCase,
  inputs: KernelInputs,
): { shape: readonly number[]; apply(left: Tensor): Tensor } {
  if (work.kind === "product") {
    const { left, right } = storedShapes(work);
    const B = tensor(inputs.right, { shape: right });
    const options = { transposeA: work.layout === "tn", transposeB: work.layout === "nt" };
    return { shape: left, apply: (A) => matmul(A, B, options) };
  }
  const shape = [work.rows, work.n];
  if (work.operation === "softmax") return { shape, apply: (x) => softmax(x) };
  if (work.operation === "GELU") return { shape, apply: (x) => gelu(x) };
  const [weight, bias] = [tensor(inputs.weight), tensor(inputs.bias)];
  return { shape, apply: (x) => nn.layerNorm(x, weight, bias, { epsilon: EPSILON }) };
}

/** This library, through its public interface. */
export function ours(device: Device): Peer & Required<Pick<Peer, "step">> {
  return {
    name: "delta-dawn",

    kernel(work, inputs): Promise<KernelContender> {
      const perRun = repeatsOf(work);
      const { shape, apply } = operationOf(work, inputs);
      // Operands of their own: the compiler computes equal work only once.
      const lefts = Array.from({ length: perRun }, () => tensor(inputs.left, { shape }));
      // One number of each result goes out: as in a step, the results themselves stay in the plan's memory.
      const corner = (x: Tensor) => reshape(slice(x, { start: x.shape.map(() => 0), size: x.shape.map(() => 1) }), []);
      const all = jit((operands: readonly Tensor[]) =>
        operands.map((x) => corner(apply(x))).reduce((a, b) => add(a, b))
      );
      const one = jit(apply);
      return Promise.resolve({
        name: "delta-dawn",
        perRun,
        async run() {
          (await all(lefts)).dispose();
          await device.done();
        },
        async result() {
          using result = await one(lefts[0]);
          return await result.data();
        },
        close() {
          all.dispose();
          one.dispose();
          treeDispose(lefts);
        },
      });
    },

    step({ model, params }: StepInputs): Promise<StepContender> {
      const base = Object.fromEntries(
        Object.entries(params).map(([name, { data, shape }]) => [name, tensor(data, { shape })]),
      );
      const batch = tensorBatch(model);
      const { loss } = lossOf(model, { dropout: 0 });
      const method = peft.full();
      const optimizer = optim.adamw(ADAMW);
      const step = jit(train.makeStep({ loss: (p: Params, b: typeof batch) => loss(p, b), method, optimizer }), {
        donate: [0],
      });
      let state = train.init(random.key(0), base, { method, optimizer });
      let metrics: train.StepMetrics | undefined;
      return Promise.resolve({
        name: "delta-dawn",
        perRun: STEPS_PER_RUN,
        async run() {
          for (let i = 0; i < STEPS_PER_RUN; i++) [state, metrics] = await step(state, batch);
          await device.done();
        },
        async gradients() {
          const mean = (p: Params) => {
            const { sum, count } = loss(p, batch);
            return div(sum, count);
          };
          const both = jit(valueAndGrad(mean));
          const { value, grad } = await both(base);
          const gradients: Record<string, ArrayLike<number>> = {};
          for (const [name, tensor] of Object.entries(grad as Record<string, Tensor>)) {
            gradients[name] = await tensor.data();
            tensor.dispose();
          }
          both.dispose();
          return { loss: await value.item(), gradients };
        },
        async loss() {
          if (!metrics) throw new Error("internal: no step was taken yet");
          return await metrics.loss.item();
        },
        close() {
          step.dispose();
          treeDispose(state);
        },
      });
    },
  };
}
