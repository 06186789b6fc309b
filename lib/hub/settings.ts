/** How files of a model are found. */
export interface HubOptions {
  /** Branch, tag or commit; "main" by default. */
  readonly revision?: string;
  /** The hub's access token; by default HF_TOKEN, or the file that `hf auth login` writes. An empty text asks without. */
  readonly token?: string;
  /** Whether only files that are there already are used; by default whether HF_HUB_OFFLINE says so. */
  readonly offline?: boolean;
  /** The cache's folder; by default where Python's huggingface_hub has it: HF_HUB_CACHE, or HF_HOME with `/hub`. */
  readonly cacheDir?: string;
  /** The hub's address; by default HF_ENDPOINT, or https://huggingface.co. */
  readonly endpoint?: string;
  /** Told after each part of a file. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download; what has arrived stays for the next. */
  readonly signal?: AbortSignal;
  /** Environment variables; by default the process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** How far a file has come. */
export interface DownloadProgress {
  /** Its path in the repository. */
  readonly file: string;
  /** Bytes that are there, those of an earlier attempt included. */
  readonly loaded: number;
  /** All its bytes. */
  readonly total: number;
}

/** What {@linkcode HubOptions} and the environment come to. */
export interface HubSettings {
  readonly revision: string;
  readonly token?: string;
  readonly offline: boolean;
  readonly cacheDir: string;
  /** Without a slash at the end. */
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

/** What options leave open, the way Python's huggingface_hub fills it: from the environment, and the token from its file. */
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
