/** Ends a command with one clear message and exit code 1; what begins with "internal:" keeps its stack. */
export function fail(command: string, error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`${command}: ${message}`);
  if (error instanceof Error && message.startsWith("internal:")) console.error(error.stack);
  Deno.exit(1);
}
