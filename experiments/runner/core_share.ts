/** The environment of one of some processes at a time: its share of the cores, for lavapipe, unless that is said already. */
export function coreShare(processes: number): Record<string, string> {
  const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / processes));
  return { LP_NUM_THREADS: String(threads), ...Deno.env.toObject() };
}
