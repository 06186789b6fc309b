/** What Dawn says of every software device, and what nobody can act on. */
const KNOWN = /^Warning: \w+ artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.$/;

/** Where C's standard error is looked at: elsewhere it stays as it is. */
const LIBC: Partial<Record<typeof Deno.build.os, string>> = { linux: "libc.so.6" };

const SYMBOLS = {
  dup: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

const STANDARD_ERROR = 2;
const [SEEK_SET, SEEK_END] = [0, 2];

/** The C library, where it is one that is known here. */
function openLibc(): Deno.DynamicLibrary<typeof SYMBOLS> | undefined {
  const name = LIBC[Deno.build.os];
  try {
    return name === undefined ? undefined : Deno.dlopen(name, SYMBOLS);
  } catch {
    return undefined; // another C library, or one may not: then everything is heard
  }
}

/**
 * Runs a synchronous call of native code, and leaves out of what it writes to standard error the lines that every software
 * adapter gets and nobody can act on; all else comes out as it ends. Native code knows no JavaScript stream, so the file
 * descriptor itself goes to memory meanwhile.
 */
export function quietly<T>(call: () => T): T {
  const libc = openLibc();
  if (!libc) return call();
  const { dup, dup2, close, memfd_create, lseek, read } = libc.symbols;
  const [kept, memory] = [dup(STANDARD_ERROR), memfd_create(new TextEncoder().encode("stderr\0"), 0)];
  if (kept < 0 || memory < 0) {
    libc.close();
    return call();
  }
  dup2(memory, STANDARD_ERROR);
  try {
    return call();
  } finally {
    dup2(kept, STANDARD_ERROR);
    close(kept);
    const bytes = new Uint8Array(Number(lseek(memory, 0n, SEEK_END)));
    lseek(memory, 0n, SEEK_SET);
    if (bytes.length > 0) read(memory, bytes, BigInt(bytes.length));
    close(memory);
    libc.close();
    const lines = new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "" && !KNOWN.test(line));
    if (lines.length > 0) Deno.stderr.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
  }
}
