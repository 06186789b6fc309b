import { namesIn, wholeSplit } from "../table/shards.ts";

/** Names of splits. `unknown` is for texts of which it is not known where they belong. */
export type SplitName = "train" | "dev" | "test" | "unknown";

/** Splits that have files of their own. */
export const FILE_SPLITS = ["train", "dev", "test"] as const;

/** Hugging Face's name of each split's files. */
const HUB_NAMES = { train: "train", dev: "validation|dev", test: "test" } as const;

/** What Hugging Face's names of files end in behind a split's name: the shards' numbers, then the format. */
const HUB_END = String.raw`(-\d+-of-\d+(-[0-9a-f]{6,})?)?\.(parquet|csv|jsonl|json)(\.gz)?`;

/** Files of splits in one folder, each split's in their order. */
export interface SplitFiles {
  readonly folder: string;
  /** Whether the files have Hugging Face's names and columns, or those of the first release. */
  readonly layout: "release" | "hub";
  readonly files: Readonly<Partial<Record<typeof FILE_SPLITS[number], readonly string[]>>>;
}

/** Where a task's files may lie, and what they are called. */
export interface SplitPlaces {
  /** Folders inside the one that is given, the likeliest first; "" is that folder itself. */
  readonly folders: readonly string[];
  /** Names of the first release, without `.gz`, by split: the first that is there counts. */
  readonly release: Readonly<Partial<Record<typeof FILE_SPLITS[number], readonly string[]>>>;
}

/** A name in a folder, plain before gzipped. */
function findName(names: readonly string[], wanted: readonly string[]): string | undefined {
  return wanted.flatMap((name) => [name, `${name}.gz`]).find((name) => names.includes(name));
}

/**
 * Finds the files of a task's splits: in the first of its folders that holds any, names of the first release before
 * those of Hugging Face's hub. `undefined` where there are none.
 *
 * Throws an Error where a shard is missing.
 */
export async function findSplits(dir: string, { folders, release }: SplitPlaces): Promise<SplitFiles | undefined> {
  const root = dir.replace(/(?<=.)\/+$/, "");
  for (const inside of folders) {
    const folder = inside === "" ? root : `${root}/${inside}`;
    const names = await namesIn(folder);
    const released = FILE_SPLITS.flatMap((split) => {
      const name = findName(names, release[split] ?? []);
      return name === undefined ? [] : [[split, [`${folder}/${name}`]] as const];
    });
    if (released.length > 0) return { folder, layout: "release", files: Object.fromEntries(released) };
    const ofHub = FILE_SPLITS.flatMap((split) => {
      const own = names.filter((name) => new RegExp(`^(${HUB_NAMES[split]})${HUB_END}$`).test(name));
      return own.length === 0 ? [] : [[split, wholeSplit(folder, own).map((name) => `${folder}/${name}`)] as const];
    });
    if (ofHub.length > 0) return { folder, layout: "hub", files: Object.fromEntries(ofHub) };
  }
  return undefined;
}
