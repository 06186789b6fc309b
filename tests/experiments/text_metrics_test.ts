import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { GENERATION_METRICS } from "../../experiments/runner/data/text_metrics.ts";
import { hasOutputs, readE2e, readWebnlg } from "../metrics/text/published.ts";

describe("GENERATION_METRICS", () => {
  const test = hasOutputs ? it : it.skip;

  test("have the published scores of TGen on E2E (needs ../shared/data)", async () => {
    const { hypotheses, references } = await readE2e();
    const scored = (name: "bleu" | "nist" | "rougeL") =>
      GENERATION_METRICS.e2e[name](hypotheses, references).score.toFixed(4);
    expect([scored("bleu"), scored("nist"), scored("rougeL")]).toEqual(["0.6593", "8.6094", "0.6850"]);
  });

  test("have the published BLEU of the baseline on WebNLG 2017 (needs ../shared/data)", async () => {
    for (const [part, published] of [["all", 33.24], ["old", 52.39], ["new", 6.13]] as const) {
      const { hypotheses, references } = await readWebnlg(part);
      const { score } = GENERATION_METRICS.webnlg.bleu(hypotheses, references);
      expect([part, 100 * score]).toEqual([part, expect.closeTo(published, 2)]);
    }
  });
});
