import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { tableMarkdown } from "../../../lib/experiment/tables/table.ts";
import { duration } from "../../../lib/text/duration.ts";
import { totalOf } from "../glue/estimate.ts";
import type { StudyRuns } from "./specs.ts";

/** What studies will run, a row a study: runs that an earlier one has are not counted again, and time is of what is open. */
export function studiesTable(studies: readonly StudyRuns[], { seconds }: {
  /** Of those that are open. */
  readonly seconds: (specs: readonly RunSpec[]) => ReadonlyMap<RunSpec, number>;
}): string {
  const seen = new Set<RunSpec>();
  return tableMarkdown(studies.map(({ study, runs }) => {
    const specs = runs.flatMap(({ specs }) => specs);
    const own = specs.filter((spec) => !seen.has(spec));
    own.forEach((spec) => seen.add(spec));
    return {
      study: study.name,
      conditions: runs.length,
      runs: specs.length,
      "of its own": own.length,
      time: duration(totalOf(seconds(own).values())),
      question: study.question,
    };
  }));
}
