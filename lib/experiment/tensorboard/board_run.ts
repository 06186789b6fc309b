import type { RunRecord } from "../records/record.ts";
import type { RunSpec } from "../specs/run_spec.ts";
import { keysOf } from "../../text/keys_of.ts";
import { type BoardEvent, eventFile } from "./event_file.ts";
import { experimentValue, sessionEnd, sessionStart } from "./hyperparameters.ts";
import { block, type Encoded, float, join } from "./protobuf.ts";
import { CURVE_TAGS, scoreTag } from "./tags.ts";

/** When what is written was made. */
export interface BoardTime {
  /** Seconds since 1970, at which the run or the experiment began. */
  readonly began: number;
}

/** A scalar in the older form, which TensorBoard reads as one of its plugin for scalars. */
function scalar(tag: string, value: number): Encoded {
  return join([block(1, tag), float(2, value)]);
}

/**
 * A run as the bytes of an event file of TensorBoard's: loss, learning rate and norm of gradients of each logged step,
 * all of its scores at the step of the state that they are of, and for the tab of hyperparameters all settings of its
 * spec by dotted paths and how it ended. The same record and time give the same bytes.
 *
 * @example
 * ```ts
 * import { boardRun, type RunRecord } from "@delta-dawn/delta-lora/experiment";
 *
 * const keep = (record: RunRecord, began: number) =>
 *   Deno.writeFile("board/run/events.out.tfevents.0", boardRun(record, { began }));
 * ```
 */
export function boardRun({ spec, status, result }: RunRecord, { began }: BoardTime): Uint8Array<ArrayBuffer> {
  const curve = result?.curve ?? [];
  const ended = began + (result?.wallSeconds ?? 0);
  const scores = Object.entries(result?.metrics ?? {}).sort(([a], [b]) => a < b ? -1 : 1);
  const events: BoardEvent[] = [
    { time: began, step: 0, values: [sessionStart(spec, began)] },
    ...curve.map((point) => ({
      time: began + point.elapsedSeconds,
      step: point.step,
      values: keysOf(CURVE_TAGS).map((name) => scalar(CURVE_TAGS[name], point[name])),
    })),
    ...scores.length === 0 ? [] : [{
      time: ended,
      step: result?.bestStep ?? spec.steps,
      values: scores.map(([name, score]) => scalar(scoreTag(spec, name), score)),
    }],
    { time: ended, step: 0, values: [sessionEnd(status, ended)] },
  ];
  return eventFile(began, events);
}

/**
 * What the runs of an experiment vary and are scored by, as the bytes of an event file of TensorBoard's for the folder
 * above those of its runs: the columns of the tab of hyperparameters.
 *
 * @example
 * ```ts
 * import { boardExperiment, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * const keep = (specs: readonly RunSpec[], began: number) =>
 *   Deno.writeFile("board/events.out.tfevents.0", boardExperiment(specs, { began }));
 * ```
 */
export function boardExperiment(specs: readonly RunSpec[], { began }: BoardTime): Uint8Array<ArrayBuffer> {
  return eventFile(began, [{ time: began, step: 0, values: [experimentValue(specs, began)] }]);
}
