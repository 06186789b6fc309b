import type { RunRecord } from "../../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { ownSeconds } from "../../../lib/experiment/statistics/scored_runs.ts";
import { verdictSentence } from "../../../lib/experiment/statistics/say_verdict.ts";
import { duration } from "../../../lib/text/duration.ts";
import { plural } from "../../../lib/text/plural.ts";
import { totalOf } from "../glue/estimate.ts";
import { heldOf, POINTS } from "./findings.ts";
import type { Section } from "./section.ts";
import { AblationPlan, distinctRuns } from "./specs.ts";
import { FROM_FIRST } from "./studies/scale.ts";
import { STUDIES } from "./studies/mod.ts";
import { DELTA, LORA, SCALED } from "./studies/study.ts";
import { sizeOf } from "./swept.ts";

/** What the studies are to say in the end: two conditions of a study, and what is asked of them. */
export interface Question {
  readonly text: string;
  readonly study: string;
  readonly method: string;
  readonly against: string;
  /** The tasks that it is of; whichever the study ran on where they are absent. */
  readonly tasks?: readonly string[];
}

const scale = (text: string, method: string, against: string): Question => ({ text, study: "scale", method, against });
const recall = (method: string, against: string): Question => ({
  text: `Does ${method} keep more random pairs than ${against}?`,
  ...{ study: "recall", method, against, tasks: ["recall"] },
});

/** All that is asked; of those whose studies and conditions there are. */
export const QUESTIONS: readonly Question[] = [
  scale("Does Delta-LoRA do better than LoRA?", DELTA.name, LORA.name),
  scale("Does Delta-LoRA do better than LoRA at (1+λ)α?", DELTA.name, SCALED.name),
  scale("Is Delta-LoRA with K = −1 anything else than LoRA at (1+λ)α?", FROM_FIRST, SCALED.name),
  recall("full", LORA.name),
  recall("full", DELTA.name),
  recall("relora", DELTA.name),
  recall("galore", DELTA.name),
  recall("hira", DELTA.name),
].filter(({ study, method, against }) => {
  const conditions = STUDIES.find(({ name }) => name === study)?.conditions ?? [];
  return [method, against].every((wanted) => conditions.some(({ name }) => name === wanted));
});

/** A question with what is known of it. */
export interface Answer extends Question {
  /** A verdict, or what an answer would take. */
  readonly answer: string;
}

/** The verdict of a study that ran. */
function verdictIn({ comparison, pairs }: Section, { method, against }: Question): string {
  const held = [...pairs, ...heldOf(comparison)].find((one) => one.method === method && one.against === against);
  if (!held) throw new Error(`internal: no study holds ${method} against ${against}`);
  const { level, margin } = comparison;
  return `${verdictSentence(held, { ...POINTS, level, margin })}.`;
}

/** Seconds of a machine that runs will take, by those of the same method that ran, or of the slowest. */
export function expectedSeconds(specs: readonly RunSpec[], records: readonly RunRecord[]): number {
  const paces = new Map<string, number>();
  for (const record of records) {
    const { method: { name }, steps, model, batchSize } = record.spec;
    const pace = (ownSeconds(record) ?? 0) / (steps * model.length * batchSize);
    paces.set(name, Math.max(paces.get(name) ?? 0, pace));
  }
  const slowest = Math.max(0, ...paces.values());
  return totalOf(
    specs.map(({ method: { name }, steps, model, batchSize }) =>
      (paces.get(name) ?? slowest) * steps * model.length * batchSize
    ),
  );
}

/** What answers of a study would take that did not run. */
async function costOf(name: string, plan: AblationPlan, records: readonly RunRecord[]): Promise<string> {
  const studies = STUDIES.filter((study) => study.name === name);
  const own = new AblationPlan(plan.inputs, studies, plan.options);
  const specs = distinctRuns(await own.runs(), await own.sweeps());
  return `Not asked here: the study ${name} takes ${plural(specs.length, "run")}, about ` +
    `${duration(expectedSeconds(specs, records))}.`;
}

/** Whether a question is of the tasks on which its study runs, with so much asked for. */
function isOnTasks({ study, tasks }: Question, { options }: AblationPlan): boolean {
  if (!tasks) return true;
  const own = sizeOf(STUDIES.find(({ name }) => name === study)!, options).tasks;
  return new Set<string>(own).symmetricDifference(new Set(tasks)).size === 0;
}

/**
 * Each question with its verdict, or with what an answer would take where its study did not run; none where none ran. Those
 * of certain tasks are left out where others are asked for.
 */
export async function answersOf(
  sections: readonly Section[],
  { plan, records }: { readonly plan: AblationPlan; readonly records: readonly RunRecord[] },
): Promise<Answer[]> {
  const sectionOf = ({ study }: Question) => sections.find(({ studyRuns }) => studyRuns.study.name === study);
  const asked = QUESTIONS.filter((question) => isOnTasks(question, plan));
  if (!asked.some(sectionOf)) return [];
  const costs = new Map<string, Promise<string>>();
  return await Promise.all(asked.map(async (question) => {
    const section = sectionOf(question);
    if (section) return { ...question, answer: verdictIn(section, question) };
    if (!costs.has(question.study)) costs.set(question.study, costOf(question.study, plan, records));
    return { ...question, answer: await costs.get(question.study)! };
  }));
}

/** Questions and answers as a list in Markdown. */
export function answerLines(answers: readonly Answer[]): string[] {
  return answers.map(({ text, answer }) => `- **${text}** ${answer}`);
}
