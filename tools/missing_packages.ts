import config from "../deno.json" with { type: "json" };

/** Packages of npm by the names under which the project imports them. */
const PACKAGES = config.scopes["./"];

/** Deno's folder for what it fetches: `DENO_DIR`, or its place on this system. */
function denoFolder(): string | undefined {
  const own = Deno.env.get("DENO_DIR");
  if (own) return own;
  const home = Deno.env.get("HOME");
  if (Deno.build.os === "windows") return join(Deno.env.get("LOCALAPPDATA"), "deno");
  if (Deno.build.os === "darwin") return join(home, "Library/Caches/deno");
  return join(Deno.env.get("XDG_CACHE_HOME") || join(home, ".cache"), "deno");
}

const join = (folder: string | undefined, name: string) => folder ? `${folder}/${name}` : undefined;

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Folders of the registries that Deno has fetched packages from: one, but for who has a registry of their own. */
function registries(): string[] {
  const npm = join(denoFolder(), "npm");
  if (!npm || !exists(npm)) return [];
  return [...Deno.readDirSync(npm)].filter(({ isDirectory }) => isDirectory).map(({ name }) => `${npm}/${name}`);
}

/**
 * Which of some packages Deno has yet to fetch from npm, by a look into its folder: quick enough for the start of every
 * command.
 *
 * @param names Packages by their names in `deno.json`
 */
export function missingPackages(names: readonly (keyof typeof PACKAGES)[]): string[] {
  const folders = registries();
  return names.filter((name) => {
    const [, path, version] = PACKAGES[name].match(/^npm:(.+)@([^@]+)$/) ?? [];
    return !folders.some((folder) => exists(`${folder}/${path}/${version}`));
  });
}
