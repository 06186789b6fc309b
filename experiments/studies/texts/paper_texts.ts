import type { PaperTable } from "../../../lib/experiment/tables/mod.ts";
import type { TextTaskName } from "../../recipes/texts.ts";

type Mark = "published" | "recalled";

function row(
  method: string,
  source: string,
  mark: Mark,
  figures: Readonly<Record<string, string>>,
): PaperTable {
  return {
    method,
    source,
    figures: Object.fromEntries(Object.entries(figures).map(([metric, figure]) => [metric, [figure, mark]])),
  };
}

const e2e = (bleu: string, nist: string, meteor: string, rougeL: string, cider: string) => ({
  bleu,
  nist,
  meteor,
  rougeL,
  cider,
});

const webnlg = (bleuUnseen: string, bleuSeen: string, bleu: string) => ({ bleu, bleuSeen, bleuUnseen });

const xsum = (rouge1: string, rouge2: string, rougeL: string) => ({ rougeL, rouge1, rouge2 });

const [LORA, ADALORA, DELTA] = ["LoRA paper", "AdaLoRA paper", "Delta-LoRA paper"];

/**
 * The papers' figures by metric: GPT-2 Medium on E2E and WebNLG 2017 (2106.09685; Delta-LoRA's own, 2309.02411, as
 * recalled), BART-Large on XSum (2303.10512), where Delta-LoRA's row is not known.
 */
export const PAPER_TEXTS: Readonly<Record<TextTaskName, readonly PaperTable[]>> = {
  e2e: [
    row("full", LORA, "published", e2e("68.2", "8.62", "46.2", "71.0", "2.47")),
    row("lora", LORA, "published", e2e("70.4", "8.85", "46.8", "71.8", "2.53")),
    row("lora", DELTA, "recalled", e2e("69.60", "8.78", "45.61", "71.12", "2.45")),
    row("dylora", DELTA, "recalled", e2e("67.89", "8.50", "44.07", "70.52", "2.26")),
    row("adalora", DELTA, "recalled", e2e("68.16", "8.58", "44.10", "70.66", "2.35")),
    row("delta-lora", DELTA, "recalled", e2e("70.84", "8.91", "46.47", "72.24", "2.53")),
  ],
  webnlg: [
    row("full", LORA, "published", webnlg("27.7", "64.2", "46.5")),
    row("lora", LORA, "published", webnlg("46.7", "62.1", "55.3")),
  ],
  xsum: [
    row("full", ADALORA, "published", xsum("45.49", "22.33", "37.26")),
    row("lora", ADALORA, "published", xsum("43.40", "20.20", "35.20")),
    row("adalora", ADALORA, "published", xsum("44.35", "21.13", "36.13")),
  ],
};
