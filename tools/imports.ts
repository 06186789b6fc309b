/** Layers of `lib`, the lowest first: a file imports only from its own layer and those before it. */
export const LAYERS: readonly string[] = [
  "device",
  "tensor",
  "io",
  "ops",
  "compile",
  "transform",
  "data",
  "hub",
  "metrics",
  "nn",
  "models",
  "optim",
  "peft",
  "train",
  "experiment",
];

const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;"']*?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

/** What a file's text imports. */
export function importsOf(source: string): string[] {
  return Array.from(source.matchAll(IMPORT), ([, from, dynamic]) => from ?? dynamic);
}

function layerOf(path: string): string | undefined {
  return path.match(/^lib\/([^/]+)\//)?.[1];
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Imports that go up or out of place, in words; `files` are texts by path from the project's root. */
export function importFaults(files: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  for (const [path, source] of files) {
    for (const specifier of importsOf(source)) {
      if (!specifier.startsWith(".")) {
        if (/^(lib|kernels)\//.test(path) && specifier.startsWith("@std/")) {
          faults.push(`${path} imports ${specifier}: what mod.ts reaches takes nothing from JSR`);
        }
        continue;
      }
      const target = resolve(path, specifier);
      const [own, other] = [layerOf(path), layerOf(target)];
      if (path.startsWith("kernels/") && !target.startsWith("kernels/")) {
        faults.push(`${path} imports ${target}: kernels know nothing of the rest`);
      }
      if (own === undefined) continue;
      if (!LAYERS.includes(own)) faults.push(`${path} lies in lib/${own}, which is no layer`);
      if (other === undefined && !target.startsWith("kernels/")) {
        faults.push(`${path} imports ${target}: lib imports only lib and kernels`);
      }
      if (other !== undefined && LAYERS.indexOf(other) > LAYERS.indexOf(own)) {
        faults.push(`${path} imports ${target}: imports only go down`);
      }
    }
  }
  return faults;
}

/** The texts of all TypeScript files under folders of the project. */
export function readSources(root: URL, folders: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(path, root))) {
      if (isDirectory) visit(`${path}${name}/`);
      else if (name.endsWith(".ts")) files.set(path + name, Deno.readTextFileSync(new URL(path + name, root)));
    }
  };
  folders.forEach((folder) => visit(`${folder}/`));
  return files;
}
