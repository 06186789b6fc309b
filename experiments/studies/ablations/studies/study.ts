import type { Axes, RunSpec } from "../../../../lib/experiment/specs/mod.ts";
import type { AblationSizeName, StudySize } from "./study_size.ts";

/** One way to train that a study looks at. */
export interface Condition {
  /** As tables of the study call it. */
  readonly name: string;
  /** A recipe of `experiments/recipes/methods.ts`. */
  readonly method: string;
  /** What stands at dotted paths of its specs in place of the recipe's: values, or functions of the spec so far. */
  readonly set?: Axes;
  /** The method whose recipe's rate, or the rate that its sweep chose, it has so many times, in place of one of its own. */
  readonly rate?: { readonly of: string; readonly times: number };
  /** The most directions that the change of a layer can have, where that is known beforehand. */
  readonly bound?: (spec: RunSpec) => number;
  /** Where it stands on the study's axis, by line of the figure. */
  readonly at?: Readonly<Record<string, number>>;
}

/** What a study's figure shows. */
export type StudyFigure =
  /** Scores against an axis, of conditions that say where they stand on it. */
  | { readonly kind: "axis"; readonly label: string }
  /** Differences to the baseline. */
  | { readonly kind: "differences" }
  /** Scores of the sweep against the learning rate. */
  | { readonly kind: "rates" }
  /** Differences of two conditions seed by seed, and how their interval narrows. */
  | { readonly kind: "seeds"; readonly method: string }
  /** Scores against peak memory, with those that none beats in both. */
  | { readonly kind: "memory" }
  /** Cosine similarity of W_0 and W_T, layer by layer. */
  | { readonly kind: "cosines" }
  /** Effective rank of the change, and scores by task, a row a condition. */
  | { readonly kind: "ranks" };

/** A question, and the runs that answer it. */
export interface Study {
  /** The name by which `--only` asks for it; its figure is `<name>.svg`. */
  readonly name: string;
  readonly title: string;
  /** In one sentence. */
  readonly question: string;
  /** What conditions share beyond what all runs do, or how they are made. */
  readonly notes?: readonly string[];
  readonly conditions: readonly Condition[];
  /** The condition that all others are held against. */
  readonly baseline: string;
  /** Conditions that are held against each other beside that: a method, and what it is held against. */
  readonly pairs?: readonly (readonly [method: string, against: string])[];
  readonly figure: StudyFigure;
  /** Paths of specs in which conditions differ beside their methods and learning rates. */
  readonly mayDiffer?: readonly string[];
  /** What it has otherwise than all studies at a size, unless flags say it. Sweeps are its own where `sweepsTasks` is set. */
  readonly size?: (name: AblationSizeName) => Partial<StudySize>;
  /** Whether each task has rates of its own, as tasks are of other kinds. */
  readonly sweepsTasks?: boolean;
  /**
   * Whether each condition with a rank stands at that at which it trains as many parameters as the baseline, and at that at
   * which its state has as many bytes, as near as it comes.
   */
  readonly equals?: boolean;
  /** Whether conditions are held against the baseline on each task, too. */
  readonly comparesTasks?: boolean;
  /** Whether each condition has a sweep of its own, not each method with its optimizer. */
  readonly sweepsEach?: boolean;
  /** Whether what training did to queries and values is measured, and told. */
  readonly measuresChange?: boolean;
  /** Whether scores stand by task, too, as papers print them. */
  readonly showsTasks?: boolean;
  /** Whether it runs on the many seeds that show a spread. */
  readonly hasManySeeds?: boolean;
  /** Whether it runs only where `--only` names it, or its group. */
  readonly isExtra?: boolean;
  /** Studies that `--only` asks for together by this name. */
  readonly group?: string;
}

/** LoRA as the recipe has it. */
export const LORA: Condition = { name: "lora", method: "lora" };

/** Delta-LoRA as the recipe has it. */
export const DELTA: Condition = { name: "delta-lora", method: "delta-lora" };

/** LoRA at (1+λ)α from the first step on. */
export const SCALED: Condition = { name: "lora at (1+λ)α", method: "lora-scaled" };

/** LoRA that goes over to (1+λ)α after step K. */
export const SWITCHED: Condition = { name: "lora to (1+λ)α after K", method: "lora-switched" };
