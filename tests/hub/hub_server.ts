import { createHash } from "node:crypto";

/** A file of the repository, and how it goes wrong. */
export interface ServedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Kept as git-lfs does: its hash is SHA-256, and another server gives its bytes. */
  readonly large?: boolean;
  /** Ends the connection after so many bytes, as often as there are numbers. */
  cuts?: number[];
  /** Sent in place of the bytes. */
  wrong?: Uint8Array<ArrayBuffer>;
  /** Whether ranges are not known: all is sent. */
  rangeless?: boolean;
}

/** What was asked of a server. */
export interface Asked {
  readonly server: "hub" | "store";
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** A hub with one repository, `org/tiny`, on this machine. */
export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly commit: string;
  readonly files: Map<string, ServedFile>;
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** The one token that opens it; open to all without. */
  token?: string;
  /** What a closed repository answers: as the hub does for private or for gated ones. */
  closed: { status: number; code: string; message: string };
}

/** git's hash of a file's contents. */
export const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** SHA-256 in hexadecimal digits. */
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const hashOf = ({ bytes, large }: ServedFile) => large ? sha256(bytes) : gitHash(bytes);

/** All of a file from `start`, but for what goes wrong with it. */
function contents(file: ServedFile, range: string | null, headers: Headers): Response {
  const bytes = file.wrong ?? file.bytes;
  const start = file.rangeless ? 0 : Number(range?.match(/^bytes=(\d+)-/)?.[1] ?? 0);
  const ranged = range !== null && !file.rangeless;
  if (ranged && start >= bytes.length) {
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  if (ranged) headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  headers.set("accept-ranges", "bytes");
  headers.set("content-length", `${bytes.length - start}`);
  const cut = file.cuts?.shift();
  const body = cut === undefined ? bytes.subarray(start) : new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(bytes.subarray(start, start + cut));
      await new Promise((resolve) => setTimeout(resolve, 20)); // so that the bytes go out first
      controller.error(new Error("cut"));
    },
  });
  return new Response(body, { status: ranged ? 206 : 200, headers });
}

/** Starts the hub and, at another address, the store of its large files; both end with their scope. */
export function serveHub(files: Record<string, ServedFile>): HubServer {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {}, onError: () => new Response(null, { status: 500 }) };
  const asked: Asked[] = [];
  const note = (server: Asked["server"], { method, url, headers }: Request) => {
    const path = decodeURIComponent(new URL(url).pathname);
    asked.push({ server, method, path, range: headers.get("range"), authorization: headers.get("authorization") });
    return path;
  };
  const store = Deno.serve(options, (request) => {
    const hash = note("store", request).slice(1);
    const file = [...hub.files.values()].find((file) => hashOf(file) === hash);
    return file ? contents(file, request.headers.get("range"), new Headers()) : new Response(null, { status: 404 });
  });
  const refuse = (status: number, code: string, message: string) =>
    Response.json({ error: message }, { status, headers: { "x-error-code": code, "x-error-message": message } });
  const server = Deno.serve(options, (request) => {
    const path = note("hub", request);
    const [, repo, what = "", rest = ""] =
      path.match(/^\/(?:api\/models\/)?(org\/\w+)(?:\/(resolve|tree|revision))?(?:\/(.*))?$/) ?? [];
    if (repo !== "org/tiny") return refuse(404, "RepoNotFound", "Repository not found");
    if (hub.token !== undefined && request.headers.get("authorization") !== `Bearer ${hub.token}`) {
      return refuse(hub.closed.status, hub.closed.code, hub.closed.message);
    }
    const [revision] = rest.split("/");
    if (what !== "" && ![hub.commit, "main", "v1"].includes(revision)) {
      return refuse(404, "RevisionNotFound", `Invalid rev id: ${revision}`);
    }
    if (what === "tree") {
      return Response.json([...hub.files].map(([path, file]) => ({
        type: "file",
        path,
        size: file.bytes.length,
        oid: file.large ? gitHash(new TextEncoder().encode(path)) : gitHash(file.bytes),
        ...file.large && { lfs: { oid: sha256(file.bytes), size: file.bytes.length, pointerSize: 134 } },
      })));
    }
    if (what !== "resolve") {
      const siblings = [...hub.files.keys()].map((rfilename) => ({ rfilename }));
      return Response.json({ _id: "0", id: repo, modelId: repo, sha: hub.commit, private: false, siblings });
    }
    const file = hub.files.get(rest.slice(revision.length + 1));
    if (!file) return refuse(404, "EntryNotFound", "Entry not found");
    const headers = new Headers({ "x-repo-commit": hub.commit, etag: `"${hashOf(file)}"` });
    if (!file.large) return contents(file, request.headers.get("range"), headers);
    headers.set("x-linked-etag", `"${hashOf(file)}"`);
    headers.set("x-linked-size", `${file.bytes.length}`);
    headers.set("location", `http://127.0.0.1:${store.addr.port}/${hashOf(file)}`);
    return new Response(null, { status: 302, headers });
  });
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    commit: "0123456789abcdef0123456789abcdef01234567",
    files: new Map(Object.entries(files)),
    asked,
    closed: { status: 401, code: "RepoNotFound", message: "Invalid username or password." },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.shutdown(), store.shutdown()]);
    },
  };
  return hub;
}
