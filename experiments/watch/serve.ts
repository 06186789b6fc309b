import { messageOf } from "../../lib/text/message_of.ts";
import type { FolderWatch } from "./folder_watch.ts";
import type { Page } from "./page.ts";
import { encode } from "./snapshot.ts";

/** What every answer says to browsers. */
const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Names of this machine for itself. */
const NAMES = ["127.0.0.1", "localhost"];

function answer(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { ...HEADERS, "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

/**
 * Whether a request comes from a page of this server or from somebody at this machine: a name that points here by
 * somebody else's doing, and pages of others, are refused.
 */
function isOwn({ headers }: Request, port: number): boolean {
  const hosts = NAMES.map((name) => `${name}:${port}`);
  const [host, origin] = [headers.get("host") ?? "", headers.get("origin")];
  return hosts.includes(host) && (origin === null || origin === `http://${host}`);
}

/** Answers a request: the page at `/`, and what is new in the folder at `/runs`. */
export async function respond(
  request: Request,
  { watch, page, port }: { readonly watch: FolderWatch; readonly page: Page; readonly port: number },
): Promise<Response> {
  if (!isOwn(request, port)) return answer(403, "This page is for this machine alone.\n");
  if (request.method !== "GET") return answer(405, "This page can only be read.\n", { allow: "GET" });
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/") {
    return answer(200, page.html, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `${page.policy}; frame-ancestors 'none'`,
    });
  }
  if (pathname !== "/runs") return answer(404, "There is / and /runs.\n");
  try {
    const since = { session: searchParams.get("session") ?? undefined, revision: Number(searchParams.get("revision")) };
    return answer(200, encode(await watch.look(since)), { "content-type": "application/json" });
  } catch (error) {
    return answer(500, messageOf(error)); // the page shows it, and asks again
  }
}

/** Serves a folder of records to this machine alone, on a port of one's own or any that is free. */
export function serve(
  { watch, page, port = 0 }: { readonly watch: FolderWatch; readonly page: Page; readonly port?: number },
): Deno.HttpServer<Deno.NetAddr> {
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    (request) => respond(request, { watch, page, port: server.addr.port }),
  );
  return server;
}
