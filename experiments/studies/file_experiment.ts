import type { RunFile, RunSpec } from "../../lib/experiment/specs/mod.ts";
import { settingsLines } from "../../lib/experiment/tables/mod.ts";
import type { Inputs } from "../runner/data/inputs.ts";
import type { Experiment } from "../runner/run_grid.ts";
import { estimateRuns } from "./glue/estimate.ts";
import { planDocument, planText } from "./glue/plan_text.ts";
import { pathsOfValues, settingsTable, settingWords } from "./settings_table.ts";

/** Dotted paths at which a file's runs differ, beside those that lines and tables name anyway. */
export function variedPaths({ axes, runs }: RunFile, specs: readonly RunSpec[]): string[] {
  const named = ["task", "method.name", "seed", "experiment"];
  const paths = new Set([...Object.keys(axes ?? {}), ...(runs ?? []).flatMap((one) => Object.keys(one))]);
  // What is counted or hashed differs with the task.
  return pathsOfValues([...paths], specs).filter((path) =>
    !named.includes(path) && !/^data\.|hash$|^kind$|^metric$|^start\.run$/.test(path)
  );
}

/** The runs of a configuration file as an experiment: each is named by what sets it apart from the others. */
export function fileExperiment(
  file: RunFile,
  { specs, inputs, out }: { readonly specs: readonly RunSpec[]; readonly inputs: Inputs; readonly out: string },
): Experiment {
  const paths = variedPaths(file, specs);
  const title = (spec: RunSpec) =>
    [spec.task, spec.method.name, ...settingWords(spec, paths), `seed ${spec.seed}`].join(" ");
  return {
    inputs,
    specs,
    describe: (recorded) => [`runs: ${specs.length}; ${recorded} of them recorded in ${out}`],
    async plan(open, engine) {
      if (!engine) return;
      const estimates = await estimateRuns(open, { device: engine.device, inputs });
      return {
        document: { specs: open, ...planDocument(estimates) },
        text: planText(estimates, { engine, notes: [open.map(title).join("\n")] }),
      };
    },
    async run({ runSpecs }) {
      const records = await runSpecs(specs, { title });
      return { records, parts: [settingsTable(records, paths), settingsLines(records).join("\n")] };
    },
  };
}
