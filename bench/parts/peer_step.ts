import { random } from "../../mod.ts";
import { worstGradientDifference } from "../measure/difference.ts";
import type { Measured, PeerStepResult } from "../report/document.ts";
import { type BenchModel, describeModel, lossOf, plainBatch } from "../cases/models.ts";
import type { Peer, PlainParams, StepContender, StepInputs } from "../cases/peer.ts";
import { takeTurns } from "../measure/turns.ts";

/** Gradients further apart than this, relative to the largest of their parameter, are not of the same model. */
const GRADIENT_TOLERANCE = 1e-3;
/** Losses further apart than this are not of the same model. */
const LOSS_TOLERANCE = 1e-4;

/** Parameters and batch of a model as plain arrays. */
export async function stepInputs(model: BenchModel): Promise<StepInputs> {
  const made = lossOf(model, { dropout: 0 }).encoder.init(random.key(0));
  const params: Record<string, PlainParams[string]> = {};
  for (const [name, tensor] of Object.entries(made)) {
    params[name] = { shape: tensor.shape, data: Float32Array.from(await tensor.data()) };
    tensor.dispose();
  }
  return { model, params, batch: plainBatch(model) };
}

/** What {@linkcode measurePeerStep} needs. */
export interface PeerStepOptions {
  /** Ours first; the others are held against it. Those that cannot train are passed over. */
  readonly contenders: readonly Peer[];
  readonly rounds: number;
  readonly onContender: (name: string) => void;
  readonly onTrouble: (kind: "left out" | "disagrees", message: string) => void;
}

/** The same step of full fine-tuning with AdamW for everybody who trains, in turns; losses and gradients must agree. */
export async function measurePeerStep(model: BenchModel, options: PeerStepOptions): Promise<PeerStepResult> {
  const { contenders, rounds, onContender, onTrouble } = options;
  const inputs = await stepInputs(model);
  const found: { step: StepContender; difference?: number; loss: number }[] = [];
  let wanted: Awaited<ReturnType<StepContender["gradients"]>> | undefined;
  for (const peer of contenders) {
    if (!peer.step) continue;
    onContender(peer.name);
    try {
      const step = await peer.step(inputs);
      const got = await step.gradients();
      const difference = wanted && worstGradientDifference(got.gradients, wanted.gradients);
      const apart = Math.abs(got.loss - (wanted ?? got).loss);
      wanted ??= got;
      if (apart <= LOSS_TOLERANCE && (difference === undefined || difference <= GRADIENT_TOLERANCE)) {
        found.push({ step, difference, loss: got.loss });
      } else {
        await step.close();
        onTrouble("disagrees", `${peer.name}: the step's loss differs by ${apart}, its gradients by ${difference}`);
      }
    } catch (error) {
      if (peer === contenders[0]) throw error;
      onTrouble("left out", `${peer.name}: the step: ${error instanceof Error ? error.message : error}`);
    }
  }
  const timings = await takeTurns(found.map(({ step }) => step), { rounds });
  const measured = found.map(({ step: { name }, difference, loss }, i): Measured & { readonly loss: number } => (
    { name, timing: timings[i], difference, loss }
  ));
  for (const { step } of found) await step.close();
  return {
    description: `full fine-tuning with AdamW, no dropout, ${describeModel(model)}`,
    contenders: measured,
  };
}
