import { type Jax, PEER_PACKAGES } from "./packages.ts";
import { paced } from "../../lib/device/settle.ts";
import { EPSILON, type KernelCase, type KernelContender, repeatsOf, storedShapes } from "../cases/kernel_case.ts";
import { jaxStep } from "./jax_step.ts";
import { loadPeer } from "./load.ts";
import type { Peer } from "../cases/peer.ts";

type Arrays = readonly Jax.numpy.Array[];

/** The jitted function of a case; like all of jax-js it consumes its arguments. */
function operationOf(
  { numpy: np, nn, jit }: typeof Jax,
  work: KernelCase,
): (...args: Jax.numpy.Array[]) => Jax.numpy.Array {
  if (work.kind === "product") {
    const flip = (x: Jax.numpy.Array, is: boolean) => is ? np.swapaxes(x, -1, -2) : x;
    return jit((A: Jax.numpy.Array, B: Jax.numpy.Array) =>
      np.matmul(flip(A, work.layout === "tn"), flip(B, work.layout === "nt"))
    );
  }
  if (work.operation === "softmax") return jit((x: Jax.numpy.Array) => nn.softmax(x, -1));
  if (work.operation === "GELU") return jit((x: Jax.numpy.Array) => nn.gelu(x, { approximate: false }));
  return jit((x: Jax.numpy.Array, weight: Jax.numpy.Array, bias: Jax.numpy.Array) =>
    nn.standardize(x, -1, { epsilon: EPSILON }).mul(weight).add(bias)
  );
}

/** jax-js on one of its backends. Throws where the package or the backend is not there. */
export async function jaxPeer(backend: "webgpu" | "wasm"): Promise<Peer> {
  const jax = await loadPeer<typeof Jax>(PEER_PACKAGES.jax);
  const name = `jax-js ${backend}`;
  if (!(await paced(jax.init(backend))).includes(backend)) throw new Error(`${name}: the backend does not start here`);
  // Both backends live in one process: whoever computes says on which.
  const choose = () => void jax.defaultDevice(backend);
  const put = async (data: Float32Array<ArrayBuffer>, shape: readonly number[]) =>
    await paced(jax.devicePut(jax.numpy.array(data, { shape: [...shape] }), backend)) as Jax.numpy.Array;

  return {
    name,
    async kernel(work, inputs): Promise<KernelContender> {
      choose();
      const perRun = repeatsOf(work);
      const apply = operationOf(jax, work);
      const args: Arrays = work.kind === "product"
        ? [await put(inputs.left, storedShapes(work).left), await put(inputs.right, storedShapes(work).right)]
        : [
          await put(inputs.left, [work.rows, work.n]),
          ...work.operation === "layer norm"
            ? [await put(inputs.weight, [work.n]), await put(inputs.bias, [work.n])]
            : [],
        ];
      const compute = () => apply(...args.map((arg) => arg.ref));
      return {
        name,
        perRun,
        async run() {
          choose();
          const results = Array.from({ length: perRun }, compute);
          for (const result of results) await paced(result.blockUntilReady());
          for (const result of results) result.dispose();
        },
        async result() {
          choose();
          return await paced(compute().data());
        },
        close: () => args.forEach((arg) => arg.dispose()),
      };
    },
    async step(inputs) {
      choose();
      return await jaxStep(jax, { name, choose, put, inputs });
    },
  };
}
