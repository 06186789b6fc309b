import type { Jax } from "./packages.ts";
import { paced } from "../../lib/device/settle.ts";
import type { BenchModel } from "../cases/models.ts";
import { ADAMW, MODEL_EPSILON, type StepContender, type StepInputs, STEPS_PER_RUN } from "../cases/peer.ts";

type Array = Jax.numpy.Array;
type Arrays = Record<string, Array>;

/** What {@linkcode jaxStep} needs to know of the backend. */
export interface JaxStepOptions {
  readonly name: string;
  /** Makes the backend the one that computes. */
  readonly choose: () => void;
  readonly put: (data: Float32Array<ArrayBuffer>, shape: readonly number[]) => Promise<Array>;
  readonly inputs: StepInputs;
}

/** Mean cross-entropy of the encoder, layer by layer as lib/models/bert.ts computes it; consumes its arguments. */
function lossFunction({ numpy: np, nn }: typeof Jax, model: BenchModel): (params: Arrays, batch: Arrays) => Array {
  const { hiddenSize: C, heads: H, layers, batch: [B, T] } = model;
  const d = C / H;
  return (params, { inputIds, tokenTypeIds, penalty, target }) => {
    const unused = new Set(Object.keys(params));
    const get = (name: string) => {
      unused.delete(name);
      return params[name];
    };
    const norm = (x: Array, name: string) => {
      const centered = x.ref.sub(np.mean(x, -1, { keepdims: true }));
      const variance = np.mean(np.square(centered.ref), -1, { keepdims: true });
      const scale = np.reciprocal(np.sqrt(variance.add(MODEL_EPSILON)));
      return centered.mul(scale).mul(get(`${name}.weight`)).add(get(`${name}.bias`));
    };
    const dense = (x: Array, name: string) =>
      np.matmul(x, np.transpose(get(`${name}.weight`))).add(get(`${name}.bias`));
    const split = (x: Array) => np.transpose(np.reshape(x, [B, -1, H, d]), [0, 2, 1, 3]);

    const embeddings = "bert.embeddings";
    const words = np.take(get(`${embeddings}.word_embeddings.weight`), inputIds, 0);
    const types = np.take(get(`${embeddings}.token_type_embeddings.weight`), tokenTypeIds, 0);
    const positions = get(`${embeddings}.position_embeddings.weight`).slice([0, T]);
    let x = norm(words.add(types).add(positions), `${embeddings}.LayerNorm`);
    for (let i = 0; i < layers; i++) {
      const layer = `bert.encoder.layer.${i}`;
      const self = `${layer}.attention.self`;
      const key = split(dense(x.ref, `${self}.key`));
      const value = split(dense(x.ref, `${self}.value`));
      // Only the first token goes into the head: the last layer needs no queries of others.
      if (i === layers - 1) x = x.slice([], [0, 1]);
      const query = split(dense(x.ref, `${self}.query`));
      const scores = np.matmul(query, np.swapaxes(key, -1, -2)).mul(1 / Math.sqrt(d)).add(penalty.ref);
      const mixed = np.matmul(nn.softmax(scores, -1), value);
      const joined = np.reshape(np.transpose(mixed, [0, 2, 1, 3]), [B, -1, C]);
      x = norm(dense(joined, `${layer}.attention.output.dense`).add(x), `${layer}.attention.output.LayerNorm`);
      const widened = nn.gelu(dense(x.ref, `${layer}.intermediate.dense`), { approximate: false });
      x = norm(dense(widened, `${layer}.output.dense`).add(x), `${layer}.output.LayerNorm`);
    }
    penalty.dispose();
    const pooled = np.tanh(dense(np.reshape(x, [B, C]), "bert.pooler.dense"));
    const logits = dense(pooled, "classifier");
    for (const name of unused) params[name].dispose();
    return np.sum(nn.logSoftmax(logits, -1).mul(target)).mul(-1 / B);
  };
}

/** One step of AdamW; consumes its arguments. */
function stepFunction(jax: typeof Jax, loss: (params: Arrays, batch: Arrays) => Array) {
  const { numpy: np, valueAndGrad } = jax;
  const { learningRate, weightDecay, beta1, beta2, epsilon } = ADAMW;
  return (params: Arrays, mu: Arrays, nu: Arrays, count: Array, batch: Arrays) => {
    const [value, grads] = valueAndGrad(loss)(jax.tree.ref(params), batch) as [Array, Arrays];
    const next = count.add(1);
    const correction = (beta: number) => np.reciprocal(np.exp(next.ref.mul(Math.log(beta))).mul(-1).add(1));
    const [correction1, correction2] = [correction(beta1), correction(beta2)];
    const [newParams, newMu, newNu]: [Arrays, Arrays, Arrays] = [{}, {}, {}];
    for (const [name, g] of Object.entries(grads)) {
      const first = mu[name].mul(beta1).add(g.ref.mul(1 - beta1));
      const second = nu[name].mul(beta2).add(np.square(g).mul(1 - beta2));
      const root = np.sqrt(second.ref.mul(correction2.ref)).add(epsilon);
      const update = first.ref.mul(correction1.ref).div(root).add(params[name].ref.mul(weightDecay));
      newParams[name] = params[name].sub(update.mul(learningRate));
      newMu[name] = first;
      newNu[name] = second;
    }
    correction1.dispose();
    correction2.dispose();
    return { params: newParams, mu: newMu, nu: newNu, count: next, loss: value };
  };
}

/** The training step of full fine-tuning in jax-js: one jitted function. */
export async function jaxStep(jax: typeof Jax, options: JaxStepOptions): Promise<StepContender> {
  const { name, choose, put, inputs: { model, params: plain, batch: plainBatch } } = options;
  const { numpy: np, jit, tree, valueAndGrad } = jax;
  const [B, T] = model.batch;
  const entries = async (value: (shape: readonly number[], data: Float32Array) => Promise<Array>): Promise<Arrays> => {
    const made: Arrays = {};
    for (const [key, { shape, data }] of Object.entries(plain)) made[key] = await value(shape, data);
    return made;
  };
  const ids = (data: Int32Array) => np.array(Int32Array.from(data), { shape: [B, T], dtype: np.int32 });
  const target = new Float32Array(B * model.labels);
  plainBatch.labels.forEach((label, row) => target[row * model.labels + label] = 1);
  const batch: Arrays = {
    inputIds: ids(plainBatch.inputIds),
    tokenTypeIds: ids(plainBatch.tokenTypeIds),
    penalty: await put(Float32Array.from(plainBatch.attentionMask, (seen) => seen ? 0 : -1e30), [B, 1, 1, T]),
    target: await put(target, [B, model.labels]),
  };
  const loss = lossFunction(jax, model);
  const step = jit(stepFunction(jax, loss));
  let state = {
    params: await entries((shape, data) => put(Float32Array.from(data), shape)),
    mu: await entries((shape, data) => put(new Float32Array(data.length), shape)),
    nu: await entries((shape, data) => put(new Float32Array(data.length), shape)),
    count: await put(new Float32Array(1), []),
  };
  let last: Array | undefined;
  return {
    name,
    perRun: STEPS_PER_RUN,
    async run() {
      choose();
      for (let i = 0; i < STEPS_PER_RUN; i++) {
        const { loss, ...next } = step(state.params, state.mu, state.nu, state.count, tree.ref(batch));
        last?.dispose();
        last = loss;
        state = next;
      }
      await paced(jax.blockUntilReady([last!, ...tree.leaves(state.params)]));
    },
    async gradients() {
      choose();
      const [value, grads] = jit(valueAndGrad(loss))(tree.ref(state.params), tree.ref(batch)) as [Array, Arrays];
      const gradients: Record<string, ArrayLike<number>> = {};
      for (const [key, array] of Object.entries(grads)) gradients[key] = await paced(array.data());
      return { loss: (await paced(value.data()))[0], gradients };
    },
    async loss() {
      return (await paced(last!.ref.data()))[0];
    },
    close() {
      tree.dispose(state);
      tree.dispose(batch);
      last?.dispose();
    },
  };
}
