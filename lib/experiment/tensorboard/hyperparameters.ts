import type { RunRecord } from "../records/record.ts";
import { leavesOf } from "../specs/leaves.ts";
import type { RunSpec } from "../specs/run_spec.ts";
import { block, double, type Encoded, join, whole } from "./protobuf.ts";
import { scoreTag } from "./tags.ts";

/** What TensorBoard's plugin for hyperparameters calls ends of runs. */
const STATUS = { finished: 1, failed: 2 } as const;

/** What a hyperparameter may be. */
type Setting = string | number | boolean;

function isSetting(value: unknown): value is Setting {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** A spec's settings by dotted paths, sorted; versions of its form are none. */
export function settingsOf(spec: RunSpec): readonly (readonly [path: string, value: Setting])[] {
  return leavesOf(spec).flatMap(([path, value]) =>
    isSetting(value) && path !== "version" ? [[path, value] as const] : []
  ).sort(([a], [b]) => a < b ? -1 : 1);
}

/** A message `google.protobuf.Value`. */
function valueOf(setting: Setting): Encoded {
  if (typeof setting === "number") return double(2, setting);
  return typeof setting === "string" ? block(3, setting) : whole(4, Number(setting));
}

/** A tensor without elements, which the plugin's values carry. */
const NULL_TENSOR = [whole(1, 1), block(2, [block(2, [])])];

/** A value of the plugin's: its own message lies in the metadata. */
function pluginValue(tag: string, content: Encoded): Encoded {
  const plugin = block(1, [block(1, "hparams"), block(2, [content])]);
  return join([block(1, tag), block(8, NULL_TENSOR), block(9, [plugin])]);
}

/** Says that a run begins, and with which settings. */
export function sessionStart(spec: RunSpec, time: number): Encoded {
  const settings = settingsOf(spec).map(([path, value]) => block(1, [block(1, path), block(2, [valueOf(value)])]));
  return pluginValue("_hparams_/session_start_info", block(3, [...settings, double(5, time)]));
}

/** Says how a run ended. */
export function sessionEnd(status: RunRecord["status"], time: number): Encoded {
  return pluginValue("_hparams_/session_end_info", block(4, [whole(1, STATUS[status]), double(2, time)]));
}

/** What the plugin calls text. */
const TEXT = 1;

/** What it calls kinds of values. */
function kindOf(setting: Setting): number {
  if (typeof setting === "number") return 3;
  return typeof setting === "boolean" ? 2 : TEXT;
}

/** Most values of a hyperparameter that are listed, to choose runs by. */
const MOST_LISTED = 32;

/** A hyperparameter of an experiment: its name, its kind and, of text and truth values, what it may be. */
function infoOf(path: string, values: readonly Setting[]): Encoded {
  const kinds = new Set(values.map(kindOf));
  const [kind] = kinds.size === 1 ? kinds : [TEXT];
  const listed = values.some((value) => typeof value === "number")
    ? []
    : [...new Set(values)].map((value) => block(1, [valueOf(value)]));
  const domain = listed.length === 0 || listed.length > MOST_LISTED ? [] : [block(5, listed)];
  return block(4, [block(1, path), whole(4, kind), ...domain]);
}

/** What runs vary and are scored by, as one message: settings that differ among them, and their metrics. */
export function experimentValue(specs: readonly RunSpec[], time: number): Encoded {
  const values = new Map<string, Setting[]>();
  for (const spec of specs) {
    for (const [path, value] of settingsOf(spec)) values.set(path, [...values.get(path) ?? [], value]);
  }
  const varied = [...values].filter(([, own]) => own.length < specs.length || new Set(own).size > 1);
  const infos = (varied.length > 0 ? varied : [...values]).sort(([a], [b]) => a < b ? -1 : 1);
  const tags = [...new Set(specs.map((spec) => scoreTag(spec, spec.metric)))].sort();
  return pluginValue(
    "_hparams_/experiment",
    block(2, [
      double(3, time),
      ...infos.map(([path, own]) => infoOf(path, own)),
      ...tags.map((tag) => block(5, [block(1, [block(2, tag)])])),
    ]),
  );
}
