import type { HubSettings } from "./settings.ts";
import { messageOf } from "../text/message_of.ts";

/** Asks the hub; what it refuses becomes an error that says what to do. */
export type HubRequest = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** A request about a repository, with the token where it goes to the hub itself. */
export function requestFor(id: string, { endpoint, token, revision }: HubSettings, signal?: AbortSignal): HubRequest {
  return async (url, init = {}) => {
    const address = new URL(url instanceof Request ? url.url : url);
    const headers = new Headers(init.headers);
    // Lengths and ranges are those of the file, not of something compressed.
    headers.set("accept-encoding", "identity");
    if (token !== undefined && address.origin === new URL(endpoint).origin) {
      headers.set("authorization", `Bearer ${token}`);
    }
    let response: Response;
    try {
      response = await fetch(address, { ...init, headers, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new Error(
        `cannot fetch ${id}: ${endpoint} does not answer (${messageOf(error)}): ` +
          `go online, or use the cache alone by offline: true`,
        { cause: error },
      );
    }
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    throw refusal(id, revision, token !== undefined, address, response);
  };
}

function refusal(id: string, revision: string, hasToken: boolean, url: URL, { status, headers }: Response): Error {
  const code = headers.get("x-error-code") ?? "";
  const said = headers.get("x-error-message");
  const because = said ? ` (${said})` : "";
  if (code === "GatedRepo" || status === 403) {
    return new Deno.errors.PermissionDenied(
      `cannot fetch ${id}: it is gated or private${because}: ask for access on its page${
        hasToken ? "" : ", then set HF_TOKEN or run hf auth login"
      }`,
    );
  }
  if (status === 401) {
    return new Deno.errors.PermissionDenied(
      hasToken
        ? `cannot fetch ${id}: the token is not valid for it, or there is no such repository${because}`
        : `cannot fetch ${id}: there is no such repository, or it is private${because}: set HF_TOKEN or run hf auth login`,
    );
  }
  if (status === 404) {
    if (code === "RevisionNotFound") {
      return new Deno.errors.NotFound(`cannot fetch ${id}: it has no branch, tag or commit ${revision}`);
    }
    if (code === "EntryNotFound") {
      return new Deno.errors.NotFound(`cannot fetch ${id}: it has no file at ${url.pathname}`);
    }
    return new Deno.errors.NotFound(`cannot fetch ${id}: there is no such repository${because}: is its name right?`);
  }
  if (status === 429 || status >= 500) {
    return new Error(`cannot fetch ${id}: the hub says ${status}${because}: try again later`);
  }
  return new Error(`cannot fetch ${id}: the hub says ${status}${because}`);
}
