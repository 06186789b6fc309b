import { fileURLToPath } from "node:url";
import { lockFlags } from "../runner/locked.ts";

const CLIENT = new URL("./client/", import.meta.url);

/** The page's own program with all that it imports, as one script; and its style. */
export async function bundleClient(): Promise<{ readonly script: string; readonly style: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--format", "iife", "--minify", ...lockFlags(), "main.ts"],
    cwd: fileURLToPath(CLIENT),
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (!success) throw new Error(`cannot make the page: ${text.decode(stderr).trim()}`);
  return { script: text.decode(stdout), style: await Deno.readTextFile(new URL("style.css", CLIENT)) };
}
