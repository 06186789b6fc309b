/** How files of a model are found. What is absent is taken from the environment by the rules of huggingface_hub. */
export interface HubOptions {
  /** Branch, tag or commit; `main` by default. */
  readonly revision?: string;
  /**
   * The hub's access token; by default `HF_TOKEN`, or what the file holds that `hf auth login` writes. An empty text
   * asks without one.
   */
  readonly token?: string;
  /** Whether only files are used that are in the cache already; by default whether `HF_HUB_OFFLINE` says so. */
  readonly offline?: boolean;
  /**
   * The cache's folder; by default `HF_HUB_CACHE`, or `hub` in `HF_HOME`, which is `~/.cache/huggingface` by default.
   */
  readonly cacheDir?: string;
  /** The hub's address; by default `HF_ENDPOINT`, or `https://huggingface.co`. */
  readonly endpoint?: string;
  /** Hears of each part of a file that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download; what has arrived stays for the next one. */
  readonly signal?: AbortSignal;
  /** Environment variables by name; by default the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** How far the download of a file has come. */
export interface DownloadProgress {
  /** The file's path in the repository. */
  readonly file: string;
  /** Bytes that are there, those of an earlier attempt included. */
  readonly loaded: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** What {@linkcode HubOptions} and the environment come to. */
export interface HubSettings {
  /** Branch, tag or commit. */
  readonly revision: string;
  /** The hub's access token, where there is one. */
  readonly token?: string;
  /** Whether only files are used that are in the cache already. */
  readonly offline: boolean;
  /** The cache's folder. */
  readonly cacheDir: string;
  /** The hub's address, without a slash at its end. */
  readonly endpoint: string;
}

/** Names that are read, those of Python's huggingface_hub. */
const VARIABLES = [
  "HF_TOKEN",
  "HF_TOKEN_PATH",
  "HF_HOME",
  "HF_HUB_CACHE",
  "HF_ENDPOINT",
  "HF_HUB_OFFLINE",
  "XDG_CACHE_HOME",
  "HOME",
  "USERPROFILE",
] as const;

/**
 * What options leave open, filled in the way Python's huggingface_hub does: from the environment, and the token from
 * its file.
 *
 * @example
 * ```ts
 * import { hub } from "@delta-dawn/delta-lora";
 *
 * const { revision, cacheDir } = await hub.hubSettings({ token: "", environment: { HF_HOME: "/models" } });
 * console.log(revision, cacheDir); // main /models/hub
 * ```
 */
export async function hubSettings(options: HubOptions = {}): Promise<HubSettings> {
  const env = options.environment ?? Object.fromEntries(VARIABLES.map((name) => [name, Deno.env.get(name)]));
  const home = env.HOME || env.USERPROFILE || ".";
  const expand = (path: string) => path.replace(/^~(?=\/|$)/, home);
  const base = expand(env.HF_HOME || `${env.XDG_CACHE_HOME || `${home}/.cache`}/huggingface`);
  const given = options.token ?? env.HF_TOKEN;
  const token =
    (given === undefined || given === "" && options.token === undefined
      ? await readToken(expand(env.HF_TOKEN_PATH || `${base}/token`))
      : given).trim();
  return {
    revision: options.revision ?? "main",
    ...token !== "" && { token },
    offline: options.offline ?? /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ""),
    cacheDir: options.cacheDir ?? expand(env.HF_HUB_CACHE || `${base}/hub`),
    endpoint: (options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")).replace(/\/+$/, ""),
  };
}

async function readToken(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
