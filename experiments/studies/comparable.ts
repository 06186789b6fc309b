import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { type EncoderSize, sizeOfName } from "../suite/encoders.ts";

const SHARED = "Our methods saw the same data, steps and encoder.";

/** How an encoder of the suite is called where it is held against the papers'. */
const SMALL: Readonly<Record<EncoderSize, string>> = { small: "two small layers", base: "four small layers" };

/** What tables of such runs can and cannot say. */
export function comparable({ data, model }: Pick<RunSpec, "data" | "model">): string {
  const size = model.source === undefined ? sizeOfName(model.name) ?? "small" : undefined;
  if (data.source === "module") {
    return `Not comparable with the papers: the task is one of your own. ${SHARED}`;
  }
  if (data.source === "suite") {
    const encoder = size ? `the encoder has ${SMALL[size]}` : `the encoder is ${model.name}`;
    return `Not comparable with the papers: our tasks are generated in GLUE's format, and ${encoder}. ` +
      "What can be compared is our methods with each other, which saw the same data, steps and encoder.";
  }
  if (size) {
    return `Only roughly comparable with the papers: the data are GLUE's own, but the encoder has ${SMALL[size]} and ` +
      `never saw natural text, where the papers' is RoBERTa-base. ${SHARED}`;
  }
  if (!/(^|\/)roberta-base$/.test(model.name)) {
    return `Only roughly comparable with the papers: the data are GLUE's own, but the encoder is ${model.name}, where ` +
      `the papers' is RoBERTa-base. ${SHARED}`;
  }
  return "Comparable with the papers as far as the settings above are theirs and the data are GLUE's whole files: the " +
    "papers print the median of 5 seeds, and took the best epoch on the split that they print.";
}
