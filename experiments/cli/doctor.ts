// deno task doctor [--device NAME] [--json]
import { parseArgs } from "@std/cli/parse-args";
import { openDevice } from "../../mod.ts";
import { advice } from "../terminal/describe_device.ts";
import { checkValues, refuseUnknown } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { measureCopy, measureProduct, productSize } from "../runner/measure.ts";

/** What `--help` prints. */
export const HELP = `Says which device computes here, what it can do, how fast it is, and what would be faster.

  deno task doctor [--device NAME] [--json]

  --device NAME   swiftshader, lavapipe, browser (the runtime's own WebGPU), or part of a device's name
  --json          one JSON document on standard output, all else on standard error
  --verbose       with the warnings that Dawn has for every software device
  --help          this text`;

/** Flags of the command. */
export const FLAGS = { boolean: ["json", "verbose", "help"], string: ["device"] } as const;

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) });
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  if (flags.help) return console.log(HELP);
  using device = await openDevice({
    device: flags.device,
    report: (line) => console.error(line),
    verbose: flags.verbose,
  });
  const { report } = device;
  const size = productSize(device);
  const gflops = await measureProduct(device, size);
  const gigabytes = await measureCopy(device);
  const result = {
    device: report.name,
    source: report.source,
    driver: report.driver,
    isSoftware: report.isSoftware,
    subgroupSize: report.subgroupSize,
    features: report.features,
    limits: Object.fromEntries(LIMITS.map((name) => [name, device.limits[name]])),
    productSize: size,
    gflopsPerSecond: gflops,
    gigabytesPerSecond: gigabytes,
    faster: advice(report),
  };
  if (flags.json) return console.log(JSON.stringify(result));
  const rows = [
    ["device", `${report.name} (${report.source}${report.isSoftware ? ", in software" : ""})`],
    ["driver", report.driver || "does not tell"],
    ["subgroups", report.subgroupSize > 0 ? `of ${report.subgroupSize}` : "none, or of no fixed size"],
    ["features", report.features.join(" ") || "none"],
    ...LIMITS.map((name) => [name, device.limits[name].toLocaleString("en")]),
    [`product of ${size} × ${size}`, `${gflops.toFixed(1)} GFLOP/s`],
    ["read and write", `${gigabytes.toFixed(1)} GB/s`],
    ["faster", advice(report)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`);
}

if (import.meta.main) await runCommand("doctor", main, { json: Deno.args.includes("--json") });
