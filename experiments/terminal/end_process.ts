/** Where `_exit` is, by system. */
const LIBRARIES: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
};

/**
 * Ends the process at once and with this code, whatever a driver is doing. `Deno.exit()` has native libraries clean up
 * behind themselves first, and a driver whose threads are compiling then fails: the process ends by SIGSEGV, with 139.
 */
export function endProcess(code: number): never {
  const library = LIBRARIES[Deno.build.os];
  if (library !== undefined && Deno.permissions.querySync({ name: "ffi" }).state === "granted") {
    let libc;
    try {
      libc = Deno.dlopen(library, { _exit: { parameters: ["i32"], result: "void" } });
    } catch {
      Deno.exit(code); // another libc: that of Alpine, say
    }
    libc.symbols._exit(code);
  }
  Deno.exit(code);
}
