import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
})();

/** Collects garbage, all of it, and lets finalizers run, which have tasks of their own. */
export async function collectGarbage(): Promise<void> {
  collect();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
