import { lockFlags } from "../../experiments/runner/locked.ts";
import type { CompileResult } from "../report/document.ts";
import { denoFolder, withEmptyCaches } from "./startup.ts";
import { timingOf } from "../measure/turns.ts";

/** What is compiled. */
export type CompileWork =
  | { readonly kind: "chain"; readonly shape: readonly number[]; readonly steps: number; readonly isJitted: boolean }
  | { readonly kind: "training"; readonly layers: number; readonly parts: number }
  | { readonly kind: "update"; readonly parameters: number };

/** A case by its name. */
export interface CompileCase {
  readonly name: string;
  readonly work: CompileWork;
}

/** Everything whose compiling is measured; of a quick run the smallest of each kind. */
export function compileCases(isQuick: boolean): CompileCase[] {
  const chains = [[8], [512, 512]].flatMap((shape) =>
    [false, true].map((isJitted): CompileCase => ({
      name: `3,000 element-wise steps on ${shape.join(" × ")}, ${isJitted ? "jitted" : "eager"}`,
      work: { kind: "chain", shape, steps: 3000, isJitted },
    }))
  );
  const trainings = [[12, 1], [12, 4], [12, 16], [12, 32], [24, 1]].map(([layers, parts]): CompileCase => ({
    name: `LoRA, ${layers} layers${parts > 1 ? `, ${parts} batches a step` : ""}`,
    work: { kind: "training", layers, parts },
  }));
  const updates = [1000, 10_000].map((parameters): CompileCase => ({
    name: `AdamW on ${parameters.toLocaleString("en")} parameters`,
    work: { kind: "update", parameters },
  }));
  return isQuick ? [chains[0], trainings[0], updates[0]] : [...chains, ...trainings, ...updates];
}

async function start(
  name: string,
  { env, device }: { readonly env: Record<string, string>; readonly device?: string },
): Promise<{ seconds: number; pipelines: number; dispatches: number }> {
  const script = new URL("./compile_case.ts", import.meta.url);
  const args = [
    "run",
    "--quiet",
    ...lockFlags(),
    "--allow-all",
    script.href,
    name,
    ...device === undefined ? [] : [device],
  ];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`compiling ${name} failed: ${text.decode(stderr).trim()}`);
  return JSON.parse(text.decode(stdout));
}

/** Measures what passes before a first step, each in a process of its own: with empty caches, then with what they got. */
export async function measureCompile(options: {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly device?: string;
  readonly onCase: (name: string) => void;
}): Promise<CompileResult[]> {
  const packages = await denoFolder();
  const results: CompileResult[] = [];
  for (const { name } of compileCases(options.isQuick)) {
    options.onCase(name);
    const cold: number[] = [];
    const warm: number[] = [];
    let counts = { pipelines: 0, dispatches: 0 };
    for (let round = 0; round < options.rounds; round++) {
      await withEmptyCaches(packages, async (env) => {
        const first = await start(name, { env, device: options.device });
        cold.push(first.seconds);
        warm.push((await start(name, { env, device: options.device })).seconds);
        counts = first;
      });
    }
    const { pipelines, dispatches } = counts;
    results.push({ name, pipelines, dispatches, cold: timingOf(cold), warm: timingOf(warm) });
  }
  return results;
}
