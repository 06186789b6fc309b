import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
})();

/** What finalizers let go of may keep more alive: that goes in the next round. */
const ROUNDS = 6;

/** Collects garbage, all of it, and lets finalizers run, which have tasks of their own. */
export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
