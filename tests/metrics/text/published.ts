import { quotedRows } from "../../../lib/data/table/quoted_rows.ts";
import { hasSharedData, readSharedText } from "../../data/shared_data.ts";

/** Outputs of a system with their references. */
export interface Outputs {
  readonly hypotheses: string[];
  readonly references: string[][];
}

/** Whether systems' outputs with published scores are there. */
export const hasOutputs: boolean = hasSharedData("scorers/e2e/tgen.tsv.gz") && hasSharedData("nlg/e2e");

const lines = (text: string) => text.replace(/\n$/, "").split("\n");

/** TGen's outputs for E2E's test set, with all that people wrote for the same meaning. */
export async function readE2e(): Promise<Outputs> {
  const table = async (path: string, delimiter: string) => {
    const { rows } = await quotedRows((await readSharedText(path)).trimEnd(), { delimiter });
    return rows.slice(1).map(({ cells }) => cells.map(String));
  };
  const texts = new Map<string, string[]>();
  for (const [meaning, text] of await table("nlg/e2e/testset_w_refs.csv.gz", ",")) {
    texts.set(meaning, [...texts.get(meaning) ?? [], text]);
  }
  const hypotheses = (await table("scorers/e2e/tgen.tsv.gz", "\t")).map(([, text]) => text);
  return { hypotheses, references: [...texts.values()] };
}

/** The baseline's outputs for WebNLG 2017's test set: all categories, those that were trained on, and new ones. */
export async function readWebnlg(part: "all" | "old" | "new"): Promise<Outputs> {
  const read = async (name: string) => lines(await readSharedText(`scorers/webnlg2017/${name}.gz`));
  const hypotheses = await read(`Baseline_${part}-cat.txt`);
  const columns = await Promise.all([0, 1, 2].map((n) => read(`gold-${part}-cat-reference${n}.lex`)));
  return { hypotheses, references: hypotheses.map((_, row) => columns.map((column) => column[row])) };
}

/** Summaries of a convolutional model for XSum's test set. */
export async function readXsum(): Promise<{ hypotheses: string[]; references: string[] }> {
  const read = async (name: string) => lines(await readSharedText(`scorers/xsum/${name}.gz`));
  return { hypotheses: await read("convs2s-test-output.txt"), references: await read("gold-test-sentences.txt") };
}
