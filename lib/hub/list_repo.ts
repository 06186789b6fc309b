import type * as Hub from "@huggingface/hub";
import type { HubRequest } from "./request.ts";
import type { HubSettings } from "./settings.ts";
import { importModule } from "../device/import_module.ts";

/** Version of `npm:@huggingface/hub` that is loaded; the one that `deno.json` pins for the types. */
export const HUB_VERSION = "2.17.5";

/** A file of a repository. */
export interface RepoFile {
  readonly path: string;
  readonly size: number;
  /** Of the contents; git's own, or SHA-256 for large files. */
  readonly hash: string;
  readonly algorithm: "git" | "sha256";
}

/** A repository at one commit. */
export interface RepoListing {
  readonly commit: string;
  readonly files: readonly RepoFile[];
}

/**
 * What a repository holds at a revision, asked by @huggingface/hub. Throws an Error where the hub refuses, or answers
 * with what cannot be written into a cache.
 */
export async function listRepo(id: string, settings: HubSettings, request: HubRequest): Promise<RepoListing> {
  // Only who fetches needs it.
  const { listFiles, modelInfo } = await importModule<typeof Hub>("npm", `@huggingface/hub@${HUB_VERSION}`);
  const { endpoint: hubUrl, revision } = settings;
  const fail = (reason: string): never => {
    throw new Deno.errors.InvalidData(`cannot fetch ${id}: ${reason}`);
  };
  const asked = { hubUrl, fetch: request };
  const { sha: commit } = await modelInfo({ name: id, revision, additionalFields: ["sha"], ...asked });
  if (!/^[0-9a-f]{40}$/.test(commit)) fail(`the hub names no commit of ${revision}`);
  const files: RepoFile[] = [];
  for await (
    const entry of listFiles({ repo: { type: "model", name: id }, revision: commit, recursive: true, ...asked })
  ) {
    if (entry.type !== "file") continue;
    const { path, lfs, oid = "" } = entry;
    const [hash, size] = lfs ? [lfs.oid, lfs.size] : [oid, entry.size];
    const isPlain = typeof path === "string" && !/[\\:\0]/.test(path) &&
      path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
    if (!isPlain) fail(`the hub names a file ${JSON.stringify(path)}, which leads out of its folder`);
    if (!(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hash)) fail(`the hub gives no hash of ${path}`);
    if (!Number.isSafeInteger(size) || size < 0) fail(`the hub gives no length of ${path}`);
    files.push({ path, size, hash, algorithm: lfs ? "sha256" : "git" });
  }
  return { commit, files };
}
