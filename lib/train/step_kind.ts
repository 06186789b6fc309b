import { isRefreshStep, type Optimizer } from "../optim/optimizer.ts";
import type { Method } from "../peft/method.ts";
import { requireWhole } from "../tensor/shape.ts";

/**
 * Which of a run's programs a step is: an argument of the step that is static, so that each kind is traced and compiled once.
 */
export interface StepKind {
  /** Whether the optimizer refreshes what it keeps, such as projections. */
  readonly isRefresh: boolean;
  /** Whether the method's period ends behind the step. */
  readonly endsPeriod: boolean;
}

/** What steps are of kinds for. */
export interface StepParts {
  /** What is trained, and how. */
  readonly method: Pick<Method, "name" | "period">;
  /** What makes updates of gradients. */
  readonly optimizer: Pick<Optimizer, "refreshEvery">;
}

const KINDS = [false, true].map((isRefresh) =>
  [false, true].map((endsPeriod): StepKind => Object.freeze({ isRefresh, endsPeriod }))
);

/** Throws a RangeError where an interval of steps is no whole number from 1. */
function requireInterval(what: string, steps: number | undefined): void {
  if (steps !== undefined) requireWhole(what, steps, { least: 1, of: "steps" });
}

/**
 * The kind of a step by its number from 0, where optimizer or method has steps of several kinds: every
 * `optimizer.refreshEvery` steps is a refresh, from the first on, and the last of every `method.period` steps ends a period.
 * `undefined` for all steps where they are all alike. The same kind is the same object.
 *
 * Throws a RangeError where an interval is no whole number from 1.
 *
 * @example A loop of one's own
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ W }: dd.Params, x: dd.Tensor) => dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([2]));
 * const optimizer = { ...dd.optim.sgd({ learningRate: 0.5 }), refreshEvery: 2 };
 * const options = { method: dd.peft.full(), optimizer };
 * const step = dd.jit(dd.train.makeStep({ loss, ...options }), { donate: [0] });
 * const kindAt = dd.train.stepKinds(options);
 * let state = dd.train.init(dd.random.key(0), { W: dd.zeros([1, 2]) }, options);
 * for (let i = 0; i < 3; i++) [state] = await step(state, dd.tensor([[1, 0], [0, 1]]), kindAt(i));
 * console.log(await state.step.item(), step.plans().length); // 3 2
 * ```
 */
export function stepKinds({ method, optimizer }: StepParts): (step: number) => StepKind | undefined {
  const { period } = method;
  const { refreshEvery } = optimizer;
  requireInterval("an optimizer's interval between refreshes", refreshEvery);
  requireInterval(`${method.name}: a period`, period);
  if (refreshEvery === undefined && period === undefined) return () => undefined;
  return (step) => {
    const endsPeriod = period !== undefined && (step + 1) % period === 0;
    return KINDS[Number(isRefreshStep(optimizer, step))][Number(endsPeriod)];
  };
}

/**
 * The kind that a step is given, or the one that all steps have where they are alike. Throws a TypeError where none is given
 * and there are several.
 */
export function requireKind({ method, optimizer }: StepParts, kind: StepKind | undefined): StepKind {
  if (kind) return kind;
  const several = [
    optimizer.refreshEvery !== undefined && `the optimizer refreshes every ${optimizer.refreshEvery}`,
    method.period !== undefined && `${method.name} has periods of ${method.period}`,
  ].filter((one) => one !== false);
  if (several.length === 0) return KINDS[0][0];
  throw new TypeError(
    `a step must be told its kind, as ${
      several.join(" and ")
    } steps: give it \`train.stepKinds({ method, optimizer })\` ` +
      "of its number, or `runSteps` as `kindAt`",
  );
}
