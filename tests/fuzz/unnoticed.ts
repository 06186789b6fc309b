import { Runtime } from "../../lib/compile/run/runtime.ts";
import { ambientExecutor } from "../../lib/tensor/executor.ts";

/** Runs a function that builds graphs which nobody will compute: the executor is not told of their nodes. */
export function unnoticed<T>(run: () => T): T {
  const executor = ambientExecutor();
  return executor instanceof Runtime ? executor.tracing(run) : run();
}
