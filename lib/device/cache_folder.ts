/**
 * Names the folder in which drivers and measurements are kept between runs, which is safe to delete: `delta-dawn` in
 * `$XDG_CACHE_HOME`, or in `.cache` of the home folder, or of the working folder where there is none. Deno alone has
 * it.
 *
 * Throws a `Deno.errors.NotCapable` where the environment may not be read.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * console.log(dd.device.cacheFolder().endsWith("/delta-dawn")); // true
 * ```
 */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") || Deno.cwd()}/.cache`;
  return `${base}/delta-dawn`;
}
