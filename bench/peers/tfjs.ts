import { PEER_PACKAGES, type Tf } from "./packages.ts";
import { paced } from "../../lib/device/settle.ts";
import {
  EPSILON,
  type KernelCase,
  type KernelContender,
  type KernelInputs,
  repeatsOf,
  storedShapes,
} from "../cases/kernel_case.ts";
import { loadPeer } from "./load.ts";
import type { Peer } from "../cases/peer.ts";
import { tfjsStep } from "./tfjs_step.ts";

const NAME = "tfjs webgpu";

/** The function of a case, and what it is applied to. */
function operationOf(
  tf: typeof Tf,
  work: KernelCase,
  inputs: KernelInputs,
): { apply: () => Tf.Tensor; held: Tf.Tensor[] } {
  if (work.kind === "product") {
    const shapes = storedShapes(work);
    const [A, B] = [tf.tensor(inputs.left, shapes.left), tf.tensor(inputs.right, shapes.right)];
    return { held: [A, B], apply: () => tf.matMul(A, B, work.layout === "tn", work.layout === "nt") };
  }
  const x = tf.tensor(inputs.left, [work.rows, work.n]);
  if (work.operation === "softmax") return { held: [x], apply: () => tf.softmax(x) };
  if (work.operation === "GELU") {
    return { held: [x], apply: () => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)) };
  }
  const [weight, bias] = [tf.tensor1d(inputs.weight), tf.tensor1d(inputs.bias)];
  return {
    held: [x, weight, bias],
    apply: () => {
      const { mean, variance } = tf.moments(x, -1, true);
      const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPSILON)));
      return tf.add(tf.mul(normal, weight), bias);
    },
  };
}

/** TensorFlow.js on its WebGPU backend. Throws where the package or the backend is not there. */
export async function tfjsPeer(): Promise<Peer> {
  const tf = await loadPeer<typeof Tf>(PEER_PACKAGES.tfjs);
  await loadPeer(PEER_PACKAGES.tfjsWebgpu);
  if (!await paced(tf.setBackend("webgpu"))) throw new Error(`${NAME}: the backend does not start here`);
  await paced(tf.ready());
  return {
    name: NAME,
    kernel(work, inputs): Promise<KernelContender> {
      const perRun = repeatsOf(work);
      const { apply, held } = operationOf(tf, work, inputs);
      return Promise.resolve({
        name: NAME,
        perRun,
        async run() {
          const results = Array.from({ length: perRun }, () => tf.tidy(apply));
          const last = results[perRun - 1];
          // tfjs has no other way to wait than to read: one element is enough.
          const corner = tf.slice(last, last.shape.map(() => 0), last.shape.map(() => 1));
          await paced(corner.data());
          tf.dispose([...results, corner]);
        },
        async result() {
          const result = tf.tidy(apply);
          const data = await paced(result.data());
          result.dispose();
          return data;
        },
        close: () => tf.dispose(held),
      });
    },
    step: (inputs) => Promise.resolve(tfjsStep(tf, NAME, inputs)),
  };
}
