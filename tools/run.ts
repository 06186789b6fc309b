/** Runs Deno in the project's folder, on this terminal, and gives its exit code. */
export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: new URL("../", import.meta.url), env })
    .spawn();
  return (await child.status).code;
}
