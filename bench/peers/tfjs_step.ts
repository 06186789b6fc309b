import type { Tf } from "./packages.ts";
import { paced } from "../../lib/device/settle.ts";
import { ADAMW, MODEL_EPSILON, type StepContender, type StepInputs, STEPS_PER_RUN } from "../cases/peer.ts";

type Tensors = Readonly<Record<string, Tf.Tensor>>;

/** Mean cross-entropy of the encoder, layer by layer as lib/models/bert.ts computes it. */
function lossFunction(
  tf: typeof Tf,
  { model, batch: plain }: StepInputs,
): { loss: (params: Tensors) => Tf.Scalar; held: Tf.Tensor[] } {
  const { hiddenSize: C, heads: H, layers, batch: [B, T] } = model;
  const d = C / H;
  const inputIds = tf.tensor1d(plain.inputIds, "int32");
  const tokenTypeIds = tf.tensor1d(plain.tokenTypeIds, "int32");
  const penalty = tf.tensor(Float32Array.from(plain.attentionMask, (seen) => seen ? 0 : -1e30), [B, 1, 1, T]);
  const target = tf.oneHot(tf.tensor1d(plain.labels, "int32"), model.labels);

  const loss = (params: Tensors): Tf.Scalar => {
    const norm = (x: Tf.Tensor, name: string) => {
      const { mean, variance } = tf.moments(x, -1, true);
      const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, MODEL_EPSILON)));
      return tf.add(tf.mul(normal, params[`${name}.weight`]), params[`${name}.bias`]);
    };
    const dense = (x: Tf.Tensor, name: string) =>
      tf.add(tf.matMul(x, params[`${name}.weight`], false, true), params[`${name}.bias`]);
    const gelu = (x: Tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    const split = (x: Tf.Tensor) => tf.transpose(tf.reshape(x, [B, -1, H, d]), [0, 2, 1, 3]);

    const embeddings = "bert.embeddings";
    const words = tf.gather(params[`${embeddings}.word_embeddings.weight`], inputIds);
    const types = tf.gather(params[`${embeddings}.token_type_embeddings.weight`], tokenTypeIds);
    const positions = tf.slice(params[`${embeddings}.position_embeddings.weight`], [0, 0], [T, C]);
    const summed = tf.add(tf.reshape(tf.add(words, types), [B, T, C]), positions);
    let x: Tf.Tensor = tf.reshape(norm(summed, `${embeddings}.LayerNorm`), [B * T, C]);
    for (let i = 0; i < layers; i++) {
      const layer = `bert.encoder.layer.${i}`;
      const self = `${layer}.attention.self`;
      const key = split(dense(x, `${self}.key`));
      const value = split(dense(x, `${self}.value`));
      // Only the first token goes into the head: the last layer needs no queries of others.
      if (i === layers - 1) x = tf.reshape(tf.slice(tf.reshape(x, [B, T, C]), [0, 0, 0], [B, 1, C]), [B, C]);
      const query = split(dense(x, `${self}.query`));
      const scores = tf.add(tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(d)), penalty);
      const mixed = tf.matMul(tf.softmax(scores), value);
      const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, C]);
      const attended = dense(joined, `${layer}.attention.output.dense`);
      x = norm(tf.add(attended, x), `${layer}.attention.output.LayerNorm`);
      const widened = gelu(dense(x, `${layer}.intermediate.dense`));
      x = norm(tf.add(dense(widened, `${layer}.output.dense`), x), `${layer}.output.LayerNorm`);
    }
    const logits = dense(tf.tanh(dense(x, "bert.pooler.dense")), "classifier");
    return tf.mul(tf.sum(tf.mul(tf.logSoftmax(logits), target)), -1 / B) as Tf.Scalar;
  };
  return { loss, held: [inputIds, tokenTypeIds, penalty, target] };
}

/** The training step of full fine-tuning in TensorFlow.js, whose own Adam has no decay. */
export function tfjsStep(tf: typeof Tf, name: string, inputs: StepInputs): StepContender {
  const { learningRate, weightDecay, beta1, beta2, epsilon } = ADAMW;
  const names = Object.keys(inputs.params);
  const tensors = names.map((key) => tf.tensor(inputs.params[key].data, [...inputs.params[key].shape]));
  let params: Tf.Tensor[] = tensors;
  let [mu, nu]: Tf.Tensor[][] = [tensors.map((x) => tf.zerosLike(x)), tensors.map((x) => tf.zerosLike(x))];
  let steps = 0;
  let last: Tf.Tensor | undefined;
  const { loss, held } = lossFunction(tf, inputs);
  const valueAndGrads = tf.valueAndGrads((...values: Tf.Tensor[]) =>
    loss(Object.fromEntries(names.map((key, i) => [key, values[i]])))
  );

  const step = () => {
    steps++;
    const [correction1, correction2] = [1 - beta1 ** steps, 1 - beta2 ** steps];
    const next = tf.tidy(() => {
      const { value, grads } = valueAndGrads(params);
      const first = mu.map((m, i) => tf.add(tf.mul(m, beta1), tf.mul(grads[i], 1 - beta1)));
      const second = nu.map((v, i) => tf.add(tf.mul(v, beta2), tf.mul(tf.square(grads[i]), 1 - beta2)));
      const moved = params.map((p, i) => {
        const root = tf.add(tf.sqrt(tf.div(second[i], correction2)), epsilon);
        const update = tf.add(tf.div(tf.div(first[i], correction1), root), tf.mul(p, weightDecay));
        return tf.sub(p, tf.mul(update, learningRate));
      });
      return { value, first, second, moved };
    });
    tf.dispose([...params, ...mu, ...nu, ...last ? [last] : []]);
    [params, mu, nu, last] = [next.moved, next.first, next.second, next.value];
  };

  return {
    name,
    perRun: STEPS_PER_RUN,
    async run() {
      for (let i = 0; i < STEPS_PER_RUN; i++) step();
      const corner = tf.slice(tf.reshape(params[0], [-1]), [0], [1]);
      await paced(corner.data());
      corner.dispose();
    },
    async gradients() {
      const { value, grads } = valueAndGrads(params);
      const gradients: Record<string, ArrayLike<number>> = {};
      for (const [i, key] of names.entries()) gradients[key] = await paced(grads[i].data());
      const [result] = await paced(value.data());
      tf.dispose([value, ...grads]);
      return { loss: result, gradients };
    },
    async loss() {
      return (await paced(last!.data()))[0];
    },
    close: () => tf.dispose([...params, ...mu, ...nu, ...held, ...last ? [last] : []]),
  };
}
