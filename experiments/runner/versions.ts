import config from "../../deno.json" with { type: "json" };

/** Version of this package. */
export const PACKAGE_VERSION: string = config.version;

/** What computes, with its versions. */
export function versions(): string {
  return `delta-lora ${PACKAGE_VERSION}, deno ${Deno.version.deno}, ${config.scopes["./"].webgpu.replace("npm:", "")}`;
}

/** Whether the working tree differs from its commit; `undefined` where that cannot be known. */
export async function isModified(): Promise<boolean | undefined> {
  try {
    const { code, stdout } = await new Deno.Command("git", {
      args: ["status", "--porcelain", "--untracked-files=no"],
      cwd: new URL("../..", import.meta.url),
      stderr: "null",
    }).output();
    return code === 0 ? stdout.length > 0 : undefined;
  } catch {
    return undefined; // no git here
  }
}
