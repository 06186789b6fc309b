// grid_process.ts FOLDER PARALLEL: a small grid on no device, for tests that kill it; a line in starts.txt for each run
import { grid } from "../../../lib/experiment/specs/grid.ts";
import { runAll } from "../../../lib/experiment/records/run_all.ts";
import { TrainingFailed } from "../../../lib/train/mod.ts";
import { sampleCurve, sampleResult, sampleSpec } from "../samples.ts";

const [out, parallel] = Deno.args;
const began = performance.now();
const specs = grid({ ...sampleSpec(), seed: [0, 1, 2, 3, 4, 5] }, { "method.rank": [2, 4, 8] });

const records = runAll(specs, {
  out,
  parallel: Number(parallel),
  parquet: true,
  isModified: false,
  onStart: (index) => Deno.writeTextFileSync(`${out}/starts.txt`, `${index}\n`, { append: true }),
  run: async ({ seed, method }) => {
    await new Promise((done) => setTimeout(done, 30));
    if (seed === 3 && method.rank === 4) throw new TrainingFailed("the loss is NaN at step 2");
    const seconds = (performance.now() - began) / 1000; // differs from process to process
    return sampleResult({
      metrics: { matthewsCorrelation: 1 / (seed + 3), accuracy: Math.sqrt(Number(method.rank)) / 7 },
      curve: sampleCurve(200).map((point) => ({ ...point, loss: point.loss / (seed + 1), elapsedSeconds: seconds })),
      wallSeconds: seconds,
      stepsPerSecond: 200 / seconds,
      peakBytes: Deno.pid,
    });
  },
});
for await (const _ of records);
