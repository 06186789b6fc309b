/** `train-00000-of-00002.parquet`; behind its numbers a name may have a mark of hexadecimal digits. */
const SHARD = /^(?<stem>.*)-(?<index>\d+)-of-(?<count>\d+)(?:-[0-9a-f]{6,})?(?<end>\.[^/]*)$/;

/** What a shard's name says of it. */
interface Shard {
  readonly name: string;
  readonly index: number;
  readonly count: number;
  /** What all shards of one split have in common, whatever their count. */
  readonly split: string;
  /** The name of another shard of the same count. */
  readonly nameOf: (index: number) => string;
}

/** What the name of one of several files says; `undefined` of a file of its own. */
function shardOf(name: string): Shard | undefined {
  const groups = SHARD.exec(name)?.groups;
  if (!groups) return undefined;
  const { stem, index, count, end } = groups;
  const nameOf = (other: number) => `${stem}-${String(other).padStart(index.length, "0")}-of-${count}${end}`;
  return { name, index: Number(index), count: Number(count), split: `${stem}${end}`, nameOf };
}

/** Two names that cannot both be meant: of different splits or counts, or twice the same shard. */
function rivals(names: readonly string[]): [string, string] | undefined {
  const [first] = names;
  const writing = (name: string) => {
    const shard = shardOf(name);
    return shard ? `${shard.split}, ${shard.count}` : name;
  };
  const other = names.find((name) => writing(name) !== writing(first));
  if (other !== undefined) return [first, other];
  const byIndex = new Map<number | undefined, string>();
  for (const name of names) {
    const index = shardOf(name)?.index;
    const twin = byIndex.get(index);
    if (twin !== undefined) return [twin, name];
    byIndex.set(index, name);
  }
  return undefined;
}

/**
 * Puts the files of one split, which lie in one folder, into their order.
 *
 * Throws an Error that names the file where a shard is missing, and two of them where not both can be meant: shards of
 * several counts, or a whole file beside shards.
 */
export function wholeSplit(folder: string, names: readonly string[]): string[] {
  const pair = rivals(names);
  if (pair) {
    throw new Error(
      `Cannot read ${folder} as ${pair[0]} and ${pair[1]} lie side by side: leave the files of one writing there`,
    );
  }
  const shards = names.map(shardOf).filter((shard) => shard !== undefined).sort((a, b) => a.index - b.index);
  if (shards.length === 0) return [...names];
  const [{ name, count, nameOf }] = shards;
  const gap = shards.findIndex(({ index }, i) => index !== i);
  if (gap < 0 && shards.length === count) return shards.map(({ name }) => name);
  const missing = nameOf(gap < 0 ? shards.length : gap);
  throw new Error(
    `Cannot read ${folder}/${name} as there is no ${folder}/${missing}: of ${count} files ${shards.length} are there`,
  );
}

/** The names in a folder, sorted; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/**
 * The files that one stands for: all shards of its split, in their order, where its name counts them; else itself.
 *
 * Throws what {@linkcode wholeSplit} throws.
 */
export async function filesOf(file: string): Promise<string[]> {
  const cut = file.lastIndexOf("/");
  const [folder, name] = cut < 0 ? [".", file] : [file.slice(0, cut), file.slice(cut + 1)];
  const split = shardOf(name)?.split;
  if (split === undefined) return [file];
  const names = (await namesIn(folder)).filter((other) => shardOf(other)?.split === split);
  return names.includes(name) ? wholeSplit(folder, names).map((other) => `${folder}/${other}`) : [file];
}
