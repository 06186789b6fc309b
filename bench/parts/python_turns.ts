import { fileURLToPath } from "node:url";

/** Who answers: versions of packages and the number of threads. */
export interface PythonVersions {
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** What a Python in a process of its own runs. */
export interface PythonScript {
  /** File of the folder `bench`. */
  readonly script: string;
  readonly args: readonly string[];
}

/** A script in Python that says who it is, and then answers each line with one line. */
export class PythonTurns {
  private constructor(
    readonly child: Deno.ChildProcess,
    readonly lines: AsyncIterator<string>,
    readonly requests: WritableStreamDefaultWriter<Uint8Array>,
    readonly report: PythonVersions,
  ) {}

  /** Starts it, or gives the reason why this Python cannot. */
  static async start(python: string, { script, args }: PythonScript): Promise<PythonTurns | string> {
    const command = new Deno.Command(python, {
      args: [fileURLToPath(new URL(`../${script}`, import.meta.url)), ...args],
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
    return new PythonTurns(child, lines, child.stdin.getWriter(), JSON.parse(first.value));
  }

  /** Its answer to a line. Rejects where it ends instead. */
  async ask(line: string): Promise<string> {
    await this.requests.write(new TextEncoder().encode(`${line}\n`));
    const answer = await this.lines.next();
    if (answer.done) throw new Error(`Python ended while it was asked for ${line}`);
    return answer.value;
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
