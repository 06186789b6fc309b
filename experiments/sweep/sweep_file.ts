import * as v from "valibot";
import {
  canonicalJson,
  hashSpec,
  parseSpec,
  type RunFileInputs,
  type RunSpec,
} from "../../lib/experiment/specs/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";

/** Who runs tasks: this machine, or Slurm. */
export const LAUNCHERS = ["local", "slurm"] as const;

/** What a cluster is asked for. */
const OptionsSchema = v.strictObject({
  launcher: v.picklist(LAUNCHERS),
  /** Most tasks at once. */
  arrayLimit: v.optional(v.number()),
  /** The time limit of a task, in the cluster's own form. */
  time: v.optional(v.string()),
  partition: v.optional(v.string()),
  /** Devices of a task, such as `gpu:1`. */
  gres: v.optional(v.string()),
  account: v.optional(v.string()),
  /** Lines of shell before the command, such as those that load modules. */
  preamble: v.optional(v.array(v.string())),
  /** Whether a task that comes to its limit, or whose node fails, goes on in another attempt. */
  requeue: v.optional(v.boolean()),
  /** Seconds before the limit at which a task is told to save its state. */
  grace: v.optional(v.number()),
});

/** How tasks are launched. */
export type LaunchOptions = Readonly<v.InferOutput<typeof OptionsSchema>>;

const TaskSchema = v.strictObject({ name: v.string(), runs: v.pipe(v.array(v.string()), v.minLength(1)) });

/** Runs that are trained by one command, in a folder of their own; each is named by its spec's hash. */
export type SweepTask = v.InferOutput<typeof TaskSchema>;

const FileSchema = v.strictObject({
  version: v.literal(1),
  options: OptionsSchema,
  /** The folder that tasks run in: places of models and data may be relative to it. */
  cwd: v.string(),
  /** The words of a task's command, in which {@linkcode TASK} stands for the task's folder. */
  command: v.array(v.string()),
  tasks: v.array(TaskSchema),
  specs: v.array(v.unknown()),
});

/** What stands for a task's folder in its command. */
export const TASK = "{task}";

/** A sweep: a grid's runs in tasks, and how these are launched. */
export interface Sweep extends Omit<v.InferOutput<typeof FileSchema>, "specs" | "version"> {
  /** All runs by hash, in the grid's order. */
  readonly specs: ReadonlyMap<string, RunSpec>;
}

/** A sweep that is kept in a folder of records. */
export interface KeptSweep extends Sweep {
  /** The folder of records. */
  readonly out: string;
}

/** Where the sweep of a folder of records lies. */
export function sweepFolder(out: string): string {
  return `${out}/sweep`;
}

/** Where a task's records lie until they are collected. */
export function taskFolder(out: string, task: string): string {
  return `${sweepFolder(out)}/tasks/${task}`;
}

/** The sweep of a folder of records; `undefined` where none is planned. Throws an Error where its file is damaged. */
export async function readSweep(out: string): Promise<KeptSweep | undefined> {
  const path = `${sweepFolder(out)}/plan.json`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const { version: _, specs, ...rest } = v.parse(FileSchema, JSON.parse(text));
    const parsed = specs.map(parseSpec);
    const hashes = await Promise.all(parsed.map(hashSpec));
    return { ...rest, out, specs: new Map(hashes.map((hash, i) => [hash, parsed[i]])) };
  } catch (error) {
    throw new Error(`cannot read the sweep's plan ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes a sweep into its folder of records. */
export async function writeSweep({ out, specs, ...rest }: KeptSweep): Promise<void> {
  const head = JSON.stringify({ version: 1, ...rest }, undefined, 2).replace(/\n}$/, "");
  const lines = [...specs.values()].map((spec) => `    ${canonicalJson(spec)}`).join(",\n");
  await writeAtomically(`${sweepFolder(out)}/plan.json`, `${head},\n  "specs": [\n${lines}\n  ]\n}\n`);
}

/** Where inputs lie, as files of runs name them. */
export type SweepInputs = RunFileInputs;
