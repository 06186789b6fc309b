/** How a word of a hypothesis matches one of a reference, in the order in which matches are looked for. */
export type MatchKind = "exact" | "stem" | "synonym";

/** A word of the hypothesis that stands for one of the reference. */
export interface Match {
  readonly kind: MatchKind;
  readonly hypothesis: number;
  readonly reference: number;
}

/** Matches of two texts, each word in one at most, and into how many runs of neighbours in both they fall. */
export interface WordAlignment {
  readonly matches: readonly Match[];
  readonly chunks: number;
}

/** Which words match but for being equal: those of one key of a kind at least. */
export type KeysOf = readonly (readonly [kind: MatchKind, keys: (word: string) => Iterable<string>])[];

/** An alignment of the reference's first words. */
interface Path {
  matches: readonly Match[];
  readonly used: ReadonlySet<number>;
  exact: number;
  chunks: number;
  /** The word of the hypothesis behind the last match, or −1 where the last word of the reference matches none. */
  next: number;
  distance: number;
}

/** How many paths are followed, as in METEOR 1.5. */
const BEAM_SIZE = 40;

/**
 * Aligns a hypothesis with a reference like METEOR 1.5 does: of all that match, the most exact matches, then the fewest
 * chunks, then the shortest way between the words' places, by a beam search along the reference.
 */
export function alignWords(hypothesis: readonly string[], reference: readonly string[], keysOf: KeysOf): WordAlignment {
  const isSame = hypothesis.length === reference.length && hypothesis.every((word, at) => word === reference[at]);
  const possible = findMatches(hypothesis, reference, isSame ? [] : keysOf);
  const fixed = fixedMatches(possible, hypothesis.length);
  const used = new Set(fixed.flatMap((match) => match ? [match.hypothesis] : []));
  let paths: Path[] = [{ matches: [], used, exact: 0, chunks: 0, next: -1, distance: 0 }];
  possible.forEach((matches, at) => {
    const match = fixed[at];
    paths = best(paths).flatMap((path) => match ? [follow(path, match)] : extend(path, matches));
  });
  const [first] = best(paths.map(closeChunk));
  return { matches: first.matches, chunks: countChunks(first.matches) };
}

/** All matches of each word of the reference, by kind, then by place in the hypothesis. */
function findMatches(hypothesis: readonly string[], reference: readonly string[], keysOf: KeysOf): Match[][] {
  const possible = reference.map((word, at) =>
    hypothesis.flatMap((other, i): Match[] => word === other ? [{ kind: "exact", hypothesis: i, reference: at }] : [])
  );
  for (const [kind, keys] of keysOf) {
    const keysOfHypothesis = hypothesis.map((word) => new Set(keys(word)));
    reference.forEach((word, at) => {
      const own = [...keys(word)];
      hypothesis.forEach((other, i) => {
        if (word !== other && own.some((key) => keysOfHypothesis[i].has(key))) {
          possible[at].push({ kind, hypothesis: i, reference: at });
        }
      });
    });
  }
  return possible;
}

/** Matches of two words that match nothing else. */
function fixedMatches(possible: readonly (readonly Match[])[], length: number): (Match | undefined)[] {
  const coverage = Array<number>(length).fill(0);
  for (const match of possible.flat()) coverage[match.hypothesis]++;
  return possible.map((matches) =>
    matches.length === 1 && coverage[matches[0].hypothesis] === 1 ? matches[0] : undefined
  );
}

function best(paths: readonly Path[]): Path[] {
  return paths.toSorted((left, right) =>
    right.exact - left.exact || left.chunks - right.chunks || left.distance - right.distance
  ).slice(0, BEAM_SIZE);
}

function follow(path: Path, match: Match, distance = Math.abs(match.reference - match.hypothesis)): Path {
  return {
    matches: [...path.matches, match],
    used: path.used,
    exact: path.exact + (match.kind === "exact" ? 2 : 0),
    chunks: path.chunks + (path.next !== -1 && path.next !== match.hypothesis ? 1 : 0),
    next: match.hypothesis + 1,
    distance: path.distance + distance,
  };
}

/**
 * A path for each match whose word is free, and the one that leaves the word of the reference out. Their distances are
 * METEOR 1.5's own: a path that takes a match is charged for the matches before it, the one that takes none for all.
 */
function extend(path: Path, matches: readonly Match[]): Path[] {
  const found: Path[] = [];
  let distance = 0;
  for (const match of matches) {
    if (path.used.has(match.hypothesis)) continue;
    found.push({ ...follow(path, match, distance), used: new Set(path.used).add(match.hypothesis) });
    distance += Math.abs(match.reference - match.hypothesis);
  }
  return [...found, { ...closeChunk(path), distance: path.distance + distance }];
}

function closeChunk(path: Path): Path {
  return path.next === -1 ? path : { ...path, chunks: path.chunks + 1, next: -1 };
}

/** A chunk ends where a word of either text lies between two matches, or their order differs. */
function countChunks(matches: readonly Match[]): number {
  return matches.filter((match, at) => {
    const before = matches[at - 1];
    return !before || before.reference + 1 !== match.reference || before.hypothesis + 1 !== match.hypothesis;
  }).length;
}
