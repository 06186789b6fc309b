/** How a figure is known: `published` was confirmed against a second source, `recalled` was not. */
export type Mark = "published" | "recalled";

/** A row of the papers' GLUE tables: RoBERTa-base on the dev splits. */
export interface PaperRow {
  readonly method: string;
  readonly source: string;
  /** Figures in per cent by task, with their mark. */
  readonly figures: Readonly<Record<string, readonly [figure: string, mark: Mark]>>;
}

const TASKS = ["mnli", "sst2", "mrpc", "cola", "qnli", "qqp", "rte", "stsb"] as const;

function row(
  method: string,
  source: string,
  figures: string,
  mark: Mark,
  others: Readonly<Record<string, Mark>> = {},
): PaperRow {
  const list = figures.split(" ");
  return {
    method,
    source,
    figures: Object.fromEntries(TASKS.map((task, i) => [task, [list[i], others[task] ?? mark] as const])),
  };
}

/**
 * GLUE dev, RoBERTa-base: Matthews for CoLA, Pearson for STS-B, accuracy elsewhere. From 2106.09685 (LoRA) and
 * 2309.02411 (Delta-LoRA).
 */
export const PAPER_GLUE: readonly PaperRow[] = [
  row("full", "LoRA paper", "87.6 94.8 90.2 63.6 92.8 91.9 78.7 91.2", "published"),
  row("lora", "LoRA paper", "87.5±.3 95.1±.2 89.7±.7 63.4±1.2 93.3±.3 90.8±.1 86.6±.7 91.5±.2", "published"),
  row("lora", "Delta-LoRA paper", "87.40 94.62 89.97 63.17 93.02 90.66 86.64 91.54", "recalled"),
  row("dylora", "Delta-LoRA paper", "86.33 94.26 89.46 61.12 92.22 90.17 84.47 91.06", "recalled"),
  row("adalora", "Delta-LoRA paper", "87.34 94.49 90.19 61.64 93.08 90.14 85.19 91.16", "recalled"),
  row("delta-lora", "Delta-LoRA paper", "87.50 95.06 90.19 63.82 93.09 90.87 87.00 91.57", "recalled", {
    mrpc: "published",
    sst2: "published",
  }),
];
