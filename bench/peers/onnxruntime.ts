import { type Onnx, PEER_PACKAGES } from "./packages.ts";
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
import { onnxModel, type OnnxNode } from "./onnx_model.ts";
import type { Peer } from "../cases/peer.ts";

interface Input {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** The nodes of a case for one left operand, its shapes, and what else it reads. */
function graphOf(work: KernelCase, inputs: KernelInputs): {
  readonly left: Input;
  readonly others: Readonly<Record<string, Input>>;
  readonly result: readonly number[];
  readonly nodes: (left: string, result: string) => readonly OnnxNode[];
} {
  if (work.kind === "rows") {
    const shape = [work.rows, work.n];
    const left = { data: inputs.left, shape };
    if (work.operation !== "layer norm") {
      const type = work.operation === "GELU" ? "Gelu" : "Softmax";
      return { left, others: {}, result: shape, nodes: (x, y) => [{ type, inputs: [x], outputs: [y] }] };
    }
    const others = {
      weight: { data: inputs.weight, shape: [work.n] },
      bias: { data: inputs.bias, shape: [work.n] },
    };
    const node = { type: "LayerNormalization", attributes: { epsilon: EPSILON } };
    return { left, others, result: shape, nodes: (x, y) => [{ ...node, inputs: [x, "weight", "bias"], outputs: [y] }] };
  }
  const { layout, batch, m, n } = work;
  const shapes = storedShapes(work);
  const left = { data: inputs.left, shape: shapes.left };
  const others = { B: { data: inputs.right, shape: shapes.right } };
  if (batch === 1) {
    const attributes = { transA: Number(layout === "tn"), transB: Number(layout === "nt") };
    return {
      left,
      others,
      result: [m, n],
      nodes: (a, c) => [{ type: "Gemm", inputs: [a, "B"], outputs: [c], attributes }],
    };
  }
  const transposed = (from: string, to: string): OnnxNode => (
    { type: "Transpose", inputs: [from], outputs: [to], attributes: { perm: [0, 2, 1] } }
  );
  return {
    left,
    others,
    result: [batch, m, n],
    nodes: (a, c) => [
      ...layout === "tn" ? [transposed(a, `${a}T`)] : [],
      ...layout === "nt" ? [transposed("B", `${a}BT`)] : [],
      {
        type: "MatMul",
        inputs: [layout === "tn" ? `${a}T` : a, layout === "nt" ? `${a}BT` : "B"],
        outputs: [c],
      },
    ],
  };
}

/**
 * onnxruntime on its WebGPU or its own processor kernels; it does not train here. It chooses its adapter itself, as the
 * Vulkan loader offers them. Operands come from the host with each call, as its interface has it.
 */
export async function onnxPeer(provider: "webgpu" | "cpu"): Promise<Peer> {
  const { default: ort } = await loadPeer<{ default: typeof Onnx }>(PEER_PACKAGES.onnxruntime);
  const name = `onnxruntime ${provider}`;
  if (!ort.listSupportedBackends().some((backend) => backend.name === provider)) {
    throw new Error(`${name}: this build of onnxruntime-node has no such backend`);
  }
  return {
    name,
    async kernel(work, inputs): Promise<KernelContender> {
      const perRun = repeatsOf(work);
      const { left, others, result, nodes } = graphOf(work, inputs);
      const range = Array.from({ length: perRun }, (_, i) => i);
      const shapes = Object.entries(others).map(([key, { shape }]) => [key, shape]);
      const model = onnxModel({
        nodes: range.flatMap((i) => nodes(`A${i}`, `C${i}`)),
        inputs: { ...Object.fromEntries(range.map((i) => [`A${i}`, left.shape])), ...Object.fromEntries(shapes) },
        outputs: Object.fromEntries(range.map((i) => [`C${i}`, result])),
      });
      // What stays on the device costs no copy; the last result comes to the host, so that a call ends when it is there.
      const location = (i: number) => provider === "webgpu" && i < perRun - 1 ? "gpu-buffer" : "cpu";
      const session = await paced(ort.InferenceSession.create(model, {
        executionProviders: [provider],
        preferredOutputLocation: Object.fromEntries(range.map((i) => [`C${i}`, location(i)])),
        logSeverityLevel: 3,
      }));
      const input = ({ data, shape }: Input) => new ort.Tensor("float32", data, shape);
      const feeds = Object.fromEntries([
        ...range.map((i) => [`A${i}`, input(left)]),
        ...Object.entries(others).map(([key, value]) => [key, input(value)]),
      ]);
      const run = async () => {
        const results = await paced(session.run(feeds));
        const data = results[`C${perRun - 1}`].data as Float32Array;
        for (const tensor of Object.values(results)) tensor.dispose();
        return data;
      };
      return {
        name,
        perRun,
        run: async () => void await run(),
        result: run,
        close: async () => await session.release(),
      };
    },
  };
}
