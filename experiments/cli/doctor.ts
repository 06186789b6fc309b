// deno task doctor [--device NAME] [--json]
import { advice } from "../terminal/describe_device.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";

/** Flags of the command. */
export const FLAGS = {
  ...COMMON,
  device: {
    ...COMMON.device,
    help: "swiftshader, lavapipe, browser (the runtime's own WebGPU), or part of a device's name",
  },
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP = `Says which device computes here, what it can do, how fast it is, and what would be faster.

  deno task doctor [--device NAME] [--json]

${flagHelp(FLAGS)}`;

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { openDevice } = await import("../../mod.ts"); // all that computes, which help goes without
  const { measureCopy, measureProduct, productSize } = await import("../runner/measure.ts");
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
