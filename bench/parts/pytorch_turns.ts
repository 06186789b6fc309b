import type { Contender } from "../measure/turns.ts";
import type { PythonScript, PythonTurns } from "./python_turns.ts";

/** As in bench/pytorch_peft.py. */
const STEPS_PER_RUN = 2;

/** PyTorch + PEFT, which takes steps of the suite's encoder when it is asked to. */
export const PYTORCH: PythonScript = { script: "pytorch_peft.py", args: ["--turns"] };

/** A contender that takes steps of a method; it throws where a loss is no number. */
export function pytorchContender(turns: PythonTurns, method: string): Contender {
  return {
    name: `PyTorch, ${method}`,
    perRun: STEPS_PER_RUN,
    run: async () => {
      const { loss } = JSON.parse(await turns.ask(method));
      if (!Number.isFinite(loss)) throw new Error(`the loss of PyTorch's ${method} is ${loss}`);
    },
  };
}
