/** Where drivers and measurements are kept between runs: safe to delete. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") || Deno.cwd()}/.cache`;
  return `${base}/delta-dawn`;
}
