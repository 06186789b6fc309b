// deno task doctor [--adapter NAME] [--json]
import { parseArgs } from "@std/cli/parse-args";
import { type Device, evaluate, jit, matmul, mul, openDevice, random, type Tensor } from "../mod.ts";
import { fail } from "./command/fail.ts";
import { checkValues, refuseUnknown } from "./command/flags.ts";

const HELP = `Says which adapter computes here, what it can do, how fast it is, and what would be faster.

  deno task doctor [--adapter NAME] [--json]

  --adapter NAME  swiftshader, lavapipe, browser (the runtime's own WebGPU), or part of an adapter's name
  --json          one JSON document on standard output, all else on standard error
  --help          this text`;

const FLAGS = { boolean: ["json", "help"], string: ["adapter"] } as const;

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;

/** Best of several rounds of a jitted function, in seconds a call. */
async function bestSeconds(device: Device, call: () => Promise<unknown>): Promise<number> {
  await call();
  await device.done();
  let best = Infinity;
  const end = performance.now() + 1000;
  for (let round = 0; round < 3 || (round < 30 && performance.now() < end); round++) {
    const began = performance.now();
    await call();
    await device.done();
    best = Math.min(best, (performance.now() - began) / 1000);
  }
  return best;
}

/** A product of n × n matrices, ten in a row, so that waiting counts little. */
async function measureProduct(device: Device, n: number): Promise<number> {
  const [a, b] = await evaluate([0, 1].map((i) => random.normal(random.key(i), [n, n], { std: 1 / Math.sqrt(n) })));
  const times = 10;
  const chain = jit((x: Tensor, y: Tensor) => {
    for (let i = 0; i < times; i++) x = matmul(x, y);
    return x;
  });
  const seconds = await bestSeconds(device, async () => (await chain(a, b)).dispose());
  chain.dispose();
  return 2 * n ** 3 * times / seconds / 1e9;
}

/** A read and a write of many bytes. */
async function measureCopy(device: Device): Promise<number> {
  const count = 2 ** 22;
  const [x] = await evaluate([random.uniform(random.key(2), [count])]);
  const scale = jit((y: Tensor) => mul(y, 2));
  const seconds = await bestSeconds(device, async () => (await scale(x)).dispose());
  scale.dispose();
  return 2 * 4 * count / seconds / 1e9;
}

/** What would compute faster than this adapter. */
export function advice(report: Device["report"]): string {
  if (!report.isSoftware) return "this is a hardware adapter: nothing else to install";
  if (/swiftshader/i.test(report.name)) {
    return "a GPU with its Vulkan driver; without one lavapipe of Mesa 24 or newer, several times as fast as SwiftShader " +
      "(Debian 12, with root: apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1)";
  }
  return "a GPU with its Vulkan driver; of adapters in software this is the fast one";
}

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, { ...FLAGS, unknown: refuseUnknown(FLAGS) });
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  if (flags.help) return console.log(HELP);
  using device = await openDevice({ adapter: flags.adapter, report: (line) => console.error(line) });
  const { report } = device;
  const size = report.isSoftware ? (report.subgroupSize === 8 ? 512 : 256) : 2048;
  const gflops = await measureProduct(device, size);
  const gigabytes = await measureCopy(device);
  const result = {
    adapter: report.name,
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
    ["adapter", `${report.name} (${report.source}${report.isSoftware ? ", in software" : ""})`],
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

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    fail("doctor", error, { json: Deno.args.includes("--json") });
  }
}
