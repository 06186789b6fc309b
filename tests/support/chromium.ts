import { cacheFolder } from "../../lib/device/cache_folder.ts";
import { decompress, fetchArchive } from "../../lib/device/swiftshader.ts";
import { isObject } from "../../lib/text/is_object.ts";

/** Names under which systems have it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A Chromium: the system's, or that of the package of npm that carries SwiftShader, unpacked once. */
async function findChromium(): Promise<string> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const own = folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find(isThere);
  if (own !== undefined) return own;
  const path = `${cacheFolder()}/chromium-headless`;
  if (isThere(path)) return path;
  const fresh = `${path}.${Deno.pid}`;
  await Deno.mkdir(cacheFolder(), { recursive: true });
  await Deno.writeFile(fresh, await decompress(await fetchArchive("chromium.br")), { mode: 0o755 });
  await Deno.rename(fresh, path);
  return path;
}

/** What a command of DevTools' protocol gives. */
export type Answer = Readonly<Record<string, unknown>>;

/** A page of a headless Chromium, driven by the protocol of its developer tools. */
export class BrowserPage implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #folder: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  /** What the page said in its console, or threw. */
  readonly said: string[] = [];
  #count = 0;

  private constructor(process: Deno.ChildProcess, socket: WebSocket, folder: string) {
    [this.#process, this.#socket, this.#folder] = [process, socket, folder];
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(String(data))));
  }

  /** Starts a browser with an empty page. */
  static async open(): Promise<BrowserPage> {
    const folder = await Deno.makeTempDir({ prefix: "delta-dawn-chromium-" });
    const process = new Deno.Command(await findChromium(), {
      args: [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
        ...["--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const port = await waitFor(async () =>
      isThere(`${folder}/DevToolsActivePort`)
        ? (await Deno.readTextFile(`${folder}/DevToolsActivePort`)).split("\n")[0]
        : undefined
    );
    const address = await waitFor(async () => {
      const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      return targets.find(({ type }: { type: string }) => type === "page")?.webSocketDebuggerUrl;
    });
    const socket = new WebSocket(address);
    const opened = Promise.withResolvers<void>();
    socket.addEventListener("open", () => opened.resolve());
    socket.addEventListener("error", () => opened.reject(new Error(`Chromium does not answer at ${address}`)));
    await opened.promise;
    const page = new BrowserPage(process, socket, folder);
    for (const domain of ["Page", "Runtime", "Log", "Accessibility"]) await page.send(`${domain}.enable`);
    return page;
  }

  #hear({ id, result, error, method, params }: Answer): void {
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded" || method === "Runtime.consoleAPICalled") {
      this.said.push(JSON.stringify(params));
    }
    const waiting = this.#waiting.get(Number(id));
    this.#waiting.delete(Number(id));
    if (error !== undefined) waiting?.reject(new Error(JSON.stringify(error)));
    else waiting?.resolve(isObject(result) ? result : {});
  }

  /** Sends a command of the protocol. */
  async send(method: string, params: Answer = {}): Promise<Answer> {
    const id = ++this.#count;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await waiting.promise;
  }

  async goTo(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    await this.until("document.readyState === 'complete'");
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return isObject(result) ? result.value : undefined;
  }

  /** Waits until an expression holds in the page. */
  async until(expression: string): Promise<void> {
    await waitFor(async () => await this.evaluate(expression) ? true : undefined, expression);
  }

  /** Presses a key, as somebody at the keyboard does. */
  async press(key: "Tab" | "Enter" | " " | "ArrowDown"): Promise<void> {
    const text = { Enter: "\r", " ": " ", Tab: "", ArrowDown: "" }[key];
    const code = { Enter: 13, " ": 32, Tab: 9, ArrowDown: 40 }[key];
    const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...text !== "" && { text } });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Roles and names of all that a screen reader finds, in its order. */
  async accessible(): Promise<{ readonly role: string; readonly name: string }[]> {
    const { nodes } = await this.send("Accessibility.getFullAXTree");
    const valueOf = (part: unknown) => isObject(part) ? String(part.value ?? "") : "";
    return (Array.isArray(nodes) ? nodes : []).filter(({ ignored }) => !ignored)
      .map(({ role, name }) => ({ role: valueOf(role), name: valueOf(name) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#socket.addEventListener("close", () => closed.resolve());
    this.#socket.close();
    await closed.promise;
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await waitFor(() => Deno.remove(this.#folder, { recursive: true }).then(() => true, () => undefined));
  }
}

/** Asks until there is an answer, for a minute at most. */
export async function waitFor<T>(ask: () => Promise<T | undefined>, what = "an answer"): Promise<T> {
  for (const began = performance.now(); performance.now() - began < 60_000;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited a minute for ${what}`);
}
