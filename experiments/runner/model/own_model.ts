import { dirname, resolve } from "node:path";
import { io, type models, peft, random, Tensor } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { type Tokenizer, wordPiece } from "../../../lib/data/mod.ts";
import { readTokenizer } from "../../../lib/hub/load_pretrained.ts";
import { isObject } from "../../../lib/text/is_object.ts";
import { type Own, OwnByName } from "../../recipes/own.ts";
import { sizeOfModel, sizeOfName } from "../../suite/encoders.ts";
import { suiteVocabulary } from "../../suite/mod.ts";
import type { HeadPlace } from "../heads/head.ts";
import { OwnModules } from "../own_module.ts";
import { hashTensors } from "./hash_tensors.ts";
import { type ClassifierModel, findModel, type ModelFiles, outputNames } from "./load_model.ts";
import { tokenizerHash } from "./tokenizer_hash.ts";

/** A model of a module of one's own. */
export type OwnModel = Own<models.ModelDescription>;

/** What an object lacks to be a model; nothing where it is one. */
function lackOf(
  { tokenizer, maxLength, targets, weights, init, apply }: Readonly<Record<string, unknown>>,
): string | undefined {
  const isTokenizer = typeof tokenizer === "object" && tokenizer !== null && "encode" in tokenizer;
  if (!isTokenizer && (typeof tokenizer !== "string" || tokenizer === "")) {
    return "its `tokenizer` is neither one, nor a folder, a name of the hub or suite";
  }
  if (!Number.isInteger(maxLength) || Number(maxLength) < 1) return "its `maxLength` is no number of tokens";
  const areTexts = Array.isArray(targets) && targets.every((target) => typeof target === "string" && target !== "");
  if (!areTexts || targets.length === 0) return "its `targets` are no list of endings of layers' names";
  if (weights !== undefined && typeof weights !== "string") return "its `weights` are no folder";
  if (typeof init !== "function") return "it has no function `init`";
  return typeof apply === "function" ? undefined : "it has no function `apply`";
}

const modules = new OwnModules<models.ModelDescription>({
  known: new OwnByName("model", (name) => (sizeOfModel(name) ?? sizeOfName(name)) !== undefined),
  lackOf,
  form: "It must export one: " +
    "export const model = models.defineModel({ name, tokenizer, maxLength, targets, init, apply })",
});

/** Loads the model that a module of one's own exports as `model`. Throws as {@linkcode OwnModules.load}. */
export async function loadOwnModel(path: string): Promise<OwnModel> {
  return await modules.load(path);
}

/** Loads the model of a spec, where that is one's own. Throws as {@linkcode OwnModules.loadAs}. */
export async function loadModelOf({ model: { name, module } }: Pick<RunSpec, "model">): Promise<void> {
  if (module) await modules.loadAs({ name, module: module.path, source: module.hash });
}

/** A tokenizer, and what tells it from others beside the module's source. */
interface FoundTokenizer {
  readonly tokenizer: Tokenizer;
  readonly hash: string;
}

/** A path of a module's, from its folder; names of the hub stay. */
const besideModule = (module: string, path: string) => /^[./]/.test(path) ? resolve(dirname(module), path) : path;

async function tokenizerOf({ description: { tokenizer }, module }: OwnModel): Promise<FoundTokenizer> {
  if (typeof tokenizer !== "string") return { tokenizer, hash: "" };
  if (sizeOfModel(tokenizer)) return { tokenizer: wordPiece(suiteVocabulary()), hash: suiteVocabulary().join("\n") };
  const folder = await findModel({ model: besideModule(module, tokenizer) });
  const found = await readTokenizer(folder);
  if (found) return { tokenizer: found, hash: await tokenizerHash(folder) };
  throw new Error(`cannot use ${module}: ${folder} has no tokenizer.json, nor the older files of a tokenizer`);
}

/** What a model's own weights are, and its head's names. */
interface Drawn {
  /** All but the head: the same in all runs. */
  readonly encoder: Readonly<Record<string, Tensor>>;
  /** What the files have of a head. */
  readonly head: Readonly<Record<string, Tensor>>;
  readonly headNames: readonly string[];
  /** Width of what the head takes. */
  readonly hiddenSize: number;
}

/** What a model's `init` draws. Throws a TypeError where that is no record of tensors. */
function draw(
  { description: { init }, module }: OwnModel,
  ...[key, sizes]: Parameters<models.ModelDescription["init"]>
): Record<string, Tensor> {
  const params: unknown = init(key, sizes);
  if (isObject(params)) {
    const tensors = Object.entries(params).flatMap(([name, one]) =>
      one instanceof Tensor ? [[name, one] as const] : []
    );
    if (tensors.length === Object.keys(params).length) return Object.fromEntries(tensors);
  }
  throw new TypeError(`cannot use ${module}: its \`init\` gives no record of tensors by name`);
}

/** Names of a head's parameters. Throws a RangeError where there is none, or it has not as many outputs as there are labels. */
function headNamesOf(params: Readonly<Record<string, Tensor>>, module: string, labels: number): string[] {
  const names = peft.selectHeads(params, peft.DEFAULT_HEADS);
  const last = names.at(-1);
  if (last === undefined) {
    throw new RangeError(
      `cannot use ${module}: its \`init\` gives no head, whose parameters are called classifier, score or pooler`,
    );
  }
  if (params[last].shape[0] === labels) return names;
  throw new RangeError(
    `cannot use ${module}: ${last}, the last parameter of its head, is [${params[last].shape}], and ` +
      `${labels} outputs are asked for`,
  );
}

/** Throws a RangeError where weights of a folder are not a model's: the encoder's all, and of the head at most its own. */
function requireWhole(drawn: Drawn, read: Readonly<Record<string, Tensor>>, folder: string): void {
  const fail = (reason: string): never => {
    throw new RangeError(`cannot use the weights in ${folder}: ${reason}`);
  };
  const known = new Set([...Object.keys(drawn.encoder), ...drawn.headNames]);
  for (const name of Object.keys(read)) if (!known.has(name)) fail(`no parameter of the model is called ${name}`);
  for (const [name, { shape }] of Object.entries(drawn.encoder)) {
    const found = read[name] ?? fail(`they lack ${name}`);
    if (found.shape.join() !== shape.join()) fail(`${name} is [${found.shape}], and the model has [${shape}]`);
  }
}

/** A model's weights as its folder has them, or as they are drawn. */
async function drawnOf(own: OwnModel, vocabSize: number): Promise<Drawn> {
  const { description: { weights }, module } = own;
  const params = draw(own, random.key(0), { vocabSize, labels: 2 });
  const headNames = headNamesOf(params, module, 2);
  const isHead = (name: string) => headNames.includes(name);
  const part = (all: Readonly<Record<string, Tensor>>, wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
  const matrix = headNames.map((name) => params[name].shape).findLast(({ length }) => length === 2);
  const hiddenSize = matrix?.[1] ?? 1;
  const drawn = { encoder: part(params, (name) => !isHead(name)), head: {}, headNames, hiddenSize };
  if (weights === undefined) return drawn;
  const folder = besideModule(module, weights);
  const read = await io.loadWeights(folder);
  requireWhole(drawn, read, folder);
  return { ...drawn, encoder: part(read, (name) => !isHead(name)), head: part(read, isHead) };
}

/** A model of one's own, ready to be made classifiers of. */
export interface OwnModelFiles {
  readonly own: OwnModel;
  readonly files: ModelFiles;
  /** Where what is known of its head stands. */
  readonly place: HeadPlace;
  /** Width of what its head takes. */
  readonly hiddenSize: number;
  /** Of weights and tokenizer; what is drawn is the module's. */
  readonly hash: string;
}

/** Throws a RangeError where a run asks of a model of one's own what it cannot do. */
function requirePlain(module: string, asked: Readonly<Record<string, unknown>>): void {
  const place = Object.keys(asked).find((name) => asked[name] !== undefined);
  if (place === undefined) return;
  throw new RangeError(`\`model.${place}\` is nothing of ${module}: leave it out with a model of one's own`);
}

/** The classifier of a model of one's own for so many labels. */
function classifierFor(
  { description, module }: OwnModel,
  { labels, vocabSize, headNames }: models.GivenSizes & Pick<Drawn, "headNames">,
): ClassifierModel {
  const { name, maxLength, targets, apply } = description;
  const config = { architecture: name, labels, labelNames: [], unusedKeys: [], vocabSize, maxLength };
  return {
    apply(params, batch, key) {
      const logits = apply(params, batch, key);
      const [rows] = batch.inputIds.shape;
      if (logits.shape.join() === [rows, labels].join()) return logits;
      throw new RangeError(
        `cannot use ${module}: its \`apply\` gives [${logits.shape}], and logits of ${rows} texts are [${rows},${labels}]`,
      );
    },
    headNames,
    loraTargets: targets,
    classPrefix: "",
    config: { ...config, problem: labels === 1 ? "regression" : "classification" },
  };
}

/** What classifiers are made of: weights that all runs share, and a head as files have it or as the seed draws it. */
function filesOf(own: OwnModel, tokenizer: Tokenizer, { encoder, head, headNames }: Drawn): ModelFiles {
  const { description: { maxLength }, module } = own;
  const { vocabSize } = tokenizer;
  const usual = head[headNames.at(-1)!]?.shape[0] ?? 2;
  const modelOf: ModelFiles["model"] = ({ labels = usual, dropout }) => {
    requirePlain(module, { dropout });
    return classifierFor(own, { labels, vocabSize, headNames });
  };
  return {
    tensors: { ...encoder, ...head },
    tokenizer,
    model: modelOf,
    load({ seed, isFresh, ...options }) {
      const model = modelOf(options);
      const { labels } = model.config;
      const drawn = draw(own, random.foldIn(random.key(seed), 1), { vocabSize, labels });
      headNamesOf(drawn, module, labels);
      const outputs = new Set(isFresh ? outputNames(model) : []);
      const isKept = (name: string) => !outputs.has(name) && head[name]?.shape.join() === drawn[name].shape.join();
      const partOf = (name: string) => encoder[name] ?? (isKept(name) ? head : drawn)[name];
      const base = Object.fromEntries(Object.keys(drawn).map((name) => [name, partOf(name)]));
      const report = { fresh: headNames.filter((name) => !isKept(name)), ignored: [], renamed: {} };
      return { model, base, tokenizer, maxLength, report, folder: module };
    },
  };
}

/**
 * A model of one's own with its tokenizer and weights.
 *
 * Throws an Error where the module, a folder or the head of it is wrong, and a RangeError where `asked` is more than it can
 * do.
 */
export async function ownModelFiles(
  path: string,
  asked: Pick<RunSpec["model"], "weights" | "revision"> = {},
): Promise<OwnModelFiles> {
  const own = await loadOwnModel(path);
  const { description: { name, weights }, module } = own;
  requirePlain(module, asked);
  const { tokenizer, hash: tokens } = await tokenizerOf(own);
  const drawn = await drawnOf(own, tokenizer.vocabSize);
  const files = filesOf(own, tokenizer, drawn);
  const last = drawn.headNames.at(-1)!;
  return {
    own,
    files,
    place: {
      owner: `the model in ${module}`,
      file: module,
      config: {},
      ...weights !== undefined && { folder: besideModule(module, weights) },
      last,
      outputs: () => Promise.resolve(drawn.head[last]?.shape[0]),
    },
    hiddenSize: drawn.hiddenSize,
    hash: await hashTensors(weights === undefined ? {} : files.tensors, `${name}\n${tokens}`),
  };
}
