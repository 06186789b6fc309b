import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { installSwiftShader } from "../../lib/device/swiftshader.ts";

/** A registry whose archives all hold the same few bytes. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    if (pathname.endsWith(".tgz")) return new Response(new Uint8Array([31, 139, 8, 0]));
    const name = decodeURIComponent(pathname.slice(1));
    const version = "153.0.0";
    const dist = { tarball: `${origin}/archive.tgz`, shasum: "", integrity: "" };
    return Response.json({ name, "dist-tags": { latest: version }, versions: { [version]: { name, version, dist } } });
  });
}

describe("installSwiftShader", () => {
  it("refuses an archive of another hash, and leaves nothing of it", async () => {
    const [server, folder] = [serve(), await Deno.makeTempDir()];
    const said: string[] = [];
    Deno.env.set("NPM_CONFIG_REGISTRY", `http://127.0.0.1:${server.addr.port}/`);
    try {
      await expect(installSwiftShader(folder, (line) => said.push(line))).rejects.toThrow(
        /cannot fetch SwiftShader: .*[Cc]hecksum.*@sparticuz\/chromium@153\.0\.0/s,
      );
      expect(said).toEqual([expect.stringContaining("fetching SwiftShader")]);
      expect([...Deno.readDirSync(folder)]).toEqual([]);
    } finally {
      Deno.env.delete("NPM_CONFIG_REGISTRY");
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    }
  });
});
