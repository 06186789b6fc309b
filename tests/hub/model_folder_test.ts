import { expect } from "expect";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type DownloadProgress, type HubOptions, loadPretrained, modelFolder } from "../../lib/hub/mod.ts";
import { formatSafetensors } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { gitHash, type HubServer, serveHub, sha256 } from "./hub_server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const numbers = Float32Array.from({ length: 50_000 }, (_, i) => i / 7);
const weights = await formatSafetensors({ a: tensor(numbers), b: tensor([[1, 2]]) });
const config = bytes(JSON.stringify({ model_type: "bert", hidden_size: 8 }));
const vocabulary = bytes("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n");

describe("modelFolder()", () => {
  let hub: HubServer;
  let cacheDir: string;
  let told: DownloadProgress[];
  beforeEach(async () => {
    hub = serveHub({
      "config.json": { bytes: config },
      "vocab.txt": { bytes: vocabulary },
      "model.safetensors": { bytes: weights, large: true },
      "onnx/model.onnx": { bytes: bytes("not wanted"), large: true },
      "README.md": { bytes: bytes("not wanted") },
    });
    cacheDir = await Deno.makeTempDir();
    told = [];
  });
  afterEach(async () => {
    await hub[Symbol.asyncDispose]();
    await Deno.remove(cacheDir, { recursive: true });
  });

  const options = (more: HubOptions = {}): HubOptions => ({
    endpoint: hub.endpoint,
    cacheDir,
    environment: { HOME: cacheDir },
    onProgress: (progress) => told.push(progress),
    ...more,
  });
  const large = () => hub.files.get("model.safetensors")!;
  const blobs = () => `${cacheDir}/models--org--tiny/blobs`;
  const contentsAsked = () => hub.asked.filter(({ path }) => path.includes("/resolve/") || path.length === 65);
  const refuses = async (message: string | RegExp, more?: HubOptions, kind: new (m: string) => Error = Error) => {
    const error: unknown = await modelFolder("org/tiny", options(more)).catch((error) => error);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(message);
  };

  it("fetches what a model needs, and nothing else, into the cache's layout", async () => {
    const folder = await modelFolder("org/tiny", options());
    expect(folder).toBe(`${cacheDir}/models--org--tiny/snapshots/${hub.commit}`);
    expect(Array.from(Deno.readDirSync(folder), ({ name }) => name).sort())
      .toEqual(["config.json", "model.safetensors", "vocab.txt"]);
    expect(await Deno.readFile(`${folder}/model.safetensors`)).toEqual(weights);
    expect(await Deno.readLink(`${folder}/model.safetensors`)).toBe(`../../blobs/${sha256(weights)}`);
    expect(await Deno.readLink(`${folder}/config.json`)).toBe(`../../blobs/${gitHash(config)}`);
    expect(await Deno.readTextFile(`${cacheDir}/models--org--tiny/refs/main`)).toBe(hub.commit);
    expect(Array.from(Deno.readDirSync(blobs())).length).toBe(3);
    const last = told.findLast(({ file }) => file === "model.safetensors");
    expect(last).toEqual({ file: "model.safetensors", loaded: weights.length, total: weights.length });
  });

  it("fetches nothing twice, and takes what is there when offline, by branch, tag or commit", async () => {
    const folder = await modelFolder("org/tiny", options({ revision: "v1" }));
    const before = contentsAsked().length;
    expect(await modelFolder("org/tiny", options())).toBe(folder);
    expect(contentsAsked().length).toBe(before);
    const all = hub.asked.length;
    for (const revision of ["v1", "main", hub.commit]) {
      expect(await modelFolder("org/tiny", options({ revision, offline: true }))).toBe(folder);
    }
    const environment = { HOME: cacheDir, HF_HUB_OFFLINE: "1" };
    expect(await modelFolder("org/tiny", options({ environment }))).toBe(folder);
    expect(hub.asked.length).toBe(all);
    await refuses(/^cannot find org\/tiny at other: it is not in the cache .*, and offline it cannot be fetched$/, {
      offline: true,
      revision: "other",
    }, Deno.errors.NotFound);
  });

  it("goes on by ranges where the connection is cut, within one call", async () => {
    large().cuts = [70_000, 50_000];
    const folder = await modelFolder("org/tiny", options());
    expect(await Deno.readFile(`${folder}/model.safetensors`)).toEqual(weights);
    const ranges = hub.asked.filter(({ server }) => server === "store").map(({ range }) => range);
    expect(ranges).toEqual([null, "bytes=70000-", "bytes=120000-"]);
    const loaded = told.filter(({ file }) => file === "model.safetensors").map(({ loaded }) => loaded);
    expect(loaded).toEqual(loaded.toSorted((a, b) => a - b));
  });

  it("says how far it came where it is cut again and again, and goes on from there in the next call", async () => {
    large().cuts = [70_000, 0, 0, 0];
    const message =
      /^cannot fetch model.safetensors: the connection ended at 70000 of \d+ bytes .*run it again to go on/;
    await refuses(message, {}, Deno.errors.ConnectionReset);
    const before = hub.asked.length;
    const folder = await modelFolder("org/tiny", options());
    expect(await Deno.readFile(`${folder}/model.safetensors`)).toEqual(weights);
    const [store] = hub.asked.slice(before).filter(({ server }) => server === "store");
    expect(store.range).toBe("bytes=70000-");
  });

  it("begins again where the server does not know ranges", async () => {
    Object.assign(large(), { cuts: [70_000], rangeless: true });
    const folder = await modelFolder("org/tiny", options());
    expect(await Deno.readFile(`${folder}/model.safetensors`)).toEqual(weights);
  });

  it("throws away what has another hash or is too long, and fetches it well afterwards", async () => {
    const changed = weights.slice();
    changed[weights.length - 1] ^= 1;
    for (const [wrong, what] of [[Uint8Array.of(...config, 0, 0), "length"], [changed, "hash"]] as const) {
      const file = what === "hash" ? large() : hub.files.get("config.json")!;
      file.wrong = wrong;
      const thrown = new RegExp(`what arrived has the ${what} \\w+, not \\w+: it was thrown away, run it again$`);
      await refuses(thrown, {}, Deno.errors.InvalidData);
      expect(Array.from(Deno.readDirSync(blobs())).filter(({ name }) => name.endsWith(".incomplete"))).toEqual([]);
      file.wrong = undefined;
    }
    expect(await Deno.readFile(`${await modelFolder("org/tiny", options())}/model.safetensors`)).toEqual(weights);
  });

  it("refuses what is too short", async () => {
    large().wrong = weights.slice(0, -4);
    await refuses(/^cannot fetch model.safetensors: what arrived has the length \d+, not \d+/);
  });

  it("does not trust what lies half-fetched: it is checked as a whole", async () => {
    await Deno.mkdir(blobs(), { recursive: true });
    await Deno.writeFile(`${blobs()}/${sha256(weights)}.incomplete`, new Uint8Array(1000).fill(7));
    await refuses("what arrived has the hash");
    expect(await Deno.readFile(`${await modelFolder("org/tiny", options())}/model.safetensors`)).toEqual(weights);
  });

  it("gives the token to the hub alone, from where Python's library has it", async () => {
    hub.token = "hf_right";
    await Deno.mkdir(`${cacheDir}/home`);
    await Deno.writeTextFile(`${cacheDir}/home/token`, "hf_right\n");
    await modelFolder("org/tiny", options({ environment: { HF_HOME: `${cacheDir}/home` } }));
    expect(
      hub.asked.filter(({ server }) => server === "hub").every(({ authorization }) =>
        authorization === "Bearer hf_right"
      ),
    )
      .toBe(true);
    expect(hub.asked.filter(({ server }) => server === "store").map(({ authorization }) => authorization)).toEqual([
      null,
    ]);
    await modelFolder("org/tiny", options({ environment: { HF_TOKEN: "hf_right" } }));
    await modelFolder("org/tiny", options({ token: "hf_right", environment: { HF_TOKEN: "hf_other" } }));
  });

  it("says what to do about private and gated repositories", async () => {
    hub.token = "hf_right";
    const denied = Deno.errors.PermissionDenied;
    await refuses(/there is no such repository, or it is private .*: set HF_TOKEN or run hf auth login$/, {}, denied);
    await refuses(/^cannot fetch org\/tiny: the token is not valid for it/, { token: "hf_wrong" }, denied);
    hub.closed = { status: 403, code: "GatedRepo", message: "Access to model org/tiny is restricted" };
    await refuses(
      /is gated or private \(Access .* is restricted\): ask for access on its page$/,
      { token: "hf_x" },
      denied,
    );
  });

  it("says which of repository, revision and file is missing", async () => {
    await expect(modelFolder("org/none", options())).rejects.toThrow(
      "cannot fetch org/none: there is no such repository (Repository not found): is its name right?",
    );
    await refuses(
      /^cannot fetch org\/tiny: it has no branch, tag or commit v2$/,
      { revision: "v2" },
      Deno.errors.NotFound,
    );
    hub.files.delete("model.safetensors");
    const index = JSON.stringify({ weight_map: { a: "model-00001-of-00001.safetensors" } });
    hub.files.set("model.safetensors.index.json", { bytes: bytes(index) });
    await refuses(/its model.safetensors.index.json names model-00001-of-00001.safetensors, which it lacks$/);
  });

  it("says that the hub does not answer", async () => {
    await refuses(
      /^cannot fetch org\/tiny: http:\/\/127.0.0.1:1 does not answer .*: go online, or use the cache alone/,
      {
        endpoint: "http://127.0.0.1:1",
      },
    );
  });

  it("fetches the files that an index names", async () => {
    hub.files.delete("model.safetensors");
    const parts = { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" };
    hub.files.set(parts.a, { bytes: await formatSafetensors({ a: tensor([1, 2]) }), large: true });
    hub.files.set(parts.b, { bytes: await formatSafetensors({ b: tensor([3]) }), large: true });
    hub.files.set("model.safetensors.index.json", { bytes: bytes(JSON.stringify({ weight_map: parts })) });
    const { tensors } = await loadPretrained("org/tiny", options());
    expect(Object.keys(tensors)).toEqual(["a", "b"]);
  });

  it("takes several calls for the same file at once", async () => {
    const folders = await Promise.all([1, 2, 3].map(() => modelFolder("org/tiny", options())));
    expect(new Set(folders).size).toBe(1);
    expect(hub.asked.filter(({ server }) => server === "store").length).toBe(1);
  });

  it("ends when told to, and goes on from there", async () => {
    const controller = new AbortController();
    const onProgress = ({ file }: DownloadProgress) =>
      file === "model.safetensors" && controller.abort(new Error("enough"));
    large().cuts = [70_000];
    await refuses(/^enough$/, { onProgress, signal: controller.signal });
    const folder = await modelFolder("org/tiny", options());
    expect(await Deno.readFile(`${folder}/model.safetensors`)).toEqual(weights);
  });

  it("refuses names that lead out of the cache, the hub's too", async () => {
    for (const name of ["../x/y", "a/b/c", "x/a..b", "org--x/y", "/no/such/folder", "org/ti ny"]) {
      await expect(modelFolder(name, options())).rejects.toThrow(
        `cannot find a model at ${name}: there is no such folder`,
      );
    }
    await refuses(/no branch, tag or commit is called so$/, { revision: "../../x" }, RangeError);
    hub.files.set("../../evil", { bytes: bytes("x") });
    await refuses(
      /the hub names a file "\.\.\/\.\.\/evil", which leads out of its folder$/,
      {},
      Deno.errors.InvalidData,
    );
  });

  it("loads config, tokenizer and weights, by name or from a folder", async () => {
    const select = (name: string) => name === "b";
    const loaded = await loadPretrained("org/tiny", { ...options(), select });
    expect(loaded.config).toEqual({ model_type: "bert", hidden_size: 8 });
    expect(loaded.tokenizer?.encode("hello").ids).toEqual([2, 5, 3]);
    expect(Object.keys(loaded.tensors)).toEqual(["b"]);
    const { tensors, folder } = await loadPretrained(`${loaded.folder}/`);
    expect(folder).toBe(loaded.folder);
    expect(await tensors.a.data()).toEqual(numbers);
  });
});
