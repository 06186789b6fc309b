import { ProgressBar } from "../../experiments/terminal/progress_bar.ts";
import { openDevice } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import { check, type Verdict } from "./check.ts";
import { generate } from "./generate.ts";
import { print } from "./print.ts";
import type { Program } from "./program.ts";
import { shrink } from "./shrink.ts";

/** How many programs, and on what. */
export interface FuzzOptions {
  readonly programs: number;
  /** Number of the first program. */
  readonly seed: number;
  readonly seconds?: number;
  readonly device?: string;
  /** Whether what fails is written to the programs that a test runs. */
  readonly keeps?: boolean;
  /** Whether to end with the first that fails, as it is. */
  readonly endsWithFirst?: boolean;
}

/** What came of them. */
export interface FuzzReport {
  readonly programs: number;
  readonly failed: number;
  readonly outputs: number;
  /** Results of which every element lies at an edge, where rounding alone can make it anything. */
  readonly skipped: number;
}

const KEPT = new URL("../fixtures/programs/", import.meta.url);

/** Draws and checks programs, and prints what fails; ends with a line that counts. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { programs, seed, seconds = Infinity, device: wanted, keeps = false, endsWithFirst = false } = options;
  const open = () => openDevice({ device: wanted, products: "heuristic", report: () => {} });
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1000;
  let device = await open();
  const bar = new ProgressBar(device.report.name, programs);
  let [done, failed, outputs, skipped] = [0, 0, 0, 0];
  for (; done < programs && elapsed() < seconds; done++) {
    const number = seed + done;
    const program = generate(number);
    const verdict = await check(device, program);
    outputs += verdict.outputs;
    skipped += verdict.skipped;
    if (verdict.fault) {
      failed++;
      bar.end();
      if (endsWithFirst) {
        console.log(`program ${number} fails: ${verdict.fault}`);
        done++;
        break;
      }
      // What a fault did to the device's memory is not for others to find.
      device = await open();
      await tell(device, number, program, verdict, keeps);
      device = await open();
    }
    bar.update(done + 1, `${failed} failed`);
  }
  bar.end();
  console.log(
    `${done} programs: ${failed} failed, ${skipped} of ${outputs} outputs skipped at edges, ${elapsed().toFixed(0)} s`,
  );
  return { programs: done, failed, outputs, skipped };
}

/** Shrinks what failed and prints it. */
async function tell(device: Device, number: number, program: Program, verdict: Verdict, keeps: boolean): Promise<void> {
  console.log(`\nprogram ${number} fails: ${verdict.fault}`);
  const { kind } = await check(device, program);
  if (kind === undefined) {
    console.log("it passes on a device of its own: what ran before it on the same device made it fail");
    return;
  }
  const small = await shrink(program, async (candidate) => (await check(device, candidate)).kind === kind);
  const { fault } = await check(device, small);
  const text = JSON.stringify(small);
  console.log(`shrunk: ${fault}\n${print(small)}\n${text}`);
  if (!keeps) return;
  await Deno.mkdir(KEPT, { recursive: true });
  const path = new URL(`program_${number}.json`, KEPT);
  await Deno.writeTextFile(path, `${text}\n`);
  console.log(`kept in ${path.pathname}`);
}
