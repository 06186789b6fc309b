import { fileURLToPath } from "node:url";
import type { Contender } from "../measure/turns.ts";

const SCRIPT = new URL("../pytorch_peft.py", import.meta.url);
/** As in bench/pytorch_peft.py. */
const STEPS_PER_RUN = 2;
/** Who answers: versions of packages and the number of threads. */
export interface PytorchVersions {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** PyTorch + PEFT in a process of its own, which takes steps of the suite's encoder when it is asked to. */
export class PytorchTurns {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly lines: AsyncIterator<string>,
    readonly requests: WritableStreamDefaultWriter<Uint8Array>,
    readonly report: PytorchVersions,
  ) {}

  /** Starts it, or gives the reason why this Python cannot. */
  static async start(python: string): Promise<PytorchTurns | string> {
    const command = new Deno.Command(python, {
      args: [fileURLToPath(SCRIPT), "--turns"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    let child: Deno.ChildProcess;
    try {
      child = command.spawn();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return `there is no ${python}`;
      throw error;
    }
    const errors = new Response(child.stderr).text();
    const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) {
      await child.status;
      const reason = (await errors).trim().split("\n").at(-1);
      return `${python} cannot: ${reason || "it ended without a word"}`;
    }
    return new PytorchTurns(child, lines, child.stdin.getWriter(), JSON.parse(first.value));
  }

  /** A contender that takes steps of a method; it throws where a loss is no number. */
  contender(method: string): Contender {
    return {
      name: `PyTorch, ${method}`,
      perRun: STEPS_PER_RUN,
      run: async () => {
        await this.requests.write(new TextEncoder().encode(`${method}\n`));
        const answer = await this.lines.next();
        if (answer.done) throw new Error(`PyTorch ended while it trained ${method}`);
        const { loss } = JSON.parse(answer.value);
        if (!Number.isFinite(loss)) throw new Error(`the loss of PyTorch's ${method} is ${loss}`);
      },
    };
  }

  /** Lets it end. */
  async close(): Promise<void> {
    await this.requests.close();
    while (!(await this.lines.next()).done);
    await this.child.status;
  }
}

/** Lines of a stream of bytes. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
