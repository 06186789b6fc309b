/** A stretch of a text, by offsets, and whether it is a match of a pattern or lies between two. */
export type Stretch = readonly [start: number, end: number, isMatch: boolean];

/** Cuts a text into the matches of a pattern and what lies between them, which together are the whole text. */
export type FindStretches = (text: string) => Stretch[];

/** What becomes of matches as a text is split at them: `SplitDelimiterBehavior` of Hugging Face's tokenizers. */
export const SPLIT_BEHAVIORS = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;

/** One of {@linkcode SPLIT_BEHAVIORS}. */
export type SplitBehavior = typeof SPLIT_BEHAVIORS[number];

/** The stretches of a text by a regular expression, which is sticky or global and counts in code points. */
export function stretchesByPattern(pattern: RegExp): FindStretches {
  return (text) => {
    const found: Stretch[] = [];
    let [from, previousEnd, isBehindMatch] = [0, 0, false];
    while (from <= text.length) {
      pattern.lastIndex = from;
      const match = pattern.exec(text);
      if (!match) break;
      const [start, end] = [match.index, match.index + match[0].length];
      if (isInsideCharacter(text, start)) {
        // V8 finds empty matches there, too.
        from = start + 1;
        continue;
      }
      if (start === end && isBehindMatch && start === previousEnd) {
        // An empty match right behind another one does not count.
        from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
        continue;
      }
      if (start > previousEnd) found.push([previousEnd, start, false]);
      found.push([start, end, true]);
      [from, previousEnd, isBehindMatch] = [end, end, true];
    }
    if (previousEnd < text.length) found.push([previousEnd, text.length, false]);
    return found;
  };
}

/** Whether a place is between the two code units of a character. */
function isInsideCharacter(text: string, at: number): boolean {
  return at > 0 && (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

/** Stretches with matches and what lies between them in each other's place. */
export function inverted(find: FindStretches): FindStretches {
  return (text) => find(text).map(([start, end, isMatch]) => [start, end, !isMatch]);
}

/** The stretches that remain of a text when it is split; empty ones are left out. */
export function splitText(text: string, find: FindStretches, behavior: SplitBehavior): [start: number, end: number][] {
  const stretches = find(text);
  const found: [number, number][] = [];
  let wasMatch = false;
  const add = ([start, end, isMatch]: Stretch, joins: boolean) => {
    const last = found.at(-1);
    if (joins && last) [last[0], last[1]] = [Math.min(last[0], start), Math.max(last[1], end)];
    else found.push([start, end]);
    wasMatch = isMatch;
  };
  switch (behavior) {
    case "Removed":
      for (const stretch of stretches) if (!stretch[2]) add(stretch, false);
      break;
    case "Isolated":
      for (const stretch of stretches) add(stretch, false);
      break;
    case "Contiguous":
      for (const stretch of stretches) add(stretch, stretch[2] === wasMatch);
      break;
    case "MergedWithPrevious":
      for (const stretch of stretches) add(stretch, stretch[2] && !wasMatch);
      break;
    case "MergedWithNext":
      for (const stretch of stretches.reverse()) add(stretch, stretch[2] && !wasMatch);
      found.reverse();
  }
  return found.filter(([start, end]) => start < end);
}
